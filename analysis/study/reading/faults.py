"""Rows that nothing can be fitted to: listed, or left out and counted by cause."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError
from analysis.study.reading.numbers import DIVERGED, MISSING
from analysis.words import plural

_MOST = 5  # rows named in an error
_REMEDY = "repair or drop them: --drop-bad-rows (drop_bad_rows=True) leaves them out"


def sound(
    table: pd.DataFrame,
    given: Mapping[str, Sequence[Any]],
    needed: Sequence[str],
    where: str,
    drop: bool,
) -> tuple[pd.DataFrame, str]:
    """The rows of `table` with a finite positive number in each of `needed`, none of them twice.

    given: the cells of each needed column as they were written, [rows]. Without `drop` raises
    `AnalysisError` with the first bad rows of the first column at fault; with it, the sentence says
    how many rows were left out and why. A row is there twice where all of its columns are equal.
    """
    causes: dict[str, list[int]] = {}
    seen = np.zeros(len(table), bool)
    places = table.index.to_numpy() + 1
    for name in needed:
        values = table[name].to_numpy(float)
        with np.errstate(invalid="ignore"):
            bad = ~(np.isfinite(values) & (values > 0))
        if bad.any() and not drop:
            shown = "; ".join(
                f"row {places[row]}: {given[name][row] or 'nan'}" for row in _first(bad)
            )
            raise AnalysisError(
                f"{where}: {name}: {plural(int(bad.sum()), 'row')} missing, not finite or not positive "
                f"({shown}{'; ...' if bad.sum() > _MOST else ''}); {_REMEDY}"
            )
        for row in np.flatnonzero(bad & ~seen).tolist():
            causes.setdefault(_cause(given[name][row], values[row]), []).append(int(places[row]))
        seen |= bad
    objects = {str(k): table[k].map(repr) for k in table if table[k].dtype == object}
    twice = ~seen & table.assign(**objects).duplicated().to_numpy()
    if twice.any() and not drop:
        shown = ", ".join(str(places[row]) for row in _first(twice))
        raise AnalysisError(
            f"{where}: {plural(int(twice.sum()), 'row')} there twice (row {shown}): leave them out with "
            "--drop-bad-rows (drop_bad_rows=True), or add the column that tells them apart, such as seed"
        )
    if twice.any():
        causes["doubled"] = [int(place) for place in places[twice]]
    kept = table[~(seen | twice)]
    return kept, _told(causes)


def _first(rows: np.ndarray) -> list[int]:
    return np.flatnonzero(rows)[:_MOST].tolist()


def _cause(cell, value: float) -> str:
    text = "" if cell is None or cell is pd.NA else str(cell).strip().lower()
    if (text in DIVERGED and isinstance(cell, str)) or np.isinf(value):
        return "diverged"
    if np.isfinite(value):
        return "not positive"
    if isinstance(cell, str) and text not in MISSING:
        return "not a number"
    return "missing or diverged" if isinstance(cell, float) else "missing"


def _told(causes: Mapping[str, list[int]]) -> str:
    """'3 bad rows left out: 2 diverged (rows 4, 18), 1 missing (row 7).'"""
    if not causes:
        return ""
    parts = []
    for cause, rows in causes.items():
        rows = sorted(rows)
        listed = ", ".join(map(str, rows[:_MOST])) + (", ..." if len(rows) > _MOST else "")
        parts.append(f"{len(rows)} {cause} (row{'s' if len(rows) > 1 else ''} {listed})")
    total = sum(map(len, causes.values()))
    return f"{plural(total, 'bad row')} left out: {', '.join(parts)}."
