"""Datasets of TFDS by their names: read where they lie prepared, on this machine or in its bucket."""

from __future__ import annotations

import socket
from pathlib import Path

from data_pipelines.corpora.documents import SPLITS
from data_pipelines.errors import OstinatoError
from data_pipelines.quiet import tfds

BUCKET = "gs://tfds-data/datasets"
_TIMEOUT_SECONDS = 5


def public_builder(corpus: str, root: Path) -> tfds.core.DatasetBuilder:
    """The prepared TFDS dataset 'name/config': in `root`, in TFDS's own directory, or in the bucket.

    Raises OstinatoError where it is in none of them, or has no text feature.
    """
    for place in (str(root), tfds.core.constants.DATA_DIR, BUCKET):
        if place == BUCKET and not _reachable():
            raise OstinatoError(
                f"corpus: {corpus} is neither in {root} nor can {BUCKET} be reached; put a prepared "
                "TFDS dataset there, or take pydocs, pycode, zipf or text_files:DIR"
            )
        try:
            builder = tfds.core.read_only_builder.builder_from_files(corpus, data_dir=place)
        except (tfds.core.DatasetNotFoundError, ValueError):
            continue
        if "text" not in builder.info.features:
            raise OstinatoError(
                f"corpus: {corpus} has no feature 'text' but {', '.join(builder.info.features)}"
            )
        return builder
    raise OstinatoError(
        f"corpus: {corpus} is unknown; known: pydocs, pycode, zipf, text_files:DIR and the prepared "
        f"text datasets of TFDS such as c4/en in {root} or {BUCKET}"
    )


def split_names(builder: tfds.core.DatasetBuilder) -> dict[str, str]:
    """What stands for train, validation and test in a dataset.

    Where it has no test split of its own, as C4, the second half of validation does.
    """
    splits = builder.info.splits
    if set(SPLITS) <= set(splits):
        return {split: split for split in SPLITS}
    return {"train": "train", "validation": "validation[:50%]", "test": "validation[50%:]"}


def _reachable() -> bool:
    try:
        socket.create_connection(("storage.googleapis.com", 443), _TIMEOUT_SECONDS).close()
    except OSError:
        return False
    return True
