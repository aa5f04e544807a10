"""Whom a stage learns from and whom it asks, and what a model is shown: questions after a passage, and
its answers to be graded."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from data_pipelines.corpora.synthetic.facts.lexicon import VALUE_TOKENS
from data_pipelines.corpora.synthetic.facts.truth import Truth
from data_pipelines.corpora.synthetic.facts.wording import Questions
from scaling.stages.knowing.following import LONGEST

GRADING = ("|", "?", "True", "False")
"""Words of graded answers. No corpus has them: their tokens come after all of the vocabulary."""

VERDICTS = 2, 3
"""Places of True and False in them."""

PASSAGE = 16
"""Tokens of a passage before a question, at most."""


def halves(truth: Truth) -> tuple[np.ndarray, np.ndarray]:
    """Every other entity of each rung: judges, which heads and graders learn from, and those asked."""
    rungs = truth.rungs.values()
    return np.concatenate([own[::2] for own in rungs]), np.concatenate([own[1::2] for own in rungs])


def after_passages(questions: Questions, passages_PxL: np.ndarray, longest: int) -> Questions:
    """Questions of a row each, after the beginnings of the passages in turn, `longest` tokens of them."""
    turn = np.arange(len(questions.tokens_NxL)) % len(passages_PxL)
    before = passages_PxL[turn, :longest].astype(np.int32)
    return questions._replace(
        tokens_NxL=_without_gaps(np.concatenate([before, questions.tokens_NxL], axis=1)),
        place_Q=questions.place_Q + np.count_nonzero(before, axis=1),
    )


def grading_tokens(vocabulary_size: int) -> range:
    """Tokens of GRADING."""
    return range(vocabulary_size, vocabulary_size + len(GRADING))


class Answered(NamedTuple):
    """`question | samples | answer ?`, as rows; whether they are right is what comes next."""

    tokens_NxL: np.ndarray
    """Padded with 0 to LONGEST, int32."""
    place_N: np.ndarray
    """Where the question mark stands."""


def answered(
    questions: Questions, samples_NxS: np.ndarray, answer_N: np.ndarray, vocabulary_size: int
) -> Answered:
    """Questions of a row each with samples shown, -1 for none, and an answer, each a value (0..63)."""
    bar, mark, _, _ = grading_tokens(vocabulary_size)

    def column(token: int) -> np.ndarray:
        return np.full((len(answer_N), 1), token)

    samples = np.where(samples_NxS < 0, 0, VALUE_TOKENS[samples_NxS])
    answer = VALUE_TOKENS[answer_N][:, None]
    parts = [questions.tokens_NxL, column(bar), samples, column(bar), answer, column(mark)]
    tokens = _without_gaps(np.concatenate(parts, axis=1)).astype(np.int32)
    place = np.count_nonzero(tokens, axis=1) - 1
    return Answered(np.pad(tokens, ((0, 0), (0, LONGEST - tokens.shape[1]))), place)


def _without_gaps(tokens_NxL: np.ndarray) -> np.ndarray:
    """Rows with their padding at the end."""
    order = np.argsort(tokens_NxL == 0, axis=1, kind="stable")
    return np.take_along_axis(tokens_NxL, order, axis=1)
