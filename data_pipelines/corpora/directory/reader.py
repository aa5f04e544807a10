"""A file's records, by what its name says that it is, unpacked as they are read.

Kinds are .txt (the file is a document), .jsonl and .ndjson (a record a line), .json (the same, or
one array), .csv and .parquet (a record a row), each also as .gz, .bz2, .xz or .zst.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import shutil
import tempfile
import zlib
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pyarrow as pa

from data_pipelines.config.reading import AS_THEY_ARE, Reading
from data_pipelines.corpora.directory.lines import json_lines, json_values
from data_pipelines.corpora.directory.records import BOM, EMPTY, Bad, undecodable
from data_pipelines.corpora.directory.tables import csv_rows, parquet_rows
from data_pipelines.errors import OstinatoError

KINDS = (".txt", ".jsonl", ".ndjson", ".json", ".csv", ".parquet")
PACKED = (".gz", ".bz2", ".xz", ".zst")
_MEMBERS: dict[str, Callable[[], Any]] = {
    ".bz2": bz2.BZ2Decompressor,
    ".xz": lzma.LZMADecompressor,
}
_PADDING = b"\0"
_BLOCK = 2**17
SUFFIXES = tuple(kind + packing for kind in KINDS for packing in ("", *PACKED))

_FAULTS = (OSError, EOFError, zlib.error, lzma.LZMAError, pa.ArrowException)


class Progress:
    """How far the reading of a file is."""

    def __init__(self, raw: io.BufferedReader | None = None, size: int = 0):
        self._raw, self._size = raw, size

    @property
    def bytes(self) -> int:
        """Of the file as it lies on the disk, as many as have been read."""
        return min(self._raw.tell(), self._size) if self._raw and not self._raw.closed else 0


def read_records(
    file: Path,
    reading: Reading = AS_THEY_ARE,
    begun: Callable[[Progress], None] = lambda progress: None,
) -> Generator[str | Bad, None, None]:
    """Yield the records of a file in their order, each the text of a document, or bad.

    `begun` is given what tells how far the reading is. Raises OstinatoError naming the file where it
    cannot be read as what its name says, as a whole or from some place on.
    """
    name, packing = file.name.lower(), file.suffix.lower()
    is_packed = packing in PACKED
    kind = Path(name.removesuffix(packing) if is_packed else name).suffix
    try:
        with file.open("rb") as raw:
            begun(Progress(raw, file.stat().st_size))
            stream = _unpacked(raw, packing) if is_packed else raw
            if kind == ".parquet":
                with tempfile.TemporaryFile() as whole:
                    if is_packed:  # a table's end is read before the rest
                        shutil.copyfileobj(stream, whole)
                    yield from parquet_rows(file, whole if is_packed else raw, reading)
            elif kind == ".txt":
                yield _whole(stream.read())
            elif kind == ".csv":
                yield from csv_rows(file, stream, reading)
            elif kind == ".json":
                yield from json_values(file, stream, reading)
            else:
                yield from json_lines(stream, reading)
    except _FAULTS as error:
        reason = getattr(error, "strerror", None) or (str(error) or type(error).__name__)
        raise unreadable(file, reason.splitlines()[0]) from None


def _unpacked(raw: io.BufferedReader, packing: str) -> io.BufferedIOBase:
    """What is packed in a file, in one part or in several one after the other."""
    if packing == ".gz":
        return gzip.GzipFile(fileobj=raw)
    if packing == ".zst":  # of which the zstandard package takes one that is cut off for whole
        return io.BufferedReader(pa.CompressedInputStream(raw, "zstd"))
    return io.BufferedReader(_Members(raw, _MEMBERS[packing]), _BLOCK)


class _Members(io.RawIOBase):
    """Members of a file one after the other: the libraries' own files stop before one that is damaged
    as if it were not there."""

    def __init__(self, raw: io.BufferedReader, begin: Callable[[], Any]):
        self._raw, self._begin, self._rest = raw, begin, b""
        self._member: Any = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        while True:
            data = self._read(len(buffer))
            if data is None:
                return 0
            if data:
                buffer[: len(data)] = data
                return len(data)

    def _read(self, size: int) -> bytes | None:
        """Some more bytes, perhaps none; None at the end."""
        if self._member and self._member.eof:
            self._rest, self._member = self._member.unused_data.lstrip(_PADDING), None
        if self._member is None or self._member.needs_input:
            block = self._rest or self._raw.read(_BLOCK)
            self._rest = b""
            if self._member is None:
                block = block.lstrip(_PADDING)
            elif not block:
                raise EOFError("it is cut off")
            if not block and not self._raw.peek(1):
                return None
        else:
            block = b""
        if self._member is None:
            if not block:
                return b""
            self._member = self._begin()
        return self._member.decompress(block, size)


def unreadable(path: Path | str, reason: str) -> OstinatoError:
    """What is said of a file or directory that cannot be read."""
    return OstinatoError(f"corpus: {path} cannot be read ({reason}); mend it, or take it away")


def _whole(data: bytes) -> str | Bad:
    """A file of text as one document."""
    try:
        return data.removeprefix(BOM).decode() or Bad(EMPTY, "", "is empty")
    except UnicodeDecodeError as error:
        return undecodable("", error)
