"""A user's own directory as documents, as they are: nothing is cleaned or deduplicated, as what its
duplicates cost may be the question. No TensorFlow in here: it would take longer than the reading.

A .txt file is a document; so is each line of a .jsonl or .jsonl.gz file (field 'text') and each
row of a .parquet file (column 'text'). Other files are passed over.
"""

from __future__ import annotations

import gzip
import hashlib
import itertools
import json
import os
import zlib
from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from data_pipelines.corpora.documents import Document, split_of
from data_pipelines.errors import OstinatoError

SUFFIXES = (".txt", ".jsonl", ".jsonl.gz", ".parquet")
_ROWS_AT_ONCE = 1024


class TextDirectory:
    """The documents of a directory, each as it is, one file after the other.

    Raises OstinatoError where there is no text in it, and while reading, on what cannot be read.
    """

    def __init__(self, directory: Path):
        self.directory = directory.expanduser().resolve()
        self.files = text_files(self.directory)
        self.read = 0
        """Documents that the last complete reading has met, empty ones included."""

    def documents(self, split: str) -> Iterator[Document]:
        """Yield the documents of a split, the same ones in the same order each time."""
        return (document for found, document in self.by_split() if found == split)

    def by_split(self) -> Iterator[tuple[str, Document]]:
        """Yield every document with the split that it falls into."""
        self.read = empty = 0
        for file in self.files:
            for number, text in enumerate(read_documents(file)):
                self.read += 1
                empty += not text
                if text:
                    source = f"{file.relative_to(self.directory)}:{number}"
                    yield split_of(text), Document(source, text)
        if empty == self.read:
            raise OstinatoError(
                f"corpus: {self.directory} holds no text, its {empty:,} documents are all empty"
            )

    def digest(self) -> str:
        """Digest of the files' names and contents, in hexadecimal."""
        digest = hashlib.sha256()
        for file in self.files:
            name = f"{file.relative_to(self.directory)}\0"
            digest.update(name.encode(errors="surrogateescape"))
            digest.update(_reading(file, _sha256))
        return digest.hexdigest()


def text_files(directory: Path) -> list[Path]:
    """The files of a directory and those below it that hold text, sorted.

    Raises OstinatoError where there is no such directory or no such file in it, and naming the
    directory among them that cannot be read.
    """
    if not directory.is_dir():
        raise OstinatoError(f"corpus: text_files:{directory} is not a directory")
    files = sorted(
        Path(place, name)
        for place, _, names in os.walk(directory, onerror=_refuse)
        for name in names
        if name.endswith(SUFFIXES) and Path(place, name).is_file()
    )
    if not files:
        raise OstinatoError(
            f"corpus: text_files:{directory} holds no text; put {', '.join(SUFFIXES)} files there"
        )
    return files


def read_documents(file: Path) -> Iterator[str]:
    """Yield the documents of a file, one after the other.

    Raises OstinatoError naming the file, and the line in it, where it cannot be read as what its
    name says, is not UTF-8, or has no 'text'.
    """
    if file.name.endswith(".txt"):
        yield _decode(_reading(file, Path.read_bytes), file)
    elif file.name.endswith(".parquet"):
        yield from _parquet(file)
    else:
        yield from _json_lines(file)


def _json_lines(file: Path) -> Iterator[str]:
    opened = gzip.open if file.name.endswith(".gz") else open
    with _reading(file, partial(opened, mode="rb")) as lines:
        for number in itertools.count(1):
            line = _reading(file, lambda _: lines.readline())
            if not line:
                return
            where = f"{file} line {number}"
            try:
                text = json.loads(_decode(line, where))["text"]
            except (json.JSONDecodeError, KeyError, TypeError, IndexError):
                text = None
            if not isinstance(text, str):
                raise OstinatoError(f"corpus: {where} is not JSON with a string 'text'; mend it")
            yield text


def _parquet(file: Path) -> Iterator[str]:
    table = _reading(file, pq.ParquetFile)
    if "text" not in table.schema_arrow.names:
        raise OstinatoError(
            f"corpus: {file} has no column 'text' but {', '.join(table.schema_arrow.names)}"
        )
    for batch in table.iter_batches(_ROWS_AT_ONCE, columns=["text"]):
        yield from (text or "" for text in batch.column(0).to_pylist())


def _decode(data: bytes, where: Path | str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise OstinatoError(
            f"corpus: {where} is not UTF-8 (byte {error.start}); convert it, or take it away"
        ) from None


def _reading(path: Path, read):
    """`read(path)`, or one line on why it cannot be read."""
    try:
        return read(path)
    except (OSError, EOFError, zlib.error, pa.ArrowInvalid) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise _unreadable(path, reason) from None


def _refuse(error: OSError) -> None:
    raise _unreadable(error.filename, error.strerror or str(error)) from None


def _unreadable(path: Path | str, reason: str) -> OstinatoError:
    return OstinatoError(f"corpus: {path} cannot be read ({reason}); mend it, or take it away")


def _sha256(file: Path) -> bytes:
    status = file.stat()
    return _sha256_of(file, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=2**20)
def _sha256_of(file: Path, size: int, modified: int) -> bytes:
    """A file's digest, read once in a process unless its size or time of change are others."""
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").digest()
