"""Per-token losses as a point in space, and a run as its way through it (Olsson et al. 2022).

The vector of a snapshot is its loss at one token, drawn once, of each held-out sequence. The first
two principal components over all snapshots of all runs show where their ways turn.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

SEED = 0


def vector(losses_NxL: np.ndarray) -> np.ndarray:
    """Loss at a token of each sequence, the same token for all models: [n], nats."""
    rows, length = losses_NxL.shape
    return losses_NxL[np.arange(rows), np.random.default_rng(SEED).integers(0, length, rows)]


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
