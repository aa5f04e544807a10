"""Records of JSON files: one a line, or the values of one array, or values one after the other."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from io import BufferedIOBase
from itertools import chain
from json import JSONDecodeError, JSONDecoder
from pathlib import Path
from typing import Any

from data_pipelines.config.reading import Reading
from data_pipelines.corpora.directory.records import BOM, Bad, document, parse_json
from data_pipelines.errors import OstinatoError

_AT_ONCE = 2**20
_PEEK = 2**10
_MARK = "\ufeff"
_BLANK = re.compile(r"[ \t\r\n]*")
_LITERAL = len("-Infinity")
"""Characters by which the longest of JSON's literals may be cut off at the end of what is read."""


def json_lines(lines: Iterable[bytes], reading: Reading) -> Iterator[str | Bad]:
    """Yield the records of lines, but for blank ones."""
    for number, line in enumerate(lines, 1):
        if number == 1:
            line = line.removeprefix(BOM)
        if line.isspace() or not line:
            continue
        where = f"line {number}"
        value = parse_json(line, where)
        yield value if isinstance(value, Bad) else document(value, where, reading)


def json_values(file: Path, stream: BufferedIOBase, reading: Reading) -> Iterator[str | Bad]:
    """Yield the records of a .json file: lines, one array, or objects written over several lines.

    Raises OstinatoError where an array or an object of several lines is broken: where the next one
    begins cannot be told.
    """
    head = stream.peek(_PEEK).removeprefix(BOM).lstrip()  # type: ignore[attr-defined] # all have it
    before: list[bytes] = []
    for line in () if head.startswith(b"[") else stream:
        before.append(line)
        if shown := line.removeprefix(BOM).strip():
            if shown.endswith(b"}"):
                yield from json_lines(chain(before, stream), reading)
                return
            break
    blocks = chain(before, iter(lambda: stream.read(_AT_ONCE), b""))
    for number, value in enumerate(_Values(file, blocks), 1):
        yield document(value, f"record {number}", reading)


class _Values:
    """The values of a file of JSON, in memory one at a time."""

    def __init__(self, file: Path, blocks: Iterator[bytes]):
        self._file, self._blocks, self._ended = file, blocks, False
        # What is not UTF-8 becomes lone surrogates, which a record is refused for by itself.
        self._text = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._decoder = JSONDecoder()
        self._read, self._at, self._before = "", 0, 0

    def __iter__(self) -> Iterator[Any]:
        is_array = self._next() == "["
        if is_array:
            self._at += 1
            if self._next() == "]":
                self._at += 1
                return self._end()
        while self._next():
            yield self._value()
            if is_array:
                follows = self._next()
                if follows not in (",", "]"):
                    raise self._broken("expecting ',' or ']'", self._at)
                self._at += 1
                if follows == "]":
                    return self._end()
        if is_array:
            raise self._broken("the array has no end", self._at)

    def _end(self) -> None:
        if self._next():
            raise self._broken("there is more after the end of the array", self._at)

    def _value(self) -> Any:
        while True:
            try:
                value, end = self._decoder.raw_decode(self._read, self._at)
                # A number may go on in what is not read yet.
                if end < len(self._read) or not self._more():
                    self._at = end
                    return value
            except JSONDecodeError as error:
                cut_off = error.msg.startswith(("Unterminated", "Invalid \\u"))
                cut_off |= error.pos >= len(self._read) - _LITERAL
                if not (cut_off and self._more()):
                    raise self._broken(error.msg.removesuffix(" at"), error.pos) from None
            except RecursionError:
                raise self._broken("nested too deeply", self._at) from None
            except ValueError:
                raise self._broken("a number too long", self._at) from None

    def _next(self) -> str:
        """The next character that is not blank; nothing at the end."""
        while True:
            self._at = _BLANK.match(self._read, self._at).end()  # type: ignore[union-attr] # none is a match
            if self._at < len(self._read) or not self._more():
                return self._read[self._at : self._at + 1]

    def _more(self) -> bool:
        """Read as much again as is not used yet; False at the end."""
        self._before += self._at
        rest = self._read[self._at :]
        parts, wanted = [rest], max(_AT_ONCE, len(rest))
        while wanted > 0 and not self._ended:
            block = next(self._blocks, b"")
            self._ended = not block
            parts.append(self._text.decode(block, final=self._ended))
            wanted -= len(parts[-1])
        self._read, self._at = "".join(parts), 0
        if not self._before and self._read.startswith(_MARK):
            self._at = len(_MARK)
        return len(self._read) > len(rest)

    def _broken(self, reason: str, at: int) -> OstinatoError:
        return OstinatoError(
            f"corpus: {self._file} is broken JSON ({reason}, character {self._before + at + 1:,}), "
            "and where its next record begins cannot be told; mend it, write a record a line, or "
            "take it away"
        )
