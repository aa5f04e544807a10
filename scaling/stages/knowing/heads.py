"""P(IK): a logistic head on the frozen trunk says whether the model's answer will be right.

Kadavath et al. 2022, section 5, at this scale: the question's last token is an attribute, the answer one
of 64 values, and p(correct) is exact. A head learns it from judges, or, as theirs did, the share of right
ones among 30 answers sampled at temperature 1. Judges that were never told are left out, or are not: the
entities that are asked are others, some of them never seen as well.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from scaling.loop import Clock, Evaluation, Lane, Surroundings
from scaling.probes.probe import Rows
from scaling.stages.knowing.questions import PASSAGE, after_passages
from scaling.stages.knowing.scores import Predictions, tables
from scaling.stages.knowing.told import Asked, OfToldRun

PASSAGES = 256
"""Sequences of the pool that questions are put after, at most."""

Head = Callable[[np.ndarray], np.ndarray]
"""Probability that the answer is right [Q], of activations [Q, D]."""


def fit(final_QxD: np.ndarray, right_Q: np.ndarray) -> Head:
    """A logistic head that learns the share of right answers to each question: the question stands in
    its data twice, right with that weight and wrong with the rest."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    weights = np.concatenate([right_Q, 1 - right_Q])
    labels = np.repeat([True, False], len(right_Q))
    if not 0 < right_Q.mean() < 1:  # nothing to tell apart
        return lambda final_QxD: np.full(len(final_QxD), right_Q.mean())
    head = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    twice = np.concatenate([final_QxD, final_QxD]).astype(np.float64)
    head.fit(twice, labels, logisticregression__sample_weight=weights)
    return lambda final_QxD: head.predict_proba(final_QxD.astype(np.float64))[:, 1]


def heads(judged: Asked, samples: int, seed: int) -> Iterator[tuple[dict[str, str], Head]]:
    """Each head with its `target` and what it is `trained_on`."""
    right_QxS = judged.sampled(samples, (seed, 0)) == judged.questions.value_Q[:, None]
    targets = {"exact": judged.p_correct_Q, "samples": right_QxS.mean(axis=1)}
    judges = {"all": judged.exposures_Q >= 0, "told": judged.exposures_Q > 0}
    for target, share_Q in targets.items():
        for trained_on, own in judges.items():
            about = {"predictor": "head", "target": target, "trained_on": trained_on}
            yield about, fit(judged.answers.final_QxD[own], share_Q[own])


_BASELINES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "confidence": lambda p_QxV: p_QxV.max(axis=1),
    "agreement": lambda p_QxV: (p_QxV**2).sum(axis=1),
}


def predictions(
    judged: Asked, asked: dict[str, Asked], samples: int, seed: int
) -> list[Predictions]:
    """What heads that learn from `judged`, and the baselines, say of those asked `after` something."""
    learnt = list(heads(judged, samples, seed))
    found = []
    for number, (after, own) in enumerate(asked.items()):
        answer = own.sampled(1, (seed, 1, number))[:, 0]
        right, p_correct = answer == own.questions.value_Q, own.p_correct_Q
        known = p_correct > 0.5
        p_QxV = np.exp(own.answers.log_p_QxV, dtype=np.float64)
        said = [(about, head(own.answers.final_QxD)) for about, head in learnt]
        for name, of in _BASELINES.items():
            about = {"predictor": name, "target": "none", "trained_on": "nothing"}
            said.append((about, of(p_QxV).clip(max=1)))
        means = {"probability": p_correct, "known_share": known}
        found += [
            Predictions(about | {"after": after}, each, right, own.exposures_Q, known, means)
            for about, each in said
        ]
    return found


class Heads(OfToldRun):
    """The measurement of one run: what was stopped is done again."""

    def __init__(self, lanes: Sequence[Lane], around: Surroundings, samples: int):
        super().__init__(lanes, around)
        self._samples = samples

    def evaluate(self, state: Any, step: int, clock: Clock) -> list[Evaluation]:
        start = time.perf_counter()
        self.tell("asking")
        asked = {"nothing": self.put(self.asked)}
        passages = self.data.pool(PASSAGES)  # of a run without one, what would have been in it
        if len(passages):
            room = self.parent.context - self.asked.tokens_NxL.shape[1]
            after = after_passages(self.asked, passages, min(PASSAGE, room))
            asked["pool"] = self.put(after)
        judged = self.put(self.judged)
        self.tell("fitting heads")
        found = tables("p_ik", predictions(judged, asked, self._samples, self.parent.seed))
        clock.probe += time.perf_counter() - start
        return [Evaluation(_columns(found["p_ik"]), found)]


def _columns(rows: Rows) -> dict[str, float]:
    """Of the results: the first head, of all that are asked, and confidence."""
    names = ("auroc", "brier", "rms_ce", "rms_ce_floor", "n")
    confidence = next(row for row in rows if row["predictor"] == "confidence")
    return {f"p_ik_{name}": rows[0][name] for name in names} | {
        "confidence_auroc": confidence["auroc"]
    }
