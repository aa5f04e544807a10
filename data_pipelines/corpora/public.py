"""Datasets of TFDS by their names: read where they lie prepared, on this machine or in its bucket."""

from __future__ import annotations

import socket
from pathlib import Path

from data_pipelines.corpora.documents import BY_SEQUENCE, SPLITS
from data_pipelines.errors import OstinatoError
from data_pipelines.system import quiet
from data_pipelines.system.quiet import tfds

BUCKET = "gs://tfds-data/datasets"
_TIMEOUT_SECONDS = 5


def public_builder(corpus: str, root: Path) -> tfds.core.DatasetBuilder:
    """The prepared TFDS dataset 'name/config': in `root`, in TFDS's own directory, or in the bucket.

    Raises OstinatoError where it is in none of them, or has no text feature.
    """
    for place in (str(root), tfds.core.constants.DATA_DIR):
        if builder := _find(corpus, place):
            return _with_text(builder)
    reachable = _reachable()
    if reachable and (builder := _find(corpus, BUCKET)):
        return _with_text(builder)
    if Path(corpus).is_dir():
        raise OstinatoError(f"corpus: {corpus} is a directory; write text_files:{corpus}")
    raise OstinatoError(
        f"corpus: {corpus} is none of pydocs, pycode, zipf, markov, echo, facts, preferences and "
        f"text_files:DIR, nor a dataset of TFDS prepared in {root} or {BUCKET}"
        + ("" if reachable else ", which cannot be reached from here")
    )


def _find(corpus: str, place: str) -> tfds.core.DatasetBuilder | None:
    try:
        return tfds.core.read_only_builder.builder_from_files(corpus, data_dir=place)
    except ValueError:  # not there, or no name of TFDS's
        return None
    except quiet.tf.errors.OpError:  # the bucket's refusal; TensorFlow is loaded for no other
        return None


def _with_text(builder: tfds.core.DatasetBuilder) -> tfds.core.DatasetBuilder:
    if "text" not in builder.info.features:
        raise OstinatoError(
            f"corpus: {builder.info.full_name} has no feature 'text' but "
            f"{', '.join(builder.info.features)}"
        )
    return builder


def split_names(builder: tfds.core.DatasetBuilder) -> dict[str, str]:
    """What stands for train, validation and test in a dataset.

    Where it has no test split of its own, as C4, the second half of validation does. Of a corpus of
    ours that has too few documents to be split, all are in train.
    """
    splits = builder.info.splits
    if splits_by_sequence(builder):
        return {"train": "train"}
    if set(SPLITS) <= set(splits):
        return {split: split for split in SPLITS}
    return {"train": "train", "validation": "validation[:50%]", "test": "validation[50%:]"}


def splits_by_sequence(builder: tfds.core.DatasetBuilder) -> bool:
    """Whether a prepared corpus leaves it to its sequences to be split."""
    return (builder.info.metadata or {}).get("split_by") == BY_SEQUENCE


def _reachable() -> bool:
    try:
        socket.create_connection(("storage.googleapis.com", 443), _TIMEOUT_SECONDS).close()
    except OSError:
        return False
    return True
