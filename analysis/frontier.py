"""Compute-optimal params by approaches 1 and 2 of Hoffmann et al. 2022 (approach 3 is `laws.joint`)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from analysis.errors import AnalysisError


def envelope(curves: pd.DataFrame, bins: int = 40) -> pd.DataFrame:
    """Approach 1: of all models at each compute, the one of least loss (section 3.1).

    curves: columns params, tokens, test_loss, at any point of training. Returns `flops` (6 N D),
    `params`, `tokens`, `loss`, one row a logarithmic bin of compute.
    """
    table = curves.assign(flops=6.0 * curves.params * curves.tokens)
    edges = np.geomspace(table.flops.min(), table.flops.max() * (1 + 1e-9), bins + 1)
    best = table.groupby(np.digitize(table.flops, edges)).test_loss.idxmin()
    found = table.loc[best, ["flops", "params", "tokens", "test_loss"]]
    return found.rename(columns={"test_loss": "loss"}).reset_index(drop=True)


def isoflop(params: ArrayLike, flops: ArrayLike, loss: ArrayLike) -> pd.DataFrame:
    """Approach 2: at each compute, the bottom of a parabola of loss in log params (section 3.2).

    flops: the same value for the runs of one profile. Returns `flops`, `params`, `loss`, one row a
    profile that has at least three sizes and a bottom between them.
    """
    table = pd.DataFrame({"x": np.log(np.asarray(params, float)), "flops": flops, "loss": loss})
    rows = []
    for compute, profile in table.groupby("flops"):
        if profile.x.nunique() < 3:
            continue
        a, b, c = np.polyfit(profile.x, profile.loss, 2)
        bottom = -b / (2 * a) if a > 0 else np.nan
        if profile.x.min() <= bottom <= profile.x.max():
            rows.append((compute, np.exp(bottom), c - b * b / (4 * a)))
    return pd.DataFrame(rows, columns=["flops", "params", "loss"])


def optimal_exponent(frontier: pd.DataFrame) -> tuple[float, float]:
    """(k, a) of N_opt = k C^a through a frontier. Raises `AnalysisError` for fewer than two points."""
    if len(frontier) < 2:
        raise AnalysisError(
            f"frontier: {len(frontier)} compute budgets with an optimum inside; at least 2 are needed"
        )
    a, log_k = np.polyfit(np.log(frontier.flops), np.log(frontier.params), 1)
    return float(np.exp(log_k)), float(a)
