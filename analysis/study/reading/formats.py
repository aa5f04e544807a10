"""A file as a table of what stands in its cells: CSV however it is separated, JSON, Parquet.

Which it is, its content tells. Cells of text formats stay text here; `numbers` reads them.
"""

from __future__ import annotations

import csv
import io
import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.errors import AnalysisError
from analysis.words import plural

_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_SAMPLE = 200  # lines that a separator is sought in
_PACKED = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\xfd7zXZ\x00": "lzma"}
_RULE = re.compile(r":?-+:?")  # below the header of a table in Markdown


def load(path: Path, missing: str = "check the path") -> tuple[pd.DataFrame, list[str], bool]:
    """The table in a file, what has to be said of it, and whether all its cells are text; raises
    `AnalysisError` naming the file, and the row where one is at fault."""
    if not path.is_file():
        raise AnalysisError(f"{path}: no such table; {missing}")
    content = _unpacked(path, path.read_bytes())
    if content.startswith(b"PAR1") or ".parquet" in path.suffixes:
        return _parquet(path, content), [], False
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise AnalysisError(f"{path}: a spreadsheet's own file; save it as CSV and give that")
    text, notes = _decoded(path, content)
    if not text.strip():
        raise AnalysisError(f"{path}: empty; give a table with a header and a row for each run")
    if text.lstrip()[0] in "{[" and (table := _json(path, text)) is not None:
        return table, notes, False
    return _separated(path, text), notes, True


def _unpacked(path: Path, content: bytes) -> bytes:
    for magic, name in _PACKED.items():
        if content.startswith(magic):
            try:
                return import_module(name).decompress(content)
            except Exception as error:  # each of them has errors of its own
                raise AnalysisError(f"{path}: a broken {name} file ({error})") from error
    return content


def _parquet(path: Path, content: bytes) -> pd.DataFrame:
    try:
        return pd.read_parquet(io.BytesIO(content))
    except Exception as error:  # the parser raises what it likes; the reader needs the path
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise AnalysisError(f"{path}: not a readable CSV or Parquet table ({reason})") from error


def _decoded(path: Path, content: bytes) -> tuple[str, list[str]]:
    """Text in UTF-8, in UTF-16 as Excel's "Unicode text", or in Windows' Western letters."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    elif content[:1000].count(0) > len(content[:1000]) / 4:
        encodings = ["utf-16-le" if content[1:2] == b"\0" else "utf-16-be"]
    else:
        encodings = ["utf-8-sig", "cp1252", "latin-1"]
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            break
        told = encoding in ("cp1252", "latin-1")
        return text, [f"{path}: not UTF-8; read as {encoding}"] if told else []
    raise AnalysisError(f"{path}: not a readable CSV or Parquet table (its bytes are no text)")


def _json(path: Path, text: str) -> pd.DataFrame | None:
    """One array of records, columns by name, or a record a line; None for what is no JSON at all."""
    try:
        content: Any = json.loads(text)
    except (ValueError, RecursionError):
        lines = [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
        content = []
        for number, line in lines:
            try:
                content.append(json.loads(line))
            except (ValueError, RecursionError) as error:
                if not content:  # a CSV whose header begins with a bracket
                    return None
                raise AnalysisError(
                    f"{path}: line {number} is no JSON ({error}); repair or remove it"
                ) from None
    if isinstance(content, dict):
        columns = [value for value in content.values() if isinstance(value, list | dict)]
        if columns and len(columns) == len(content):
            try:
                return pd.DataFrame(content).reset_index(drop=True)
            except ValueError as error:
                raise AnalysisError(f"{path}: {error}; give columns of one length") from None
        content = [content]
    if isinstance(content, list):
        wrong = [place for place, row in enumerate(content, 1) if not isinstance(row, dict)]
        if content and not wrong:
            return pd.json_normalize(content)
        told = f"record {wrong[0]} is no object" if wrong else "no records"
        raise AnalysisError(f"{path}: {told}; give objects such as {{'params': 7e7, 'loss': 3.1}}")
    return None


def _separated(path: Path, text: str) -> pd.DataFrame:
    """A table of text cells, missing where they are blank; rows and columns without any are left out."""
    first, _, rest = text.partition("\n")
    told = re.fullmatch(r"\s*\"?sep=(.)\"?\s*", first, re.IGNORECASE)
    rows = _split(path, rest, told[1]) if told else _best(path, text)
    rows = [[cell.strip() for cell in row] for row in rows]
    rows = [row for row in rows if any(row)]
    rows = [row for row in rows if not all(_RULE.fullmatch(cell) for cell in row if cell)]
    while len(rows) > 1 and rows[0][0].startswith("#") and len(rows[0]) < len(rows[1]):
        rows = rows[1:]  # a remark above the table
    if not rows:
        raise AnalysisError(f"{path}: empty; give a table with a header and a row for each run")
    head = rows[0]
    head[0] = head[0].removeprefix("#").strip()
    while len(head) > 1 and not head[-1] and not any(any(row[len(head) - 1 :]) for row in rows[1:]):
        head = head[:-1]
    for place, row in enumerate(rows[1:], 1):
        if any(row[len(head) :]):
            raise AnalysisError(
                f"{path}: row {place}: {len(row)} cells under {plural(len(head), 'column')} "
                f"({' | '.join(row)}); put numbers with commas in quotes, or separate by semicolons"
            )
    if all(re.fullmatch(r"[\d.,eE+-]+", name) for name in head):
        raise AnalysisError(
            f"{path}: no header: its first row is {', '.join(head)}; name the columns there"
        )
    cells = [[cell or None for cell in (*row, *[""] * len(head))][: len(head)] for row in rows[1:]]
    return _with_names(path, head, pd.DataFrame(cells, columns=range(len(head)), dtype="str"))


def _with_names(path: Path, head: list[str], table: pd.DataFrame) -> pd.DataFrame:
    """The columns under their names: nameless empty ones left out, as is a column that is there twice."""
    kept: dict[str, int] = {}
    for place, name in enumerate(head):
        if not name and table[place].isna().all():
            continue
        name = name or f"column {place + 1}"
        if name in kept and not table[place].equals(table[kept[name]]):
            raise AnalysisError(f"{path}: two columns are called {name}; rename or remove one")
        kept.setdefault(name, place)
    return table[list(kept.values())].set_axis(list(kept), axis=1)


def _best(path: Path, text: str) -> list[list[str]]:
    """The rows by the separator that gives the most of them the header's number of cells."""
    sample = "\n".join(text.splitlines()[:_SAMPLE])
    found = []
    for separator in _SEPARATORS:
        try:
            rows = [row for row in _cells(sample, separator, False) if any(map(str.strip, row))]
        except csv.Error:
            continue
        if not rows:
            continue
        widths = [_width(row) for row in rows]
        own = [row for row in widths[1:] if row == widths[0]]
        if widths[0] > 1:
            found.append((len(own) / max(len(rows) - 1, 1), widths[0], separator))
    if found:
        return _split(path, text, max(found, key=lambda item: item[:2])[2])
    lines = [line.split() for line in text.splitlines() if line.strip()]
    spaced = len({len(line) for line in lines}) == 1 and len(lines[0]) > 1 and len(lines) > 1
    return lines if spaced else _split(path, text, ",")


def _split(path: Path, text: str, separator: str) -> list[list[str]]:
    try:
        return list(_cells(text, separator))
    except csv.Error as error:
        told = "a quote is never closed" if "end of data" in str(error) else error
        raise AnalysisError(f"{path}: not a readable CSV or Parquet table ({told})") from None


def _cells(text: str, separator: str, strict: bool = True):
    """The rows; `strict` refuses a quote that is never closed, which would swallow the rows after it."""
    lines, blanks = io.StringIO(text, newline=""), separator != "\t"
    return csv.reader(lines, delimiter=separator, skipinitialspace=blanks, strict=strict)


def _width(row: list[str]) -> int:
    """The number of cells up to the last that is not blank."""
    return max((place for place, cell in enumerate(row, 1) if cell.strip()), default=0)
