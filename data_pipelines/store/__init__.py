"""Packed sequences on disk: `sequences` reads them at random, without TensorFlow; `tasks`, `rows`
and `packing` write them.
"""

from data_pipelines.store.sequences import (
    SPLITS,
    Manifest,
    SequenceStore,
    Shard,
    row_digests,
    token_type,
)

__all__ = ["SPLITS", "Manifest", "SequenceStore", "Shard", "row_digests", "token_type"]
