"""A table row by row, group by group: what stands in its cells is known to the table alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd


def rows_of(table: pd.DataFrame) -> Iterator[Any]:
    """Each row, its columns as attributes; `Index` is its label."""
    return table.itertuples()


def groups_of(table: pd.DataFrame, by: str | list[str]) -> Iterator[tuple[Any, pd.DataFrame]]:
    """The value of the column `by` (a tuple of several) and the rows that have it, in order."""
    return iter(table.groupby(by))


def highest(table: pd.DataFrame, column: str) -> pd.Series:
    """The row in which `column` is highest, the first of several."""
    return _row(table, table[column].idxmax())


def lowest(table: pd.DataFrame, column: str) -> pd.Series:
    """The row in which `column` is lowest, the first of several."""
    return _row(table, table[column].idxmin())


def _row(table: pd.DataFrame, label: Any) -> pd.Series:
    return table.loc[label]
