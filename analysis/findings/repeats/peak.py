"""The worst of one damage curve: where it is, how much, and how wide the bad band is.

Two readings stand side by side: model free (the worst measured cell, the half-maximum crossings)
and a Gaussian in log E (Chudnovsky et al. 2026, section 4).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import OptimizeWarning, curve_fit


@dataclass(frozen=True)
class Peak:
    """The worst of a damage curve. Repeats E, damage in nats per token.

    interior: fewer and more repeats were both measured and both did less damage.
    prominence: damage at the worst cell above the higher of the two ends.
    half_left, half_right: E where damage crosses half its maximum, interpolated in log E; NaN
    where the crossing lies outside the measured repeats.
    vertex: E at the top of a parabola in log E and log damage through the worst cell and its two
    neighbours, which is exact for a Gaussian; NaN where the worst is not interior.
    gaussian_*: centre (E), height (nats) and width (standard deviation, in decades of E) of the
    fit; NaN where the cells do not determine it.
    """

    repeats: float
    damage: float
    interior: bool
    prominence: float
    half_left: float
    half_right: float
    vertex: float = nan
    gaussian_repeats: float = nan
    gaussian_height: float = nan
    gaussian_width: float = nan


def find_peak(repeats: ArrayLike, damage: ArrayLike) -> Peak:
    """The `Peak` of one damage curve; `repeats` and `damage` are arrays of one shape."""
    order = np.argsort(repeats)
    repeats, damage = np.asarray(repeats, float)[order], np.asarray(damage, float)[order]
    top = int(np.argmax(damage))
    ends = max(damage[0], damage[-1])
    left, right = half_maximum(repeats, damage)
    interior = bool(0 < top < len(repeats) - 1 and damage[top] > ends)
    return Peak(
        repeats=float(repeats[top]),
        damage=float(damage[top]),
        interior=interior,
        prominence=float(damage[top] - ends),
        half_left=left,
        half_right=right,
        vertex=_vertex(repeats[top - 1 : top + 2], damage[top - 1 : top + 2]) if interior else nan,
        **gaussian_peak(repeats, damage),
    )


def half_maximum(repeats: np.ndarray, damage: np.ndarray) -> tuple[float, float]:
    """The E on both sides of the worst where damage crosses half of it; NaN where it does not, and
    where there is no damage."""
    if damage.max() <= 0:
        return nan, nan
    top, half, log_repeats = int(np.argmax(damage)), damage.max() / 2, np.log(repeats)
    crossings = []
    for step, end in ((-1, -1), (1, len(damage))):
        crossing = nan
        for near in range(top, end - step, step):
            far = near + step
            if damage[far] < half:
                share = (damage[near] - half) / (damage[near] - damage[far])
                crossing = np.exp(
                    log_repeats[near] + share * (log_repeats[far] - log_repeats[near])
                )
                break
        crossings.append(float(crossing))
    return crossings[0], crossings[1]


def gaussian_peak(repeats: np.ndarray, damage: np.ndarray) -> dict[str, float]:
    """Damage = h exp(-(log10 E - mu)^2 / 2 w^2): its `gaussian_*` fields, or none if undetermined.

    Undetermined: fewer than four cells, no damage, a centre outside the measured repeats, or a
    width that they do not resolve. Source: Chudnovsky et al. 2026, section 4.
    """
    x = np.log10(repeats)
    if len(np.unique(x)) < 4 or damage.max() <= 0:
        return {}
    span = np.ptp(x)
    start = (damage.max(), x[np.argmax(damage)], span / 4)
    with warnings.catch_warnings():
        warnings.simplefilter("error", OptimizeWarning)
        try:
            (height, centre, width), _ = curve_fit(_gaussian, x, damage, start)
        except (RuntimeError, OptimizeWarning):
            return {}
    if not (x.min() <= centre <= x.max() and np.diff(x).min() / 4 < abs(width) < 2 * span):
        return {}
    return {
        "gaussian_repeats": float(10**centre),
        "gaussian_height": float(height),
        "gaussian_width": float(abs(width)),
    }


def _vertex(repeats: np.ndarray, damage: np.ndarray) -> float:
    """The top of the parabola in log E and log damage through three cells; NaN without damage."""
    if damage.min() <= 0:
        return nan
    a, b, _ = np.polyfit(np.log(repeats), np.log(damage), 2)
    return float(np.exp(-b / (2 * a)))


def _gaussian(x, height, centre, width):
    return height * np.exp(-((x - centre) ** 2) / (2 * width**2))
