"""Write a corpus as packed sequences: a seqio task in, the shards of a `SequenceStore` out.

Each shard of the corpus becomes one shard of the store, by itself and in the corpus's order, so
shards can be written in parallel, and an interrupted preparation goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from data_pipelines.atomic import replacing, write_json
from data_pipelines.errors import OstinatoError
from data_pipelines.quiet import seqio
from data_pipelines.store import MANIFEST, SHARD, SPLITS, Manifest, Shard, check_shard, sha256

_DOCUMENTS_AT_ONCE = 512


def pack(
    task: seqio.Task,
    directory: Path,
    *,
    corpus: str,
    digest: str,
    vocabulary: str,
    context: int,
    unit: str,
    splits: tuple[str, ...],
    progress: Callable[[str], None],
) -> Manifest:
    """Write `splits` of `task` to `directory` and return the manifest, written last.

    Shards that are already there are kept. Raises OstinatoError where a split has not one sequence.
    """
    size = task.output_features["targets"].vocabulary.vocab_size
    packed = {}
    for split in splits:
        count = len(task.source.list_shards(split))
        shards = []
        for index in range(count):
            progress(f"packing {corpus} {split} {index + 1}/{count}")
            shards.append(_shard(task, directory, split, index, count, size, context, unit))
        if not sum(shard.sequences for shard in shards):
            raise OstinatoError(
                f"corpus: {corpus} has not one whole sequence of context {context} in its {split} "
                "split; give more text or a shorter context"
            )
        packed[split] = tuple(shards)
    progress(f"looking for equal sequences in {corpus}")
    left_out = _leave_out(directory, packed)
    manifest = Manifest(corpus, digest, vocabulary, size, context, unit, packed, left_out)
    write_json(directory / "manifest.json", MANIFEST.dump_python(manifest, mode="json"))
    return manifest


def _shard(
    task, directory: Path, split: str, index: int, count: int, size: int, context: int, unit: str
) -> Shard:
    path = directory / f"{split}-{index:05d}-of-{count:05d}.npy"
    record = path.with_suffix(".json")
    if record.exists():
        shard = SHARD.validate_python(json.loads(record.read_text()))
        try:
            check_shard(directory, shard, checksum=True)
            return shard
        except OstinatoError:
            pass  # damaged: written anew
    documents = _Documents(task, split, index, count)
    rows = (
        _packed(documents, context + 1) if unit == "sequence" else _padded(documents, context + 1)
    )
    dtype = np.uint16 if size <= 2**16 else np.uint32
    blocks = [block.astype(dtype) for block in rows]
    tokens = np.concatenate(blocks) if blocks else np.empty((0, context + 1), dtype)
    with replacing(path) as temporary:
        np.save(temporary, tokens)
        shard = Shard(
            path.name, len(tokens), documents.count, temporary.stat().st_size, sha256(temporary)
        )
    write_json(record, SHARD.dump_python(shard, mode="json"))
    return shard


def _leave_out(directory: Path, packed: dict[str, tuple[Shard, ...]]) -> dict[str, Shard]:
    """Write, for each split, the rows whose content an earlier row has; 8 bytes of memory a row."""
    splits = [split for split in reversed(SPLITS) if split in packed]
    shards = [shard for split in splits for shard in packed[split]]
    digests = np.concatenate(
        [row_digests(np.load(directory / shard.file, mmap_mode="r")) for shard in shards]
    )
    _, first = np.unique(digests, return_index=True)
    again = np.ones(len(digests), bool)
    again[first] = False
    result, start = {}, 0
    for split in splits:
        count = sum(shard.sequences for shard in packed[split])
        rows = np.flatnonzero(again[start : start + count])
        path = directory / f"{split}-left-out.npy"
        with replacing(path) as temporary:
            np.save(temporary, rows)
            result[split] = Shard(
                path.name, len(rows), 0, temporary.stat().st_size, sha256(temporary)
            )
        start += count
    return result


def row_digests(rows: np.ndarray) -> np.ndarray:
    """64 bits of the BLAKE2b of each row, uint64 [n]."""
    digests = b"".join(hashlib.blake2b(row, digest_size=8).digest() for row in rows)
    return np.frombuffer(digests, np.uint64)


class _Documents:
    """Ragged batches of a task's tokenised documents, counted as they pass."""

    def __init__(self, task: seqio.Task, split: str, index: int, count: int):
        self.count = 0
        self._dataset = task.get_dataset(
            None, split, shuffle=False, shard_info=seqio.ShardInfo(index, count)
        )

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield (tokens of the documents one after the other, their lengths)."""
        for batch in self._dataset.map(lambda x: x["targets"]).ragged_batch(_DOCUMENTS_AT_ONCE):
            lengths = batch.row_lengths().numpy()
            self.count += len(lengths)
            yield batch.values.numpy(), lengths


def _packed(documents: _Documents, length: int) -> Iterator[np.ndarray]:
    """Documents one after the other, cut into rows; the last, incomplete row is dropped."""
    rest = np.empty(0, np.int32)
    for tokens, _ in documents:
        tokens = np.concatenate([rest, tokens])
        whole = len(tokens) // length * length
        yield tokens[:whole].reshape(-1, length)
        rest = tokens[whole:]


def _padded(documents: _Documents, length: int) -> Iterator[np.ndarray]:
    """A row a document: its first tokens, padded with 0 (seqio's padding id)."""
    for tokens, lengths in documents:
        rows = np.zeros((len(lengths), length), np.int32)
        kept = np.minimum(lengths, length)
        starts = np.cumsum(lengths) - lengths
        inside = np.arange(length) < kept[:, None]
        rows[inside] = tokens[(starts[:, None] + np.arange(length))[inside]]
        yield rows
