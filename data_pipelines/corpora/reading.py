"""The documents of a split, each with its place in it: from a user's own files where they lie, else
from the prepared corpus.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data_pipelines.config import unknown_name
from data_pipelines.corpora import prepare_corpus
from data_pipelines.corpora.directory import TextDirectory
from data_pipelines.corpora.documents import SPLITS, Document, too_few
from data_pipelines.errors import OstinatoError

if TYPE_CHECKING:
    from tensorflow_datasets.core import DatasetBuilder


class Documents(ABC):
    """A split's documents: (place, document), each place of 0 to `len` once, in any order."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __iter__(self) -> Iterator[tuple[int, Document]]: ...


def open_documents(
    corpus: str, split: str, data_dir: Path, progress: Callable[[str], None]
) -> Documents:
    """The documents of `split`; raises OstinatoError where the corpus is unknown or cannot be made."""
    if split not in SPLITS:
        raise OstinatoError(f"split: {unknown_name('split', split, SPLITS)}")
    kind, _, directory = corpus.partition(":")
    if kind == "text_files":
        progress(f"counting the documents of {corpus}")
        return DirectoryDocuments(Path(directory), split)
    return PreparedDocuments(prepare_corpus(corpus, data_dir, progress), split)


class PreparedDocuments(Documents):
    """A split as TFDS has written it, in that order."""

    def __init__(self, builder: DatasetBuilder, split: str):
        from data_pipelines.corpora.public import split_names  # loads TensorFlow

        self._builder, self._split = builder, split_names(builder)[split]

    def __len__(self) -> int:
        return self._builder.info.splits[self._split].num_examples

    def __iter__(self) -> Iterator[tuple[int, Document]]:
        dataset = self._builder.as_dataset(split=self._split, shuffle_files=False)
        for place, example in enumerate(dataset.as_numpy_iterator()):
            source = example.get("source", f"document {place}".encode()).decode()
            yield place, Document(source, example["text"].decode())


class DirectoryDocuments(Documents):
    """A split of a user's directory, without a prepared corpus: the places are those it would have."""

    def __init__(self, directory: Path, split: str):
        self._text, self._split = TextDirectory(directory), split
        counts = dict.fromkeys(SPLITS, 0)
        for found, _ in self._text.by_split():
            counts[found] += 1
        for found, count in counts.items():
            if not count:
                raise too_few("text_files", found)
        # TFDS sorts what it writes by the MD5 of the split's name and the document's number.
        digests = [
            hashlib.md5(f"{split}{number}".encode()).digest() for number in range(counts[split])
        ]
        self._places = np.empty(len(digests), np.int64)
        self._places[np.argsort(np.array(digests, "S16"))] = np.arange(len(digests))

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[tuple[int, Document]]:
        return zip(self._places.tolist(), self._text.documents(self._split), strict=True)
