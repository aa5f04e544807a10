"""A run as its way through the space of per-token losses (Olsson et al. 2022).

The first two principal components over all snapshots of all runs show where their ways turn.
"""

from __future__ import annotations

import numpy as np
import pandas as pd


def trajectories(vectors: pd.DataFrame, groups: list[str]) -> pd.DataFrame:
    """`first` and `second` principal component of each snapshot, and the variance they `explain`.

    `vectors` has `run_id`, `step`, `tokens`, `vector` (a list) and the columns `groups`: snapshots
    with equal values there, whose held-out sequences are the same, share their components.
    """
    found = []
    for _, own in vectors.groupby(groups, dropna=False):
        points = np.stack(own["vector"].to_list())
        centred = points - points.mean(axis=0)
        left, size, _ = np.linalg.svd(centred, full_matrices=False)
        first_two = np.zeros((len(own), 2))
        first_two[:, : min(2, len(size))] = (left * size)[:, :2]
        whole = (size**2).sum()
        explained = (size[:2] ** 2).sum() / whole if whole else 0.0
        found.append(
            own[["run_id", "step", "tokens"]].assign(
                first=first_two[:, 0], second=first_two[:, 1], explained=explained
            )
        )
    return pd.concat(found, ignore_index=True)
