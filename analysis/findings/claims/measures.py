"""What a study measures of claims about the damage: how large, at which repeats, in which shape, and what
the pool takes."""

from __future__ import annotations

from collections.abc import Callable
from math import isnan, nan

import numpy as np
import pandas as pd
from scipy.stats import linregress, t

from analysis.findings.claims.claim import Measured
from analysis.findings.claims.measuring import (
    FEWEST_REPEATS,
    best_measured,
    curve_of,
    main_peaks,
    main_runs,
    main_scans,
    place,
    runs_at,
)
from analysis.findings.descent import rises
from analysis.findings.finding import Analysis
from analysis.findings.repeats.band import common_slope
from analysis.findings.repeats.controls import smallest_control
from analysis.findings.seeds import LEVEL, over_seeds
from analysis.rows import groups_of, highest
from analysis.words import count, plural

LEARNT = 0.1  # of the control's loss: a pool of less is learnt by heart


def control_law(analysis: Analysis) -> Measured | None:
    """The exponent of test loss in params without repetition, of the setting with most sizes."""
    controls = analysis.study.controls
    if controls.empty:
        return None
    settings = set(main_runs(analysis).setting) if len(analysis.runs) else set()
    controls = controls[controls.setting.isin(settings)] if settings else controls
    own = controls[controls.setting == controls.groupby("setting").params.nunique().idxmax()]
    sizes = own.params.nunique()
    if sizes < 3:
        return None
    losses = own.groupby("params").test_loss.mean()
    line = linregress(np.log(losses.index.to_numpy(float)), np.log(losses.to_numpy()))
    reach = t.ppf((1 + LEVEL) / 2, sizes - 2) * line.stderr
    ends = -line.slope - reach, -line.slope + reach
    return Measured(-line.slope, *ends, f"line through {sizes} sizes", own.seed.nunique())


def multiplier_at(fraction: float) -> Callable[[Analysis], Measured | None]:
    """A measure of the multiplier at the worst repeats of that fraction."""

    def measure(analysis: Analysis) -> Measured | None:
        peak = best_measured(main_peaks(analysis, fraction).dropna(subset=["multiplier"]))
        if peak is None:
            return None
        return multiplier_of(analysis, peak)

    return measure


def multiplier_of(analysis: Analysis, peak: pd.Series) -> Measured:
    """The multiplier of a row of `peaks`; at most, from 0 on, where it lies below the smallest control,
    which has no size but a bound."""
    runs = runs_at(analysis, peak)
    if peak.extrapolated:
        smallest = smallest_control(analysis, peak.scan) / peak.params
        most, _, high = over_seeds(runs.multiplier.mask(runs.extrapolated, smallest), log=True)
        told = f"{place(peak)}, at most: worse than the smallest control"
        return Measured(most, nan if isnan(high) else 0.0, high, told, int(peak.seeds))
    return Measured(*over_seeds(runs.multiplier, log=True), place(peak), int(peak.seeds))


def non_monotone(fraction: float) -> Callable[[Analysis], Measured | None]:
    """A measure of how far damage at the worst repeats stands above both ends, nats per token."""

    def measure(analysis: Analysis) -> Measured | None:
        found = _prominence(analysis, fraction)
        if found is None:
            return None
        peak, damage = found
        edge = "" if peak.interior else ", the edge of what was tried"
        return Measured(*over_seeds(damage), place(peak) + edge, len(damage))

    return measure


def prominence(analysis: Analysis) -> Measured | None:
    """The same at f = 0.1 as a percentage of the control's loss."""
    found = _prominence(analysis, 0.1)
    if found is None or not found[0].interior:
        return None
    peak, damage = found
    control = runs_at(analysis, peak).control_loss.mean()
    return Measured(*over_seeds(100 * damage / control), place(peak), len(damage))


def _prominence(analysis: Analysis, fraction: float) -> tuple[pd.Series, np.ndarray] | None:
    """The best measured peak and, by seed, its damage above the end where that is higher."""
    rows = []
    for _, peak in main_peaks(analysis, fraction).iterrows():
        curve = curve_of(analysis, peak)
        ends = curve[[curve.columns.min(), curve.columns.max()]].mean().idxmax()
        above = (curve[peak.repeats] - curve[ends]).dropna()
        if len(above):
            rows.append((len(above), peak.params, peak, above.to_numpy(float)))
    if not rows:
        return None
    *_, peak, above = max(rows, key=lambda row: row[:2])
    return peak, above


def last_step(analysis: Analysis) -> Measured | None:
    """What damage changes by from the last but one to the most repeats tried, beyond the worst."""
    rows = []
    for _, peak in main_peaks(analysis).iterrows():
        curve = curve_of(analysis, peak)
        if peak.repeats > curve.columns[-2]:
            continue
        change = (curve[curve.columns[-1]] - curve[curve.columns[-2]]).dropna()
        if len(change):
            where = (
                f"{place(peak, False)}, E = {curve.columns[-2]:,.0f} to {curve.columns[-1]:,.0f}"
            )
            key = (len(change), -peak.pool_tokens * peak.repeats / curve.columns[-1], peak.params)
            rows.append((key, Measured(*over_seeds(change), where, len(change))))
    return max(rows, key=lambda row: row[0])[1] if rows else None


def exponent_of(edge: str) -> Callable[[Analysis], Measured | None]:
    """A measure of the exponent in params of a column of `peaks`: an edge of the band, or the worst."""

    def measure(analysis: Analysis) -> Measured | None:
        peaks = main_peaks(analysis)
        return _slope(peaks, peaks[edge].astype(float))

    return measure


def pool_exponent(analysis: Analysis) -> Measured | None:
    """The exponent in params of the pool at the worst, where budgets go with the size as published."""
    peaks = main_peaks(analysis)
    tokens = peaks.pool_tokens.astype(float) * peaks.repeats / peaks.repeated_fraction
    if tokens.groupby(peaks.params).mean().round().nunique() < 2:
        return None
    pool = peaks.pool_tokens.astype(float) * peaks.repeats / peaks.vertex.astype(float)
    return _slope(peaks, pool)


def _slope(peaks: pd.DataFrame, values: pd.Series) -> Measured | None:
    """The exponent in params of `values`, one a peak."""
    found = common_slope(np.log(peaks.params.astype(float)), np.log(values), peaks.scan)
    if found is None or np.isnan(found.low):
        return None
    sizes = plural(peaks.params[values.notna()].nunique(), "size")
    return Measured(found.slope, found.low, found.high, f"one slope through {sizes}", found.points)


def compute_lost(analysis: Analysis) -> Measured | None:
    """The compute-equivalent loss at the worst repeats of f = 0.1."""
    peak = best_measured(main_peaks(analysis, 0.1))
    if peak is None:
        return None
    own = over_seeds(runs_at(analysis, peak).compute_equivalent_loss)
    return Measured(*own, place(peak), int(peak.seeds)) if np.isfinite(own.value) else None


def second_descent(analysis: Analysis) -> Measured | None:
    """The largest rise of test loss within training at f = 0.9 beyond the control's own."""
    runs = rises(analysis.study)
    noise = runs[runs.repeated_fraction == 0].groupby(["setting", "params", "seed"]).rise.mean()
    own = runs[runs.scan.isin(main_scans(analysis)) & np.isclose(runs.repeated_fraction, 0.9)]
    own = own.join(noise.rename("control_rise"), on=["setting", "params", "seed"])
    own = own.assign(excess=own.rise - own.control_rise.fillna(0)).dropna(subset=["excess"])
    cells = own.groupby(["scan", "params", "repeats"]).excess.agg(["mean", "size"]).reset_index()
    cells = cells[cells["size"] == cells["size"].max()]
    if cells.empty:
        return None
    most = highest(cells, "mean")
    at = (own.scan == most.scan) & (own.params == most.params) & (own.repeats == most.repeats)
    level = 1 - (1 - LEVEL) / len(cells)
    where = f"N = {count(most.params)}, E = {most.repeats:,.0f}; largest of {plural(len(cells), 'cell')}"
    return Measured(*over_seeds(own.excess[at], level=level), where, int(most["size"]))


def pool_left(analysis: Analysis) -> Measured | None:
    """Pool loss over the control's loss at the worst repeats."""
    peak = best_measured(main_peaks(analysis).dropna(subset=["pool_loss"]))
    if peak is None:
        return None
    runs = runs_at(analysis, peak)
    left = over_seeds(runs.pool_loss / runs.control_loss, log=True)
    return Measured(*left, place(peak), int(peak.seeds))


def beside_bound(analysis: Analysis) -> Measured | None:
    """1/m over its bound (1 - f)^(-1/alpha), of the peak that comes nearest to it, of those with most
    seeds."""
    bound = analysis.bound[analysis.bound.scan.isin(main_scans(analysis))]
    bound = bound.merge(analysis.peaks[["scan", "params", "seeds"]], on=["scan", "params"])
    bound = bound[np.isfinite(bound.bound)]
    if bound.empty:
        return None
    bound = bound[bound.seeds == bound.seeds.max()]
    peak = highest(bound.assign(ratio=bound.shrinkage / bound.bound), "ratio")
    ratio = over_seeds(1 / runs_at(analysis, peak).multiplier / peak.bound, log=True)
    return Measured(*ratio, f"{place(peak)}; largest of {len(bound)}", int(peak.seeds))


def bits_held(analysis: Analysis) -> Measured | None:
    """Most memorised bits of the pool a param, over all cells."""
    cells = analysis.cells[analysis.cells.scan.isin(main_scans(analysis))]
    cells = cells.dropna(subset=["bits_per_param"])
    if cells.empty:
        return None
    most = highest(cells[cells.seeds == cells.seeds.max()], "bits_per_param")
    return Measured(
        *over_seeds(runs_at(analysis, most).bits_per_param), place(most), int(most.seeds)
    )


def share_at_worst(analysis: Analysis) -> Measured | None:
    """Share of the capacity that the pool takes at the worst repeats."""
    peak = best_measured(main_peaks(analysis).dropna(subset=["capacity_share"]))
    if peak is None:
        return None
    own = over_seeds(runs_at(analysis, peak).capacity_share)
    return Measured(*own, place(peak), int(peak.seeds))


def beside_largest_learnt(analysis: Analysis) -> Measured | None:
    """The pool at the worst repeats over the largest pool that is learnt by heart, sizes and seeds
    alike. What was tried tells both to one step between repeat counts, by which the interval is wider."""
    ratios, steps = [], []
    runs = main_runs(analysis).dropna(subset=["pool_loss"])
    for _, own in groups_of(runs, ["scan", "params", "seed"]):
        learnt = own[own.pool_loss < LEARNT * own.control_loss]
        if len(learnt) and own.repeats.nunique() >= FEWEST_REPEATS:
            ratios.append(highest(own, "damage").pool_tokens / learnt.pool_tokens.max())
            steps.append(np.diff(np.log(np.sort(own.repeats.unique()))).max())
    if not ratios:
        return None
    value, low, high = over_seeds(ratios, log=True)
    step = float(np.exp(max(steps)))
    told = f"{plural(len(ratios), 'curve')} of a size and a seed, to a step of {step:.2g}"
    return Measured(value, low / step, high * step, told, len(ratios))
