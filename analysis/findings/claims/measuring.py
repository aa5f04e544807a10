"""What measures of claims share: the arm that a study is about, its runs and its peaks."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd

from analysis.findings.finding import Analysis
from analysis.study.scans import with_arms
from analysis.words import count

FEWEST_REPEATS = 3
"""Of fewer repeat counts none is the worst."""
_WORST = ["scan", "params", "repeats"]


@lru_cache(maxsize=1)  # every claim asks
def main_scans(analysis: Analysis) -> frozenset[int]:
    """The scans of the arm with most repeated runs, of several the one with most damage, at its main
    budget: variants of it (of regularisation, of order, of corpus, of budget) are set beside it by claims
    of their own."""
    runs = analysis.runs
    if not len(runs) or "damage" not in runs:
        return frozenset()
    own = with_arms(runs[["setting", "scan", "damage"]], analysis.study.scans).dropna()
    for wider in ("arm", "setting"):
        if own.empty:
            return frozenset()
        most = own.groupby(wider).damage.agg(["size", "max"]).sort_values(["size", "max"]).index[-1]
        own = own[own[wider] == most]
    return frozenset(own.scan)


def main_runs(analysis: Analysis) -> pd.DataFrame:
    """The repeated runs of the main arm, beside their controls."""
    runs = analysis.runs
    return runs[runs.scan.isin(main_scans(analysis))].dropna(subset=["damage"])


def main_peaks(analysis: Analysis, fraction: float | None = None) -> pd.DataFrame:
    """The worst repeats of the main arm (`peaks`) where `FEWEST_REPEATS` were tried, of one repeated
    fraction if that is given."""
    peaks = _main_peaks(analysis)
    if fraction is None:
        return peaks
    return peaks[np.isclose(peaks.repeated_fraction.astype(float), fraction)]


@lru_cache(maxsize=1)  # nearly every claim asks
def _main_peaks(analysis: Analysis) -> pd.DataFrame:
    peaks, cells = analysis.peaks, analysis.cells
    tried = cells.groupby(["scan", "params"]).repeats.nunique().rename("tried")
    peaks = peaks.join(tried, on=["scan", "params"])
    return peaks[peaks.scan.isin(main_scans(analysis)) & (peaks.pop("tried") >= FEWEST_REPEATS)]


def best_measured(peaks: pd.DataFrame) -> pd.Series | None:
    """The row of `peaks` with most seeds at its worst repeats, of several the largest size; one whose
    worst lies at an end of what was tried only where no other is."""
    if peaks.empty:
        return None
    return peaks.sort_values(["interior", "seeds", "params"], kind="stable").iloc[-1]


def runs_at(analysis: Analysis, peak: pd.Series) -> pd.DataFrame:
    """The runs behind a peak's worst cell."""
    runs = analysis.runs
    return runs[(runs[_WORST] == peak[_WORST].to_numpy()).all(axis=1)]


def curve_of(analysis: Analysis, peak: pd.Series) -> pd.DataFrame:
    """Damage by seed (rows) and repeats (columns) of a peak's curve."""
    runs = analysis.runs
    of_peak = (runs.scan == peak.scan) & (runs.params == peak.params)
    own = runs.loc[of_peak, ["seed", "repeats", "damage"]].dropna()
    return own.groupby(["seed", "repeats"]).damage.mean().unstack()


def place(peak: pd.Series, repeats: bool = True) -> str:
    """'N = 24.6k, f = 0.5, E = 400'."""
    told = f"N = {count(peak.params)}, f = {peak.repeated_fraction:g}"
    return f"{told}, E = {peak.repeats:,.0f}" if repeats else told
