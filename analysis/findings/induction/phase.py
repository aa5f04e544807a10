"""The phase change in a run's curves (Olsson et al. 2022): the bump of the training loss, and the
fall of the in-context-learning score.

They call it the one place where the training loss is not convex. So the bump is what the curve
stands above its convex minorant, the highest convex curve below it: no window has to be chosen.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.spatial import ConvexHull

LEAST_BUMP = 0.05
"""Nats per token; what lies lower above the minorant is noise of the training batches."""

LEAST_FALL = 0.1
"""Nats per token; a score that never falls this far below where it was has noise, no fall."""


class Bump(NamedTuple):
    """Where a loss curve is not convex."""

    tokens: float
    """Where the loss falls steepest within the bump; nan where there is none."""
    height: float
    """The most that the loss stands above its convex minorant, nats per token."""


def convex_minorant(tokens: np.ndarray, loss: np.ndarray) -> np.ndarray:
    """The highest convex curve nowhere above `loss`, at the same `tokens` (rising): [n]."""
    touched = _touched(tokens, loss)
    return np.interp(tokens, tokens[touched], loss[touched])


def bump(tokens: np.ndarray, loss: np.ndarray, least: float = LEAST_BUMP) -> Bump:
    """The highest bump of a curve, one point an evaluation in order of `tokens`."""
    if len(tokens) < 3:
        return Bump(np.nan, 0.0)
    touched = _touched(tokens, loss)
    gap = loss - np.interp(tokens, tokens[touched], loss[touched])
    top = int(np.argmax(gap))
    if gap[top] < least:
        return Bump(np.nan, float(gap[top]))
    right = int(np.searchsorted(touched, top))
    start, end = touched[right - 1], touched[right]
    steepest = start + int(
        np.argmin(np.diff(loss[start : end + 1]) / np.diff(tokens[start : end + 1]))
    )
    return Bump(float(tokens[steepest : steepest + 2].mean()), float(gap[top]))


def slope(tokens: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Derivative of `score` by ln `tokens` (rising, above 0), by central differences: [n]."""
    return np.gradient(score, np.log(tokens)) if len(tokens) > 1 else np.full(len(tokens), np.nan)


def steepest_fall(tokens: np.ndarray, score: np.ndarray, least: float = LEAST_FALL) -> float:
    """Tokens at which `score` falls steepest by ln tokens; nan where it nowhere falls by `least`."""
    tokens, score = tokens[tokens > 0], score[tokens > 0]
    if not len(score) or (np.maximum.accumulate(score) - score).max() < least:
        return np.nan
    return float(tokens[np.argmin(slope(tokens, score))])


def _touched(tokens: np.ndarray, loss: np.ndarray) -> np.ndarray:
    """Which points lie on the convex minorant, in order: the lower side of their convex hull."""
    if len(tokens) < 3:
        return np.arange(len(tokens))
    x, y = ((v - v.min()) / (np.ptp(v) or 1.0) for v in (tokens, loss))
    above = [(0.5, 3.0)]  # one point far above, so that there is an upper side to leave out
    hull = ConvexHull(np.concatenate([np.column_stack([x, y]), above]))
    return np.unique(hull.simplices[hull.equations[:, 1] < 0])
