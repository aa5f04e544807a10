"""Do all damage curves fall on one, once repeats are measured in the right unit?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from analysis.findings.cause.located import CURVE
from analysis.rows import groups_of, rows_of, run_ids_of

Rescaling = Callable[[pd.DataFrame], np.ndarray]

RESCALINGS: dict[str, Rescaling] = {
    "repeats E": lambda cells: cells.repeats.to_numpy(float),
    "repeats a token, E / T": lambda cells: (cells.repeats / cells.tokens).to_numpy(float),
    "pool f*T/E": lambda cells: _pool(cells),
    "pool a param, f*T/(E*N)": lambda cells: _pool(cells) / cells.params.to_numpy(float),
    "E / E_worst": lambda cells: (cells.repeats / cells.worst).to_numpy(float),
}
"""From the cells of a curve to what its damage is drawn over."""

_GRID = 60


def scaled(runs: pd.DataFrame, peaks: pd.DataFrame) -> pd.DataFrame:
    """The cells of all curves whose peak is located (one arm): mean `damage` over seeds, its `share` of
    the damage at the peak, and the `run_ids`; with the curve's `worst`."""
    grouped = runs.groupby([*CURVE, "repeats"])
    cells = grouped.damage.mean().to_frame().assign(run_ids=run_ids_of(grouped)).reset_index()
    cells = cells.merge(peaks[[*CURVE, "worst", "height"]], on=CURVE)
    return cells.assign(share=cells.damage / cells.height)


def spreads(cells: pd.DataFrame) -> pd.DataFrame:
    """How far the curves lie apart over each rescaling: `rescaling`, `spread` (root mean square, over
    what most curves cover, of the deviation of a curve's share of damage from their mean)."""
    rows = [
        {"rescaling": name, "spread": spread(cells, rescale)}
        for name, rescale in RESCALINGS.items()
    ]
    return pd.DataFrame(rows)


def spread(cells: pd.DataFrame, rescale: Rescaling) -> float:
    """Of one rescaling; nan for a single curve."""
    curves = []
    for _, own in groups_of(cells, CURVE):
        x, y = np.log(rescale(own)), own.share.to_numpy(float)
        order = np.argsort(x)
        curves.append((x[order], y[order]))
    if len(curves) < 2:
        return np.nan
    ends = [x[0] for x, _ in curves], [x[-1] for x, _ in curves]
    grid = np.linspace(min(ends[0]), max(ends[1]), _GRID)
    values = np.array([np.interp(grid, x, y, left=np.nan, right=np.nan) for x, y in curves])
    seen = np.isfinite(values).sum(axis=0) > len(curves) / 2
    return float(np.sqrt(np.nanmean(np.nanvar(values[:, seen], axis=0)))) if seen.any() else np.nan


def best(table: pd.DataFrame) -> tuple[str, float]:
    """The rescaling over which the curves lie nearest, and their spread there."""
    row = next(rows_of(table.sort_values("spread")))
    return row.rescaling, row.spread


def _pool(cells: pd.DataFrame) -> np.ndarray:
    return (cells.repeated_fraction * cells.tokens / cells.repeats).to_numpy(float)
