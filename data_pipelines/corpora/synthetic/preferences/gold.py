"""The true preference: a function of tokens alone, which a preference model learns from comparisons.

    gold = k - c max(0, k - k0)^2 + z

k is how many of the response's words are liked (a tenth of the process's mass, drawn by its seed), z
its log-likelihood under the process, standardised on the process's own responses. More liked words are
better only up to a point: what learns that they are liked, and not the point, is over-optimised.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from data_pipelines.config.comparisons import PROMPT, RESPONSE
from data_pipelines.config.vocabulary_file import SPECIAL
from data_pipelines.corpora.synthetic.zipf import END, OTHER, ZipfProcess, log_probabilities

LIKED_MASS = 0.1
HUMP, FROM = 0.25, 4
"""c and k0."""

_REFERENCE = 4096
"""Responses that the log-likelihood is standardised on."""


@dataclass(frozen=True)
class Gold:
    """The true preference over responses to prompts of a process."""

    process: ZipfProcess

    def __call__(self, words_NxL: np.ndarray) -> np.ndarray:
        """Of rows of a prompt and a response, as word numbers, END or OTHER: float64 [n]."""
        k = self.liked[words_NxL[:, PROMPT:]].sum(axis=1)
        log_p = log_probabilities(self.process, words_NxL)[:, PROMPT:].sum(axis=1)
        mean, deviation = self._standard
        return k - HUMP * np.maximum(0, k - FROM) ** 2 + (log_p - mean) / deviation

    @cached_property
    def liked(self) -> np.ndarray:
        """Whether each word is liked, bool [words + 2], at the last two places END and OTHER."""
        mass = self.process.emissions.mean(axis=0)
        liked = np.zeros(len(mass) + 2, bool)
        total = 0.0
        for word in self.process.generator(4).permutation(len(mass)):
            if total + mass[word] <= LIKED_MASS:
                liked[word], total = True, total + mass[word]
        return liked

    @cached_property
    def _standard(self) -> tuple[float, float]:
        """Mean and standard deviation of the log-likelihood of the process's own responses."""
        generator = self.process.generator(5)
        words = branches(self.process, generator, _REFERENCE, 1)[0]
        log_p = log_probabilities(self.process, words)[:, PROMPT:].sum(axis=1)
        return float(log_p.mean()), float(log_p.std())


def branches(
    process: ZipfProcess, generator: np.random.Generator, count: int, ways: int
) -> np.ndarray:
    """`count` prompts that each go on in `ways` ways: word numbers int64 [ways, count, PROMPT +
    RESPONSE], of documents that do not end before. The ways of a prompt differ from its end on, where
    the hidden state is one: each is a draw of what follows the prompt."""
    words = np.zeros((PROMPT + RESPONSE, count), np.int64)
    state, source = generator.integers(process.states, size=count), np.full(count, -1)
    for t in range(PROMPT):
        process.step(words, t, state, source, generator)
    found = []
    for _ in range(ways):
        own = words.copy(), state.copy(), source.copy()
        for t in range(PROMPT, len(words)):
            process.step(own[0], t, *own[1:], generator)
        found.append(own[0].T)
    return np.stack(found)


def word_numbers(process: ZipfProcess, words: tuple[str, ...], tokens: np.ndarray) -> np.ndarray:
    """Word numbers, END or OTHER of tokens of any shape, by the spelling of each token from the first
    that is none of the special ones."""
    numbers = {word: number for number, word in enumerate(process.lexicon)}
    known = [numbers.get(word, OTHER) for word in words]
    table = np.array([OTHER, END, OTHER, *known, OTHER])
    assert SPECIAL == 3
    return table[np.minimum(tokens.astype(np.int64), len(table) - 1)]
