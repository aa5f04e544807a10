"""What a corpus is made of: documents with a source, a split by hash, and a digest over them all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from data_pipelines.errors import OstinatoError

SPLITS = ("train", "validation", "test")
VALIDATION_PERCENT = TEST_PERCENT = 2
BY_SEQUENCE = "sequence"
"""What a corpus is split by that has too few documents: all are in train, its sequences are split."""


class Document(NamedTuple):
    """A text and where it is from, such as 'jax/_src/lax/lax.py:dot_general'."""

    source: str
    text: str


def split_of(text: str) -> str:
    """'train', 'validation' or 'test' (96, 2 and 2 in a hundred), by a hash of the text alone.

    A document's split stays what it is whatever is added to its corpus or taken from it.
    """
    percent = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) % 100
    if percent < VALIDATION_PERCENT:
        return "validation"
    return "test" if percent < VALIDATION_PERCENT + TEST_PERCENT else "train"


def too_few(corpus: str, split: str) -> OstinatoError:
    """What is said of a corpus none of whose documents falls into a split."""
    return OstinatoError(
        f"corpus: {corpus} has too few documents, none falls into its {split} split; "
        "add documents, or cut long ones into several"
    )


class ContentDigest:
    """SHA-256 over the documents of a split, in their order."""

    def __init__(self) -> None:
        self.count = 0
        self._hash = hashlib.sha256()

    def add(self, document: Document) -> None:
        """Take in a document."""
        self.count += 1
        for part in document:
            data = part.encode()
            self._hash.update(len(data).to_bytes(8) + data)

    @staticmethod
    def of(splits: Iterable[ContentDigest]) -> str:
        """The digest of a corpus, in hexadecimal, from those of its splits."""
        return hashlib.sha256(b"".join(split._hash.digest() for split in splits)).hexdigest()
