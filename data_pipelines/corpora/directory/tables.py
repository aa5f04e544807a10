"""Records of tables: rows of CSV and Parquet files, by the column that holds the text."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from data_pipelines.config.reading import Reading
from data_pipelines.corpora.directory.records import RAGGED, UNDECODABLE, Bad, listed, text
from data_pipelines.errors import OstinatoError

DELIMITERS = ",;\t|"
"""Of CSV files: the first of these under which the header has the column."""

_HEAD = 2**14
"""Characters within which the quotes of a header have to be closed."""
_ROWS_AT_ONCE = 256
_NOT_UTF8 = b"\xff"


def csv_rows(file: Path, stream: io.BufferedIOBase, reading: Reading) -> Iterator[str | Bad]:
    """Yield the rows of a CSV file with a header, but for blank ones.

    Raises OstinatoError where the header lacks the column, and where a quote is misplaced: rows have
    no end then.
    """
    csv.field_size_limit(sys.maxsize)  # else 128 kB: less than many a document
    # What is not UTF-8 becomes lone surrogates, which only the row that has them is refused for.
    with io.TextIOWrapper(stream, "utf-8-sig", "surrogateescape", newline="") as lines:  # type: ignore[type-var] # no raw stream is asked of it
        yield from _rows(file, lines, reading)


def _rows(file: Path, lines: TextIO, reading: Reading) -> Iterator[str | Bad]:
    head, begins = lines.readline(), 2
    while head.isspace() or (head.count('"') % 2 and len(head) < _HEAD):
        if not (line := lines.readline()):
            break
        head, begins = (line if head.isspace() else head + line), begins + 1
    if not head.strip():
        return
    headers = (
        next(csv.reader(io.StringIO(head, newline=""), delimiter=letter)) for letter in DELIMITERS
    )
    heads = dict(zip(DELIMITERS, headers, strict=True))
    name = reading.text_field
    fitting = [letter for letter, head in heads.items() if name in head]
    if not fitting:
        most = max(heads.values(), key=len)
        raise _no_column(file, name, most)
    header = heads[fitting[0]]
    if header.count(name) > 1:
        raise OstinatoError(f"corpus: {file} has {header.count(name)} columns {name!r}; rename one")
    column, before = header.index(name), begins
    rows = csv.reader(lines, delimiter=fitting[0], strict=True)
    while True:
        where = f"line {begins}"
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            raise OstinatoError(
                f"corpus: {file} {where} is broken CSV ({error}), and where its next row begins "
                "cannot be told; mend its quotes, or take it away"
            ) from None
        begins = before + rows.line_num
        if not row:
            continue
        if len(row) != len(header):
            cells = f"has {len(row)} cells, the header {len(header)}"
            yield Bad(RAGGED, where, f"{cells}: commas within text need quotes")
        elif any("\udc80" <= letter <= "\udcff" for letter in row[column]):
            yield Bad(UNDECODABLE, where, "is not UTF-8")
        else:
            yield text(row[column], where, reading)


def parquet_rows(file: Path, whole: IO[bytes], reading: Reading) -> Iterator[str | Bad]:
    """Yield the rows of a Parquet file, of any kind of string or UTF-8 bytes.

    Raises OstinatoError where the column is not there or holds something else.
    """
    table = pq.ParquetFile(whole)
    path = _path(file, table.schema_arrow, reading)
    number = 0
    for batch in table.iter_batches(_ROWS_AT_ONCE, columns=[".".join(path)]):
        values = _values(batch.column(0))
        for value in values:
            for part in path[1:]:
                value = value and value[part]
            number += 1
            yield text(value, f"row {number}", reading)


def _path(file: Path, schema: pa.Schema, reading: Reading) -> list[str]:
    """The names that lead to the column of text."""
    name = reading.text_field
    path = [name] if name in schema.names else name.split(".")
    fields, kind = {field.name: field.type for field in schema}, pa.null()
    for part in path:
        if part not in fields:
            raise _no_column(file, name, list(_leaves(schema)))
        kind = fields[part]
        is_struct = pa.types.is_struct(kind)
        fields = {field.name: field.type for field in kind.fields} if is_struct else {}
    if schema.names.count(path[0]) > 1:
        raise OstinatoError(f"corpus: {file} has several columns {path[0]!r}; rename one")
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    lists = (pa.types.is_list, pa.types.is_large_list, pa.types.is_list_view)
    if any(is_list(kind) for is_list in lists) and _is_text(kind.value_type):
        if reading.join_lists is None:
            raise OstinatoError(
                f"corpus: {file} column {name!r} holds lists of strings, not strings; "
                "join_lists: ' ' (--join-lists ' ') joins each with a space"
            )
    elif not _is_text(kind):
        raise OstinatoError(
            f"corpus: {file} column {name!r} holds {kind}, not strings; name another with text_field "
            f"(--text-field): {listed(list(_leaves(schema)), '')}"
        )
    return path


def _is_text(kind: pa.DataType) -> bool:
    types = pa.types
    strings = types.is_string(kind), types.is_large_string(kind), types.is_string_view(kind)
    binary = types.is_binary(kind), types.is_large_binary(kind), types.is_binary_view(kind)
    return any((*strings, *binary, types.is_null(kind)))


def _leaves(fields: Any, before: str = "") -> Iterator[str]:
    for field in fields:
        if pa.types.is_struct(field.type):
            yield from _leaves(field.type.fields, f"{before}{field.name}.")
        else:
            yield before + field.name


def _values(column: pa.Array) -> list[Any]:
    try:
        return column.to_pylist()
    except UnicodeDecodeError:  # Parquet's strings are bytes that nobody has checked
        return [_value(scalar) for scalar in column]


def _value(scalar: pa.Scalar) -> Any:
    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        return scalar.as_buffer().to_pybytes() if hasattr(scalar, "as_buffer") else _NOT_UTF8


def _no_column(file: Path, name: str, names: list[str]) -> OstinatoError:
    first = listed(names[:1], "") if names else "NAME"
    remedy = f"; name it with text_field (--text-field {first})"
    return OstinatoError(f"corpus: {file} has no column {name!r} but {listed(names, remedy)}")
