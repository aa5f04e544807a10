"""The bad band in the (params, repeats) plane: its edges and its worst line as power laws of N."""

from __future__ import annotations

from math import nan

import numpy as np
import pandas as pd
from scipy.stats import linregress, t

EDGES = {"half_left": "left edge", "vertex": "worst", "half_right": "right edge"}
PUBLISHED = pd.DataFrame(
    [
        ("left edge", 4.2e6, -0.56, "Hernandez et al. 2022, section 2"),
        ("right edge", 5.1e7, -0.50, "Hernandez et al. 2022, section 2"),
        ("worst", 2.31e10, -0.96, "Chudnovsky et al. 2026, eq. 4"),
    ],
    columns=["edge", "k", "exponent", "source"],
)
"""E = k N^exponent as published: non-embedding N at 100B tokens, and total N at 20 tokens each."""


def band_edges(peaks: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """Fit E = k N^exponent to the half-maximum edges and the worst repeats.

    peaks: as `degradation.worst_repeats` makes them; all scans together, as in the paper. Returns a
    row an edge: `edge`, `k`, `exponent`, `low`, `high` (interval of the exponent by Student's t,
    NaN for two points), `points`. Edges seen at fewer than two sizes are left out.
    """
    rows = []
    for column, edge in EDGES.items():
        seen = peaks.dropna(subset=[column]) if column in peaks else peaks.head(0)
        if seen.params.nunique() < 2:
            continue
        line = linregress(np.log(seen.params.astype(float)), np.log(seen[column].astype(float)))
        freedom = len(seen) - 2
        reach = t.ppf((1 + level) / 2, freedom) * line.stderr if freedom else nan
        rows.append(
            {
                "edge": edge,
                "k": float(np.exp(line.intercept)),
                "exponent": float(line.slope),
                "low": float(line.slope - reach),
                "high": float(line.slope + reach),
                "points": len(seen),
            }
        )
    return pd.DataFrame(rows, columns=["edge", "k", "exponent", "low", "high", "points"])
