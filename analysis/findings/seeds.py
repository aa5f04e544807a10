"""Means over seeds with their intervals, by Student's t, and how those are told."""

from __future__ import annotations

from collections.abc import Callable
from math import nan
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import t

from analysis.rows import run_ids_of

LEVEL = 0.95


class Interval(NamedTuple):
    """A value and the ends of its interval; NaN where there is none."""

    value: float
    low: float
    high: float


def over_seeds(values: ArrayLike, log: bool = False, level: float = LEVEL) -> Interval:
    """The mean of `values` [seeds] with its interval by Student's t; log: of their logarithms, for
    ratios. One value has no interval."""
    found = np.asarray(values, float)
    found = found[np.isfinite(found)]
    if len(found) < 2:
        return Interval(float(found.mean()) if len(found) else nan, nan, nan)
    scaled = np.log(found) if log else found
    reach = t.ppf((1 + level) / 2, len(found) - 1) * scaled.std(ddof=1) / len(found) ** 0.5
    low, high = scaled.mean() - reach, scaled.mean() + reach
    ends = (np.exp(low), np.exp(high)) if log else (low, high)
    return Interval(float(found.mean()), float(ends[0]), float(ends[1]))


def holm(values: ArrayLike) -> np.ndarray:
    """p-values [tests] as they count among each other (Holm 1979): the least times their number, the
    next times one less, none below one before it."""
    found = np.asarray(values, float)
    order = np.argsort(found)
    scaled = np.minimum(1, found[order] * np.arange(len(found), 0, -1))
    corrected = np.empty(len(found))
    corrected[order] = np.maximum.accumulate(scaled)
    return corrected


def told(
    low: float,
    high: float,
    form: str | Callable[[float], str],
    none: float = nan,
    first: str = "",
) -> str:
    """An interval as an aside for a reader, and whether `none`, no effect, lies in it: ' (95 %: 0.9 to 1.1,
    includes no effect)'; '' where there is no interval, and nothing to be told `first`."""
    parts = [first] if first else []
    if not np.isnan(low):
        ends = (form(end) if callable(form) else f"{end:{form}}" for end in (low, high))
        parts.append(f"95 %: {' to '.join(ends)}")
        parts += ["includes no effect"] * bool(low <= none <= high)
    return f" ({', '.join(parts)})" if parts else ""


def cells_over_seeds(
    runs: pd.DataFrame, by: list[str], means: list[str], ratios: list[str] | None = None
) -> pd.DataFrame:
    """One row a cell `by`: the mean of each column with its interval (95 %) as `*_low` and `*_high`, of
    `ratios` in their logarithms, `seeds` and `run_ids`.

    runs: a row a (cell, run), with `run_id`. A cell whose value is missing in one of its runs has none.
    """
    ratios = ratios or []
    columns = [*means, *ratios]
    scaled = runs[columns].assign(**{name: np.log(runs[name]) for name in ratios})
    keys = [runs[name] for name in by]
    grouped, size = scaled.groupby(keys), runs.groupby(by).run_id.count()
    whole = grouped.count().eq(size, axis=0)
    reach = grouped.sem().mul(t.ppf((1 + LEVEL) / 2, size - 1), axis=0)
    cells = runs.groupby(by)[columns].mean().where(whole)
    for end, values in (("_low", grouped.mean() - reach), ("_high", grouped.mean() + reach)):
        values[ratios] = np.exp(values[ratios])
        cells = cells.join(values.where(whole).add_suffix(end))
    return cells.assign(seeds=size, run_ids=run_ids_of(runs.groupby(by))).reset_index()
