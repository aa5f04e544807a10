"""How good predictions are that an answer will be right, as rows of a stage's three tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scaling.probes.knowing import reliability
from scaling.probes.probe import Rows


@dataclass(frozen=True)
class Predictions:
    """What one predictor says of questions."""

    about: dict[str, Any]
    """Which it is, and under which condition: columns of its rows."""
    said_Q: np.ndarray
    """Probability that the answer is right."""
    right_Q: np.ndarray
    """Whether it is."""
    exposures_Q: np.ndarray
    """Of whom it is."""
    told_apart_Q: np.ndarray
    """What AUROC is of: the questions of True from those of False."""
    means: dict[str, np.ndarray] = field(default_factory=dict)
    """What else is averaged [Q], by column."""

    def of(self, own_Q: np.ndarray) -> dict[str, Any]:
        """AUROC and means of some questions."""
        return {
            "auroc": auroc(self.said_Q[own_Q], self.told_apart_Q[own_Q]),
            **{name: float(values[own_Q].mean()) for name, values in self.means.items()},
        }


def auroc(said_Q: np.ndarray, holds_Q: np.ndarray) -> float:
    """Share of pairs of a question where it holds and one where not that predictions order rightly,
    ties half; nan without such a pair."""
    from sklearn.metrics import roc_auc_score  # a second to load

    return float(roc_auc_score(holds_Q, said_Q)) if 0 < holds_Q.sum() < len(holds_Q) else np.nan


def tables(name: str, predictions: Sequence[Predictions]) -> dict[str, Rows]:
    """`name`, `name_exposures` and `name_reliability` (`scaling.stages.knowing`); what nobody was asked
    has no row."""
    rows: Rows = []
    rungs: Rows = []
    bins: Rows = []
    for each in predictions:
        for group, own in _groups(each.exposures_Q).items():
            about = each.about | {"group": group}
            measured = reliability.measure(each.said_Q[own], each.right_Q[own])
            rows.append(about | each.of(own) | measured)
            bins += [about | b for b in reliability.bins(each.said_Q[own], each.right_Q[own])]
        for exposures in np.unique(each.exposures_Q):
            own = each.exposures_Q == exposures
            said, right = each.said_Q[own], each.right_Q[own]
            of_rung = {"exposures": int(exposures), "n": int(own.sum())}
            scored = {"prediction": float(said.mean()), "accuracy": float(right.mean())}
            scored["brier"] = float(np.mean((said - right) ** 2))
            rungs.append(each.about | of_rung | scored | each.of(own))
    return {name: rows, f"{name}_exposures": rungs, f"{name}_reliability": bins}


def _groups(exposures_Q: np.ndarray) -> dict[str, np.ndarray]:
    """Which questions are of each group that anybody is in."""
    told = exposures_Q > 0
    groups = {"all": np.ones(len(told), bool), "told": told, "never_seen": ~told}
    return {group: own for group, own in groups.items() if own.any()}
