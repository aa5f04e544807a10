"""What measures of claims share: intervals over seeds, one slope through many scans, and the arm that a
study is about."""

from __future__ import annotations

from math import nan
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import t

from analysis.findings.finding import Analysis
from analysis.study.scans import with_arms
from analysis.words import count

LEVEL = 0.95
FEWEST_REPEATS = 3
"""Of fewer repeat counts none is the worst."""
_WORST = ["scan", "params", "repeats"]


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


def main_scans(analysis: Analysis) -> set[int]:
    """The scans of the arm with most repeated runs, of several the one with most damage, at its main
    budget: variants of it (of regularisation, of order, of corpus, of budget) are set beside it by claims
    of their own."""
    runs = analysis.runs
    if not len(runs) or "damage" not in runs:
        return set()
    own = with_arms(runs, analysis.study.scans).dropna(subset=["damage"])
    for wider in ("arm", "setting"):
        if own.empty:
            return set()
        most = own.groupby(wider).damage.agg(["size", "max"]).sort_values(["size", "max"]).index[-1]
        own = own[own[wider] == most]
    return set(own.scan)


def main_runs(analysis: Analysis) -> pd.DataFrame:
    """The repeated runs of the main arm, beside their controls."""
    runs = analysis.runs
    return runs[runs.scan.isin(main_scans(analysis))].dropna(subset=["damage"])


def main_peaks(analysis: Analysis, fraction: float | None = None) -> pd.DataFrame:
    """The worst repeats of the main arm (`peaks`) where `FEWEST_REPEATS` were tried, of one repeated
    fraction if that is given."""
    peaks, cells = analysis.peaks, analysis.cells
    tried = cells.groupby(["scan", "params"]).repeats.nunique().rename("tried")
    peaks = peaks.join(tried, on=["scan", "params"])
    peaks = peaks[peaks.scan.isin(main_scans(analysis)) & (peaks.pop("tried") >= FEWEST_REPEATS)]
    if fraction is not None:
        peaks = peaks[np.isclose(peaks.repeated_fraction.astype(float), fraction)]
    return peaks


def best_measured(peaks: pd.DataFrame) -> pd.Series | None:
    """The row of `peaks` with most seeds at its worst repeats, of several the largest size."""
    if peaks.empty:
        return None
    return peaks.sort_values(["seeds", "params"], kind="stable").iloc[-1]


def runs_at(analysis: Analysis, peak: pd.Series) -> pd.DataFrame:
    """The runs behind a peak's worst cell."""
    runs = analysis.runs
    return runs[(runs[_WORST] == peak[_WORST].to_numpy()).all(axis=1)]


def curve_of(analysis: Analysis, peak: pd.Series) -> pd.DataFrame:
    """Damage by seed (rows) and repeats (columns) of a peak's curve."""
    runs = analysis.runs
    own = runs[(runs.scan == peak.scan) & (runs.params == peak.params)]
    return own.pivot_table(index="seed", columns="repeats", values="damage")


def place(peak: pd.Series, repeats: bool = True) -> str:
    """'N = 24.6k, f = 0.5, E = 400'."""
    told = f"N = {count(peak.params)}, f = {peak.repeated_fraction:g}"
    return f"{told}, E = {peak.repeats:,.0f}" if repeats else told
