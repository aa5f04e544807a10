"""A table row by row, group by group: what stands in its cells is known to the table alone."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterator
from functools import cache
from itertools import starmap
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from pandas.core.groupby import DataFrameGroupBy


def rows_of(table: pd.DataFrame) -> Iterator[Any]:
    """Each row, its columns as attributes."""
    kind = _row_kind(tuple(table.columns))
    return starmap(kind, zip(*(column for _, column in table.items()), strict=True))


@cache
def _row_kind(columns: tuple[str, ...]) -> Any:
    """Making one takes longer than the rows of most tables, and the same tables come again."""
    return namedtuple("Row", columns, rename=True)


def groups_of(table: pd.DataFrame, by: str | list[str]) -> Iterator[tuple[Any, pd.DataFrame]]:
    """The value of the column `by` (a tuple of several) and the rows that have it, in order."""
    return iter(table.groupby(by))


def run_ids_of(groups: DataFrameGroupBy) -> pd.Series:
    """The `run_id` of each group's rows, as lists: `agg(list)`, in a fraction of its time."""
    sizes = groups.size()
    order = groups.ngroup().to_numpy().argsort(kind="stable")  # rows without a key come last
    grouped, ends = groups.obj.run_id.to_numpy(object)[order].tolist(), sizes.cumsum()
    lists = [grouped[end - size : end] for size, end in zip(sizes, ends, strict=True)]
    kind = object if lists else groups.obj.run_id.dtype  # none: a column of text
    return pd.Series(lists, sizes.index, dtype=kind)


def highest(table: pd.DataFrame, column: str) -> pd.Series:
    """The row in which `column` is highest, the first of several."""
    return _row(table, table[column].idxmax())


def lowest(table: pd.DataFrame, column: str) -> pd.Series:
    """The row in which `column` is lowest, the first of several."""
    return _row(table, table[column].idxmin())


def _row(table: pd.DataFrame, label: Any) -> pd.Series:
    return table.loc[label]
