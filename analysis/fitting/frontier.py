"""Compute-optimal params by approaches 1 and 2 of Hoffmann et al. 2022 (approach 3 is `laws.joint`).

Both turn runs into a frontier, the params of least loss at each compute, through which
`laws.OptimalParams` is fitted.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from analysis.errors import AnalysisError

APPROACHES = ("approach-1", "approach-2")
"""What is fitted to a frontier, by its name on the command line."""

_SAME_COMPUTE = 0.1  # of log FLOPs: runs closer than this belong to one profile


def envelope(curves: pd.DataFrame, bins: int = 40) -> pd.DataFrame:
    """Approach 1: of all models at each compute, the one of least loss (section 3.1).

    curves: columns params, tokens, loss, at any point of training. Returns `flops` (6 N D),
    `params`, `tokens`, `loss`, one row a logarithmic bin of compute. Bins in which the smallest or
    the largest size is best are left out: the optimum may lie beyond it.
    """
    table = curves.assign(flops=6.0 * curves.params * curves.tokens)
    edges = np.geomspace(table.flops.min(), table.flops.max() * (1 + 1e-9), bins + 1)
    best = table.groupby(np.digitize(table.flops, edges)).loss.idxmin()
    found = table.loc[best, ["flops", "params", "tokens", "loss"]]
    inside = found.params.between(table.params.min(), table.params.max(), inclusive="neither")
    return found[inside].reset_index(drop=True)


def isoflop(params: ArrayLike, flops: ArrayLike, loss: ArrayLike) -> pd.DataFrame:
    """Approach 2: at each compute, the bottom of a parabola of loss in log params (section 3.2).

    flops: equal within a tenth for the runs of one profile. Returns `flops`, `params`, `loss`, one
    row a profile that has at least three sizes and a bottom between them.
    """
    table = pd.DataFrame({"x": np.log(np.asarray(params, float)), "flops": flops, "loss": loss})
    table = table.sort_values("flops")
    rows, profiles = [], (np.log(table.flops).diff() > _SAME_COMPUTE).cumsum()
    for _, profile in table.groupby(profiles):
        compute = profile.flops.mean()
        if profile.x.nunique() < 3:
            continue
        a, b, c = np.polyfit(profile.x, profile.loss, 2)
        bottom = -b / (2 * a) if a > 0 else np.nan
        if profile.x.min() <= bottom <= profile.x.max():
            rows.append((compute, np.exp(bottom), c - b * b / (4 * a)))
    return pd.DataFrame(rows, columns=["flops", "params", "loss"])


def frontier(approach: str, table: pd.DataFrame) -> pd.DataFrame:
    """The frontier by "approach-1" (columns params, tokens, loss: one row an evaluation) or by
    "approach-2" (params, flops or tokens, loss: one row a run).

    Raises `AnalysisError` where fewer than three computes have an optimum inside the sizes.
    """
    with np.errstate(over="ignore", under="ignore"):  # told of below
        flops = table.flops if "flops" in table else 6.0 * table.params * table.tokens
    beyond = np.flatnonzero(~(np.isfinite(flops) & (flops > 0)))
    if len(beyond):
        raise AnalysisError(
            f"{approach}: row {table.index[beyond[0]] + 1}: 6 N D is {flops.iloc[beyond[0]]:g}; look for "
            "params or tokens of another unit"
        )
    if approach == APPROACHES[0]:
        found, need = envelope(table), "longer curves of more sizes"
    else:
        found, need = (
            isoflop(table.params, flops, table.loss),
            "at least three sizes at each compute",
        )
    if len(found) < 3:
        raise AnalysisError(
            f"{approach}: {len(found)} computes have an optimum inside the sizes; 3 are needed: {need}"
        )
    return found
