"""In-context learning: how much better late tokens are predicted than early ones.

Olsson et al. 2022: the mean loss at token 500 less that at token 50, negative where the context
helps. Single indices are noisy on few sequences, so a few neighbours are averaged with each.
It is the model's alone on a corpus that is alike at every position (running text, `echo`); on
`markov`, whose later tokens are harder in themselves, it mixes both.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scaling.probes.probe import Found, Look, Probe, Subject

_BINS = 128
"""Most token indices that are told apart in the loss by token index."""

GROUPS = 32
"""And in changes of it by an ablation."""


def windows(context: int) -> tuple[slice, slice]:
    """Indices (from 0) of the early and the late losses.

    Around tokens 50 and 500 where the context has 512 tokens; around a tenth of it and 12 before
    its end otherwise. Each reaches context / 32 tokens to both sides, at most 8.
    """
    early, late = (50, 500) if context >= 512 else (context // 10, context - 12)
    if late <= early:
        early, late = 1, context
    reach = min(8, context // 32)
    around = [slice(max(0, at - 1 - reach), min(context, at + reach)) for at in (early, late)]
    return around[0], around[1]


def score(losses_NxL: np.ndarray) -> float:
    """The in-context-learning score of the losses [n, context] of held-out text, nats."""
    early, late = windows(losses_NxL.shape[1])
    return losses_NxL[:, late].mean() - losses_NxL[:, early].mean()


def curve(losses_NxL: np.ndarray, most: int = _BINS) -> list[dict[str, Any]]:
    """Loss by token index (from 1), a row an index; in a context over `most`, a row a group of them."""
    groups = np.array_split(np.arange(losses_NxL.shape[1]), min(most, losses_NxL.shape[1]))
    return [{"index": own.mean() + 1, "loss": losses_NxL[:, own].mean()} for own in groups]


def _measure(subject: Subject, shown: None, look: Look) -> Found:
    return Found(
        {"in_context_score": score(look.losses_NxL)}, {"positions": curve(look.losses_NxL)}
    )


IN_CONTEXT = Probe(
    "in_context",
    about="in-context-learning score and loss by token index",
    columns=("in_context_score",),
    tables=("positions",),
    measure=_measure,
)
