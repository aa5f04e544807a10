"""Which files of a directory are a corpus, and their documents one after the other."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from functools import cached_property, lru_cache
from itertools import islice
from pathlib import Path

from data_pipelines.config.reading import AS_THEY_ARE, Reading
from data_pipelines.corpora.directory.reader import (
    KINDS,
    PACKED,
    SUFFIXES,
    Progress,
    read_records,
    unreadable,
)
from data_pipelines.corpora.directory.records import EMPTY, LIST, NO_FIELD, Bad, by_cause
from data_pipelines.corpora.documents import SPLITS, Document, split_of
from data_pipelines.errors import OstinatoError

_NAMED = 5
"""Bad records of a file that are named when it is refused."""
_LEAVE_OUT = "leave them out with on_bad_record: skip (--on-bad-record skip)"


class TextDirectory:
    """The documents of a directory, each as it is, one file after the other.

    Raises OstinatoError where there is no text in it, and while reading, on what cannot be read, or
    is a bad record that shall not be left out. Empty documents are left out in any case.
    """

    def __init__(self, directory: Path, reading: Reading = AS_THEY_ARE):
        self.directory, self.reading = directory.expanduser().resolve(), reading
        self.files = text_files(self.directory)
        self.read = 0
        """Documents that the last complete reading has met, those left out included."""
        self.left_out: Counter[str] = Counter()
        """How many the last reading has left out, by cause."""
        self._before, self._progress = 0, Progress()

    @cached_property
    def splits_by_document(self) -> bool:
        """Whether a document falls into each split; else they are too few, and sequences are split."""
        found: set[str] = set()
        for split, _ in self.by_split():
            found.add(split)
            if len(found) == len(SPLITS):
                return True
        return False

    @property
    def share(self) -> float:
        """How much of its bytes the reading that goes on has read."""
        return (self._before + self._progress.bytes) / max(1, self._size)

    @cached_property
    def _size(self) -> int:
        return sum(file.stat().st_size for file in self.files)

    def documents(self, split: str) -> Iterator[Document]:
        """Yield the documents of a split, the same ones in the same order each time."""
        return (document for found, document in self.by_split() if found == split)

    def by_split(self) -> Iterator[tuple[str, Document]]:
        """Yield every document with the split that it falls into."""
        return ((split_of(document.text), document) for document in self)

    def __iter__(self) -> Iterator[Document]:
        self.read, self.left_out, self._before = 0, Counter(), 0
        for file in self.files:
            with closing(read_records(file, self.reading, self._begin)) as records:
                for number, record in enumerate(records):
                    self.read += 1
                    if isinstance(record, str):
                        yield Document(f"{file.relative_to(self.directory)}:{number}", record)
                    elif record.cause == EMPTY or self.reading.on_bad_record == "skip":
                        self.left_out[record.cause] += 1
                    else:
                        raise _refused(file, record, records)
            self._before += file.stat().st_size
            self._progress = Progress()
        if self.left_out.total() == self.read:
            raise self._without_text()

    def digest(self) -> str:
        """Digest of the files' names and contents, in hexadecimal."""
        digest = hashlib.sha256()
        for file in self.files:
            name = f"{file.relative_to(self.directory)}\0"
            digest.update(name.encode(errors="surrogateescape"))
            try:
                digest.update(_sha256(file))
            except OSError as error:
                raise unreadable(file, error.strerror or str(error)) from None
        return digest.hexdigest()

    def _begin(self, progress: Progress) -> None:
        self._progress = progress

    def _without_text(self) -> OstinatoError:
        told = f"corpus: {self.directory} holds no text, its {self.read:,} documents are all "
        if set(self.left_out) <= {EMPTY}:
            return OstinatoError(told + "empty")
        remedy = f"; is {self.reading.text_field!r} the field (text_field, --text-field)?"
        return OstinatoError(f"{told}bad: {by_cause(self.left_out)}{remedy}")


def _refused(file: Path, first: Bad, rest: Iterator[str | Bad]) -> OstinatoError:
    """What is said of a bad record, and of those that follow it in its file."""
    bad = [first]
    if not first.is_of_all:
        others = (r for r in rest if isinstance(r, Bad) and r.cause != EMPTY and not r.is_of_all)
        bad += islice(others, _NAMED)
    told = ", ".join(f"{record.where} {record.told}".strip() for record in bad[:_NAMED])
    more = " and more" if len(bad) > _NAMED else ""
    them = "them" if len(bad) > 1 else "it"
    if first.cause == NO_FIELD:
        remedy = (
            f"name the field with text_field (--text-field), take the file away, or {_LEAVE_OUT}"
        )
    elif first.cause == LIST:
        remedy = f"join_lists: ' ' (--join-lists ' ') joins each with a space, or {_LEAVE_OUT}"
    else:
        remedy = f"mend {them}, or {_LEAVE_OUT.replace('them', them)}"
    return OstinatoError(f"corpus: {file} {told}{more}; {remedy}")


def text_files(directory: Path) -> list[Path]:
    """The files of a directory and those below it that hold text, sorted.

    Raises OstinatoError where there is no such directory or no such file in it, and naming the
    directory among them that cannot be read.
    """
    if not directory.is_dir():
        remedy = "give the one that it lies in" if directory.is_file() else "check the path"
        raise OstinatoError(f"corpus: text_files:{directory} is not a directory; {remedy}")
    files = sorted(
        Path(place, name)
        for place, _, names in os.walk(directory, onerror=_refuse)
        for name in names
        if name.lower().endswith(SUFFIXES) and Path(place, name).is_file()
    )
    if not files:
        raise OstinatoError(
            f"corpus: text_files:{directory} holds no text; put {', '.join(KINDS)} files there, "
            f"as they are or as {', '.join(PACKED)}"
        )
    return files


def _refuse(error: OSError) -> None:
    raise unreadable(error.filename, error.strerror or str(error)) from None


def _sha256(file: Path) -> bytes:
    status = file.stat()
    return _sha256_of(file, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=2**20)
def _sha256_of(file: Path, size: int, modified: int) -> bytes:
    """A file's digest, read once in a process unless its size or time of change are others."""
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").digest()
