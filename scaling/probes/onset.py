"""When something formed: the change point of a score over a run's snapshots."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

LEAST_RISE = 0.1
"""A smaller difference between before and after is no change."""


class Onset(NamedTuple):
    """A change of level."""

    tokens: float
    """Where the score passes the middle between both levels; nan where there is no change."""
    before: float
    """Mean score before the change, or of all snapshots."""
    after: float
    """And after it."""


def onset(tokens: np.ndarray, scores: np.ndarray, least: float = LEAST_RISE) -> Onset:
    """The change point of `scores`, one a snapshot in order of `tokens`: the split into two levels
    that leaves the least squares, where the upper one comes later and is higher by `least`."""
    order = np.argsort(tokens, kind="stable")
    tokens, scores = np.asarray(tokens, float)[order], np.asarray(scores, float)[order]
    if len(scores) < 2:
        return Onset(np.nan, *(scores.mean() if len(scores) else np.nan,) * 2)
    residuals = [
        np.var(scores[:k]) * k + np.var(scores[k:]) * (len(scores) - k)
        for k in range(1, len(scores))
    ]
    split = 1 + int(np.argmin(residuals))
    before, after = scores[:split].mean(), scores[split:].mean()
    if after - before < least:
        return Onset(np.nan, scores.mean(), scores.mean())
    middle = (before + after) / 2
    above = 1 + int(np.argmax(scores[1:] >= middle))
    low, high = scores[above - 1], scores[above]
    share = (middle - low) / (high - low) if high > low else 1.0
    share = min(1.0, max(0.0, share))
    return Onset(tokens[above - 1] + share * (tokens[above] - tokens[above - 1]), before, after)
