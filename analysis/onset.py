"""When something formed: the change point of a score over a run's snapshots.

Whether repetition delays, weakens or prevents the induction heads (Olsson et al. 2022, section 4.5
there) is read from `formations`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.tables import Study

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


def formations(study: Study, score: str = "prefix_matching_score") -> pd.DataFrame:
    """When the heads of each run formed, one row a run of a scan that measured `score`.

    `onset_tokens` (NaN: never), `before` and `after` as `onset` finds them; with the run's setting,
    scan, params, repeated_fraction, repeats and seed.
    """
    if score not in study.curves:
        return pd.DataFrame()
    columns = ["run_id", "setting", "scan", "params", "repeated_fraction", "repeats", "seed"]
    found = []
    measured = study.curves.dropna(subset=score).groupby("run_id")
    for row in study.results[study.results.setting >= 0][columns].to_dict("records"):
        if row["run_id"] in measured.groups:
            own = measured.get_group(row["run_id"])
            at = onset(own.tokens.to_numpy(), own[score].to_numpy())
            found.append(row | {"onset_tokens": at.tokens, "before": at.before, "after": at.after})
    return pd.DataFrame(found)


def formation_cells(runs: pd.DataFrame) -> pd.DataFrame:
    """`formations` by cell: `seeds`, in how many of them heads `formed`, mean onset and score."""
    if runs.empty:
        return runs
    grouped = runs.groupby(["setting", "params", "repeated_fraction", "repeats"])
    cells = grouped[["onset_tokens", "after"]].mean()
    cells["seeds"], cells["formed"] = grouped.size(), grouped.onset_tokens.count()
    cells["run_ids"] = grouped.run_id.agg(list)
    return cells.reset_index()
