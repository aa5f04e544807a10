"""Packed sequences on disk: `context + 1` tokens a row, read at random through memory maps.

A store is a directory of `.npy` shards and a `manifest.json` that names them, with their sizes and
checksums, beside what they were made from. It is read without TensorFlow.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass

from data_pipelines.errors import OstinatoError

SPLITS = ("train", "validation", "test")
VERIFIED_BYTES = 2**30
"""Stores up to this size are verified by checksum at each opening, larger ones by file size."""


def token_type(vocabulary_size: int) -> type[np.unsignedinteger]:
    """The integer type that tokens of a vocabulary are kept in."""
    return np.uint16 if vocabulary_size <= 2**16 else np.uint32


@checked_dataclass(frozen=True)
class Shard:
    """One file of packed sequences."""

    file: str
    sequences: int
    documents: int
    bytes: int
    sha256: str


@checked_dataclass(frozen=True)
class Manifest:
    """What a store holds and what it was made from."""

    corpus: str
    corpus_digest: str
    vocabulary: str
    vocabulary_size: int
    context: int
    unit: str
    splits: dict[str, tuple[Shard, ...]]
    left_out: dict[str, Shard]
    """By split, the file of the rows that are not read, as an earlier one has the same content: in
    the order test, validation, train, so that nothing held out is ever trained on."""
    split_by: str = "document"
    """'sequence' where the corpus has too few documents to be split by them."""
    records_left_out: dict[str, int] = field(default_factory=dict)
    """Records of the corpus that are no documents, by cause."""
    words: str | None = None
    """File of the vocabulary, where that is a list of words, among the vocabularies of the data_dir."""


MANIFEST = TypeAdapter(Manifest)
SHARD = TypeAdapter(Shard)


@dataclass(frozen=True)
class Split:
    """The packed sequences of one split, each content once, numbered through its shards."""

    directory: Path
    shards: tuple[Shard, ...]
    left_out: Shard

    @cached_property
    def _maps(self) -> list[np.ndarray]:
        return [np.load(self.directory / shard.file, mmap_mode="r") for shard in self.shards]

    @cached_property
    def _ends(self) -> np.ndarray:
        return np.cumsum([shard.sequences for shard in self.shards])

    @cached_property
    def _skips(self) -> np.ndarray:
        """How many rows are read before each one that is left out, ascending."""
        left_out = np.load(self.directory / self.left_out.file)
        return left_out - np.arange(len(left_out))

    def __len__(self) -> int:
        return sum(shard.sequences for shard in self.shards) - self.left_out.sequences

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Tokens of `rows` (int64 [n]) as an array [n, context + 1] of the store's integer type."""
        rows = np.asarray(rows, np.int64)
        rows = rows + np.searchsorted(self._skips, rows, side="right")
        if len(self._maps) == 1:
            return self._maps[0][rows]
        shard = np.searchsorted(self._ends, rows, side="right")
        out = np.empty((len(rows), *self._maps[0].shape[1:]), self._maps[0].dtype)
        for number in np.unique(shard):
            here = shard == number
            start = self._ends[number] - self.shards[number].sequences
            out[here] = self._maps[number][rows[here] - start]
        return out


@dataclass(frozen=True, eq=False)
class SequenceStore:
    """An opened store: its manifest and its splits."""

    directory: Path
    manifest: Manifest

    def split(self, name: str) -> Split:
        """The packed sequences of 'train', 'validation' or 'test'."""
        return self._splits[name]

    @cached_property
    def _splits(self) -> dict[str, Split]:
        return {
            name: Split(self.directory, shards, self.manifest.left_out[name])
            for name, shards in self.manifest.splits.items()
        }

    @staticmethod
    @lru_cache(maxsize=16)
    def open(directory: Path) -> SequenceStore:
        """Open and verify a store.

        Raises OstinatoError where the manifest is missing or a shard is missing, truncated or
        altered, naming it.
        """
        try:
            manifest = MANIFEST.validate_json((directory / "manifest.json").read_bytes())
        except FileNotFoundError:
            raise OstinatoError(
                f"{directory}: holds no packed sequences; prepare the corpus first"
            ) from None
        except ValidationError:
            raise OstinatoError(
                f"{directory / 'manifest.json'}: damaged; delete {directory} and prepare it again"
            ) from None
        shards = [shard for split in manifest.splits.values() for shard in split]
        shards += manifest.left_out.values()
        verify = sum(shard.bytes for shard in shards) <= VERIFIED_BYTES
        for shard in shards:
            check_shard(directory, shard, checksum=verify)
        return SequenceStore(directory, manifest)


def check_shard(directory: Path, shard: Shard, *, checksum: bool) -> None:
    """Raise OstinatoError if a shard's file is not the one that was written."""
    path = directory / shard.file
    size = path.stat().st_size if path.exists() else None
    if size is None:
        fault = "missing"
    elif size != shard.bytes:
        fault = f"truncated or altered ({size} bytes, {shard.bytes} written)"
    elif checksum and sha256(path) != shard.sha256:
        fault = "altered (its checksum is another)"
    else:
        return
    raise OstinatoError(f"{path}: shard is {fault}; delete it and prepare the corpus again")


def row_digests(rows: np.ndarray) -> np.ndarray:
    """64 bits of the BLAKE2b of each row, uint64 [n]."""
    digests = b"".join(hashlib.blake2b(row, digest_size=8).digest() for row in rows)
    return np.frombuffer(digests, np.uint64)


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
