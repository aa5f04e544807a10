"""Where damage is worst, by a fit through several repeat counts and not by the largest alone.

The rule: of the cells round the worst whose damage is at least half of it, a parabola in log E and
log damage by least squares, each cell weighted by its runs; its top, where it has one among them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.rows import groups_of
from analysis.study.scans import with_arms

FEWEST = 4
"""Repeat counts round a peak; with fewer it is not located."""

CURVE = ["arm", "params", "tokens", "repeated_fraction"]
"""What runs of one damage curve have in common."""


def located_peaks(runs: pd.DataFrame, scans: pd.DataFrame) -> pd.DataFrame:
    """One row a damage curve of `runs` (as `effective.effective_params` makes them) whose peak can be
    located: `worst` (E), `height` (nats per token), `points`, `pool_tokens` (f*T/E at the worst),
    `bits_per_param` (memorised bits over params, at the tried repeats next to it), `run_ids`; with the
    curve's arm, params, tokens and repeated_fraction."""
    rows = []
    damaged = with_arms(runs, scans).dropna(subset=["damage"])
    for key, own in groups_of(damaged, CURVE):
        worst, height, points = locate(cells_of(own))
        if not np.isfinite(worst):
            continue
        curve = dict(zip(CURVE, key, strict=True))
        near = own[own.repeats == own.repeats.loc[(np.log(own.repeats / worst)).abs().idxmin()]]
        rows.append(
            curve
            | {"worst": worst, "height": height, "points": points}
            | {"pool_tokens": curve["repeated_fraction"] * curve["tokens"] / worst}
            | {"bits_per_param": near.bits_per_param.mean(), "run_ids": own.run_id.tolist()}
        )
    columns = [*CURVE, "worst", "height", "points", "pool_tokens", "bits_per_param", "run_ids"]
    return pd.DataFrame(rows, columns=columns)


class Cells(NamedTuple):
    """A damage curve: its repeats in order, and the damage of each run at each of them."""

    repeats: np.ndarray
    damage: list[np.ndarray]


def cells_of(curve: pd.DataFrame) -> Cells:
    """The cells of a curve's runs."""
    cells = [(E, own.damage.to_numpy(float)) for E, own in groups_of(curve, "repeats")]
    return Cells(np.array([E for E, _ in cells], float), [damage for _, damage in cells])


def locate(cells: Cells) -> tuple[float, float, int]:
    """(E at the worst, damage there in nats, repeat counts it is read off) of one curve. NaN where
    the rule finds no top among the repeats that were tried."""
    damage = np.array([own.mean() for own in cells.damage])
    low, high = _round_the_worst(damage)
    if high - low < FEWEST:
        return np.nan, np.nan, high - low
    x = np.log(cells.repeats[low:high])
    weights = np.sqrt([len(own) for own in cells.damage[low:high]])
    a, b, c = np.polyfit(x, np.log(damage[low:high]), 2, w=weights)
    top = -b / (2 * a) if a < 0 else np.nan
    if not x[0] <= top <= x[-1]:
        return np.nan, np.nan, high - low
    return float(np.exp(top)), float(np.exp(c - b**2 / (4 * a))), high - low


def _round_the_worst(damage: np.ndarray) -> tuple[int, int]:
    """The stretch of cells round the largest that have at least half of it: low, high."""
    top = int(np.argmax(damage))
    if not damage[top] > 0:
        return 0, 0
    low, high = top, top + 1
    while low > 0 and damage[low - 1] >= damage[top] / 2:
        low -= 1
    while high < len(damage) and damage[high] >= damage[top] / 2:
        high += 1
    return low, high
