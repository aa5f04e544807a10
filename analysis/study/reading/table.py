"""Anybody's table: a file, or a table at hand, with its numbers as people write them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError
from analysis.study.reading.formats import load
from analysis.study.reading.numbers import MARKS, AmbiguousError, Parsed, mark_shown, parse

Source = str | Path | pd.DataFrame | Mapping[str, Any]
"""A path, or a table: a DataFrame (whatever has `to_pandas` too), or columns by name."""

_TEXT = ("run_id", "of", "pretrained_run", "git_commit", "corpus_digest")
"""Columns of a study's tables that stay text, even where they look like numbers."""
_TRUTH = {"true": True, "false": False}


@dataclass(frozen=True)
class Reading:
    """A table as it was read.

    table: of a file of text, numbers where a whole column is numbers; else what is there; where: what to call
    it in an error; said: what was understood of each column that was not written plainly; notes: of
    the whole; decimal: the decimal mark that the table shows, or that was given; written: the cells
    as they were before.
    """

    table: pd.DataFrame
    where: str
    written: pd.DataFrame
    said: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    decimal: str | None = None
    decimal_given: bool = False

    def numbers(self, column: str) -> Parsed:
        """A column as numbers [rows], NaN where it has none. Raises `AnalysisError` where it can be
        read in two ways."""
        cells = self.table[column]
        if pd.api.types.is_bool_dtype(cells):
            return Parsed(np.full(len(cells), np.nan), np.ones(len(cells), bool))
        if pd.api.types.is_numeric_dtype(cells) and not pd.api.types.is_complex_dtype(cells):
            values = cells.to_numpy(float, na_value=np.nan)
            return Parsed(values, np.zeros(len(cells), bool), self.said.get(column, ""))
        mark = self.decimal or _mark_of(self.written)
        return parse(f"{self.where}: {column}", _as_text(cells), mark, self.decimal_given)

    def keeping(self, rows) -> Reading:
        """The same with some of its rows; they keep their places."""
        return replace(self, table=self.table[rows], written=self.written[rows])


def read(source: Source, missing: str = "check the path", decimal: str | None = None) -> Reading:
    """Read a CSV (however it is separated), JSON, JSON lines or Parquet file, or a table at hand.

    missing: what to do where there is no such file; decimal: "comma" or "point", where the table does
    not show it. Rows are numbered from 0 without blank ones. Raises `AnalysisError` naming the file
    and the row.
    """
    if decimal is not None and decimal not in MARKS:
        raise AnalysisError(f"decimal: {decimal!r}; write comma or point")
    where, notes, is_text = "table", list[str](), False
    if isinstance(source, str | Path):
        where = str(source)
        table, notes, is_text = load(Path(source), missing)
    else:
        table = _at_hand(source)
    if isinstance(table.index, pd.MultiIndex) or table.index.name in _TEXT:
        table = table.reset_index()
    table = table.reset_index(drop=True)
    table.columns = [str(name).replace("\u00a0", " ").strip() for name in table.columns]
    twice = table.columns[table.columns.duplicated()]
    if len(twice):
        raise AnalysisError(f"{where}: two columns are called {twice[0]}; rename or remove one")
    mark = MARKS[decimal] if decimal else _mark_of(table) if is_text else None
    found = Reading(table, where, table, {}, tuple(notes), mark, decimal is not None)
    return _with_numbers(found) if is_text else found


def read_table(source: Source, missing: str = "check the path") -> pd.DataFrame:
    """`read`, the table alone."""
    return read(source, missing).table


def _at_hand(source: Any) -> pd.DataFrame:
    if isinstance(source, pd.DataFrame):
        return source.copy()
    if hasattr(source, "to_pandas"):
        return source.to_pandas()
    try:
        return pd.DataFrame(source)
    except Exception as error:  # whatever it is, it is no table
        raise AnalysisError(
            f"table: {type(source).__name__} is none ({error}); give a path or a DataFrame"
        ) from error


def _with_numbers(reading: Reading) -> Reading:
    """Of a file that is all text, the columns that are numbers or truths throughout as such."""
    table, cells = reading.table, _texts(reading.table)
    found, said = {}, {}
    for name, column in cells.items():
        values = _plainly(column, reading.decimal or ".")
        if values is not None:
            found[name] = values
            if reading.decimal == "," and column.str.contains(",", regex=False).any():
                place = int(np.argmax(column.str.contains(",", regex=False).fillna(False)))
                said[name] = f"{column.iloc[place]} is {values.iloc[place]:.15g}"
            continue
        truths = column.str.lower().map(_TRUTH)
        if len(truths) and truths.notna().all():
            found[name] = truths.astype(bool)
            continue
        try:
            parsed = reading.numbers(name)
        except AmbiguousError:
            continue  # told of where the column is needed
        if not parsed.bad.any() and np.isfinite(parsed.values).any():
            found[name], said[name] = pd.Series(parsed.values, table.index), parsed.said
    return replace(reading, table=table.assign(**found), said=said)


def _mark_of(table: pd.DataFrame) -> str | None:
    """The decimal mark that the columns of numbers written as text agree in, None if in none."""
    marks = set()
    for cells in _texts(table).values():
        plain = next((mark for mark in ".," if _plainly(cells, mark) is not None), None)
        shown = _plain_mark(cells, plain) if plain else mark_shown(cells.dropna().unique())
        marks.add(shown)
    marks -= {None}
    return marks.pop() if len(marks) == 1 else None


def _texts(table: pd.DataFrame) -> dict[str, pd.Series]:
    kinds = pd.api.types
    return {
        str(name): _as_text(table[name])
        for name in table
        if name not in _TEXT
        and not kinds.is_numeric_dtype(table[name])
        and not kinds.is_datetime64_any_dtype(table[name])
    }


def _as_text(cells: pd.Series) -> pd.Series:
    """Cells as strings, missing ones as such, whatever objects they are."""
    if pd.api.types.is_string_dtype(cells) and cells.dtype != object:
        return cells
    told = [None if _is_missing(cell) else str(cell) for cell in cells]
    return pd.Series(told, cells.index, dtype="str")


def _is_missing(cell: Any) -> bool:
    return cell is None or (pd.api.types.is_scalar(cell) and bool(pd.isna(cell)))


def _plainly(cells: pd.Series, mark: str = ".") -> pd.Series | None:
    """Numbers as every program writes them but for the decimal mark, None where some are written
    otherwise."""
    if not len(cells) or not cells.notna().any():
        return None
    if mark == ",":
        if cells.str.contains(".", regex=False).any():
            return None
        cells = cells.str.replace(",", ".", regex=False)
    try:
        values = pd.to_numeric(cells.dropna())
    except (ValueError, TypeError, OverflowError):
        return None
    if not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_complex_dtype(values):
        return None
    if pd.api.types.is_integer_dtype(values) and len(values) == len(cells):
        return values
    return values.astype(float).reindex(cells.index)


def _plain_mark(cells: pd.Series, mark: str) -> str | None:
    """`mark` where a column of plain numbers has some that can only be decimal marks."""
    marked = cells.dropna()
    marked = marked[marked.str.contains(mark, regex=False)]
    is_open = marked.str.fullmatch(rf"[+-]?[1-9]\d{{0,2}}[{mark}]\d{{3}}")
    return mark if len(marked) and not is_open.all() else None
