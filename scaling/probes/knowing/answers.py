"""A model's answers to questions of fact: its probabilities of the values."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from data_pipelines.corpora.synthetic.facts.lexicon import VALUE_TOKENS
from data_pipelines.corpora.synthetic.facts.wording import Questions
from scaling.compiled import compiled, make_ready
from scaling.probes.probe import Subject
from scaling.probes.sequences import filled

_ROWS = 256
"""That are shown at once."""


class Answers(NamedTuple):
    """To questions, in their order."""

    log_p_QxV: np.ndarray
    """Natural logarithms of the probability of each value, given that it is a value."""
    mass_Q: np.ndarray
    """Probability that it is a value."""
    final_QxD: np.ndarray
    """The activation that they are read off, that of the question's last token, float32."""


def ready_to_ask(subject: Subject, questions: Questions) -> None:
    """Compile what `ask` runs."""
    each = len(questions.place_Q) // len(questions.tokens_NxL)
    tokens = np.zeros((_ROWS, questions.tokens_NxL.shape[1]), np.int32)
    places = np.zeros((_ROWS, each), np.int32)
    make_ready(_asked(subject), subject.abstract_state.params, tokens, places)


def ask(subject: Subject, params: Any, questions: Questions) -> Answers:
    """What a model says to `questions`, each row of which has as many."""
    tokens_NxL = questions.tokens_NxL
    places_NxK = questions.place_Q.reshape(len(tokens_NxL), -1).astype(np.int32)
    parts = []
    for start in range(0, len(tokens_NxL), _ROWS):
        own = slice(start, start + _ROWS)
        shown, places = filled(tokens_NxL[own], _ROWS), filled(places_NxK[own], _ROWS)
        found = map(np.asarray, _asked(subject)(params, shown, places))
        parts.append([each[: len(tokens_NxL[own])].reshape(-1, *each.shape[2:]) for each in found])
    return Answers(*map(np.concatenate, zip(*parts, strict=True)))


def draw(log_p_QxV: np.ndarray, count: int, seed: int | Sequence[int]) -> np.ndarray:
    """Answers at temperature 1 to each question, independent of each other: int64 [Q, count]."""
    reached = np.exp(log_p_QxV, dtype=np.float64).cumsum(axis=1)
    at_QxC = np.random.default_rng(seed).random((len(log_p_QxV), count)) * reached[:, -1:]
    return (at_QxC[:, :, None] >= reached[:, None, :-1]).sum(axis=-1)


def after(subject: Subject):
    """Of (weights, tokens [N, L], places [N, K]) the logits after those places [N, K, V], and the
    activations [N, K, D] that they are read off: of rows of any length, as attention kernels are not."""
    from scaling.model.attention import plain

    network = subject.network.clone(attend=plain, unroll=False)

    def run(params, tokens_NxL, places_NxK):
        weights = {"params": params}
        logits, kept = network.apply(weights, tokens_NxL, places_BxK=places_NxK, mutable="trunk")
        return logits, kept["trunk"]["final"]

    return run


@lru_cache(maxsize=4)
def _asked(subject: Subject):
    import jax
    import jax.numpy as jnp

    logits_after = after(subject)

    def run(params, tokens_NxL, places_NxK):
        logits_NxKxV, final_NxKxD = logits_after(params, tokens_NxL, places_NxK)
        values = logits_NxKxV[..., VALUE_TOKENS]
        within = jax.nn.logsumexp(values, -1)
        mass = jnp.exp(within - jax.nn.logsumexp(logits_NxKxV, -1))
        return jax.nn.log_softmax(values), mass, final_NxKxD.astype(jnp.float32)

    return compiled(subject, run)
