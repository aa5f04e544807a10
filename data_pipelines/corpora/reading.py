"""The documents of a corpus or of one of its splits, each with its place: from a user's own files
where they lie, else from the prepared corpus.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data_pipelines.config import AS_THEY_ARE, Reading, unknown_name
from data_pipelines.corpora import prepare_corpus
from data_pipelines.corpora.directory import TextDirectory
from data_pipelines.corpora.documents import SPLITS, Document
from data_pipelines.errors import OstinatoError

if TYPE_CHECKING:
    from tensorflow_datasets.core import DatasetBuilder


class Documents(ABC):
    """(place, document), each place from 0 on once, in any order; the same ones each time."""

    left_out: Mapping[str, int] = {}
    """Records that are no documents by cause, once all have been read."""

    @abstractmethod
    def __iter__(self) -> Iterator[tuple[int, Document]]: ...

    @property
    @abstractmethod
    def share(self) -> float:
        """How much of it the reading that goes on has read."""


def open_documents(
    corpus: str,
    split: str | None,
    data_dir: Path,
    progress: Callable[[str], None],
    reading: Reading = AS_THEY_ARE,
) -> Documents:
    """The documents of `split`, or all of them; `reading` is how a user's own files are read.

    Raises OstinatoError where the corpus is unknown or cannot be made, or has no such split.
    """
    if split not in (None, *SPLITS):
        raise OstinatoError(f"split: {unknown_name('split', split, SPLITS)}")
    kind, _, directory = corpus.partition(":")
    if kind == "text_files":
        text = TextDirectory(Path(directory), reading)
        return AllOfDirectory(text) if split is None else SplitOfDirectory(text, split)
    return PreparedDocuments(prepare_corpus(corpus, data_dir, progress, reading), split)


class PreparedDocuments(Documents):
    """What TFDS has written, in that order: a split, or all of them one after the other."""

    def __init__(self, builder: DatasetBuilder, split: str | None):
        from data_pipelines.corpora.public import split_names  # loads TensorFlow

        names = split_names(builder)
        self._builder, self._names = builder, [names[split]] if split else [*names.values()]
        self._read = 0
        self.left_out = (builder.info.metadata or {}).get("left_out", {})

    def __len__(self) -> int:
        return sum(self._builder.info.splits[name].num_examples for name in self._names)

    @property
    def share(self) -> float:
        return self._read / max(1, len(self))

    def __iter__(self) -> Iterator[tuple[int, Document]]:
        places = count()
        for name in self._names:
            dataset = self._builder.as_dataset(split=name, shuffle_files=False)
            for example, place in zip(dataset.as_numpy_iterator(), places):  # noqa: B905 - endless
                self._read = place
                source = example.get("source", f"document {place}".encode()).decode()
                yield place, Document(source, example["text"].decode())


class AllOfDirectory(Documents):
    """All documents of a user's directory, in the order of its files."""

    def __init__(self, text: TextDirectory):
        self._text = text

    @property
    def left_out(self) -> Mapping[str, int]:  # type: ignore[override] # as far as it has been read
        return self._text.left_out

    @property
    def share(self) -> float:
        return self._text.share

    def __iter__(self) -> Iterator[tuple[int, Document]]:
        return enumerate(self._text)


class SplitOfDirectory(AllOfDirectory):
    """A split of a user's directory, without a prepared corpus: the places are those it would have."""

    def __init__(self, text: TextDirectory, split: str):
        super().__init__(text)
        self._split = split
        if not text.splits_by_document:
            raise OstinatoError(
                f"split: {split}: {text.directory} has too few documents to be split by them, a "
                "study splits its sequences; leave split (--split) out to read all of it"
            )
        number = sum(found == split for found, _ in text.by_split())
        # TFDS sorts what it writes by the MD5 of the split's name and the document's number.
        digests = [hashlib.md5(f"{split}{n}".encode()).digest() for n in range(number)]
        self._places = np.empty(number, np.int64)
        self._places[np.argsort(np.array(digests, "S16"))] = np.arange(number)

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[tuple[int, Document]]:
        return zip(self._places.tolist(), self._text.documents(self._split), strict=True)
