"""`zipf`: unlimited text from a process whose entropy is known.

Words come from a lexicon with Zipfian frequencies, under a hidden Markov chain whose states each
rank the lexicon their own way, and now and then a span from earlier in the document is copied: so
there are frequencies to learn, a hidden topic to infer, and something for induction heads to do.

Before each word:
- with probability `end` the document ends (not before its first word);
- a copy under way goes on with probability `go_on`, repeating the next word of its source;
- else, with probability `copy`, a new copy begins at a word of the document drawn uniformly;
- else the hidden state moves and emits a word. It stands still while a copy goes on.

Words are spelled uniquely in letters and joined by spaces, so text and words determine each other
and the entropy of a document is the same counted in either.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from data_pipelines.corpora.documents import SPLITS
from data_pipelines.corpora.synthetic.process import Process, SyntheticCorpus

END, OTHER = -1, -2
"""What stands for the end of a document among word numbers, and for what is no word of the process."""
OTHER_LOG_P = -12.0
"""Log-probability of what the process never says, nats."""

_ROWS = 512
"""Whose probabilities are computed at once."""
_DOCUMENTS = 32
"""That are, whose lengths differ: the longest sets the pace."""
_CONSONANTS, _VOWELS = "bdfgjklmnprstvz", "aeiou"


@dataclasses.dataclass(frozen=True)
class ZipfProcess(Process):
    """The parameters of the process; the seed draws lexicon, rankings and transitions."""

    words: int = 1000
    states: int = 8
    exponent: float = 1.0
    """Of Zipf's law: the word of rank r has probability proportional to r ** -exponent."""
    stay: float = 0.9
    """Probability that the hidden state stays; else it moves to one drawn by the seed's odds."""
    copy: float = 0.1
    """Probability c that a copy begins before a word."""
    span: float = 6.0
    """Mean length of a copied span, words."""
    length: float = 100.0
    """Mean length of a document, words."""

    @property
    def go_on(self) -> float:
        """Probability that a copy under way goes on."""
        return 1 - 1 / self.span

    @property
    def end(self) -> float:
        """Probability that a document ends after a word."""
        return 1 / self.length

    @cached_property
    def frequencies(self) -> np.ndarray:
        """Probability of each rank, float64 [words]."""
        weights = np.arange(1, self.words + 1, dtype=np.float64) ** -self.exponent
        return weights / weights.sum()

    @cached_property
    def rankings(self) -> np.ndarray:
        """Word at each rank in each state, int64 [states, words]."""
        generator = self.generator(0)
        return np.stack([generator.permutation(self.words) for _ in range(self.states)])

    @cached_property
    def emissions(self) -> np.ndarray:
        """Probability of each word in each state, float64 [states, words]."""
        emissions = np.empty((self.states, self.words))
        np.put_along_axis(emissions, self.rankings, self.frequencies[None], axis=1)
        return emissions

    @cached_property
    def transitions(self) -> np.ndarray:
        """Probability of state j after state i, float64 [states, states]."""
        if self.states == 1:
            return np.ones((1, 1))
        odds = self.generator(1).exponential(size=(self.states, self.states))
        np.fill_diagonal(odds, 0)
        moves = (1 - self.stay) * odds / odds.sum(axis=1, keepdims=True)
        return moves + self.stay * np.eye(self.states)

    @cached_property
    def _cumulative(self) -> np.ndarray:
        """Where each rank but the last ends, of a uniform draw."""
        return np.cumsum(self.frequencies)[:-1]

    @cached_property
    def _moves(self) -> np.ndarray:
        """Likewise each state but the last, after every state."""
        return np.cumsum(self.transitions, axis=1)[:, :-1]

    @cached_property
    def lexicon(self) -> np.ndarray:
        """Spelling of each word, all distinct, strings [words]: one to three syllables."""
        generator = self.generator(2)
        syllables = [c + v for c in _CONSONANTS for v in _VOWELS]
        spellings: dict[str, None] = {}
        while len(spellings) < self.words:
            picks = generator.choice(syllables, generator.integers(1, 4))
            spellings["".join(picks)] = None
        return np.array(list(spellings), object)

    def sample(self, stream: tuple[int, ...], documents: int) -> list[np.ndarray]:
        """Word numbers of `documents` documents, each int64 [its length]; the same for a stream.

        All documents are drawn in step, a word of each at a time, the longest first.
        """
        generator = self.generator(3, *stream)
        lengths = np.sort(generator.geometric(self.end, documents))[::-1]
        words = np.zeros((lengths[0], documents), np.int64)
        state = generator.integers(self.states, size=documents)
        source = np.full(documents, -1)
        for t in range(lengths[0]):
            alive = np.searchsorted(-lengths, -t)  # documents longer than t come first
            self.step(words[:, :alive], t, state[:alive], source[:alive], generator)
        order = generator.permutation(documents)
        by_document = np.ascontiguousarray(words.T)
        return [by_document[d, : lengths[d]] for d in order]

    def step(
        self,
        words: np.ndarray,
        t: int,
        state: np.ndarray,
        source: np.ndarray,
        generator: np.random.Generator,
    ) -> None:
        """Draw word t of documents, a column each of `words` [longest, documents]; `state` and
        `source` [documents], the place that is copied from or -1, move on as well."""
        draws = generator.random((4, len(state)))
        copying = (source >= 0) & (draws[0] < self.go_on)
        begins = ~copying & (draws[1] < self.copy) & (t > 0)
        source[:] = np.where(copying, source + 1, -1)
        source[begins] = generator.integers(max(t, 1), size=begins.sum())
        new = np.flatnonzero(source < 0)
        state[new] = (draws[2][new, None] > self._moves[state[new]]).sum(axis=1)
        rank = np.searchsorted(self._cumulative, draws[3][new])
        words[t, new] = self.rankings[state[new], rank]
        old = np.flatnonzero(source >= 0)
        words[t, old] = words[source[old], old]

    def text(self, symbols: np.ndarray) -> str:
        """A document as text."""
        return " ".join(self.lexicon[symbols])

    def describe(self) -> dict[str, Any]:
        rate = entropy_rate(self)
        return {"entropy_rate": dataclasses.asdict(rate), "summary": f"zipf: entropy {rate}"}


def log_probabilities(process: ZipfProcess, words_NxL: np.ndarray) -> np.ndarray:
    """Natural logarithm of the probability of each of word numbers, END or OTHER [n, L] after those
    before it, from a document's beginning and on over the ends of documents; exact: float64 [n, L].

    The forward algorithm (Rabiner 1989, section III.A) over hidden state and copy pointer:
    `copied[j, z]` is the probability of the words so far with the last one copied from place j
    while the state rests at z, `generated[z]` with the last one emitted by state z.
    """
    parts = range(0, len(words_NxL), _ROWS)
    return np.concatenate([_forward(process, words_NxL[i : i + _ROWS]) for i in parts])


def log_probability(process: ZipfProcess, documents: Sequence[np.ndarray]) -> np.ndarray:
    """Natural logarithm of the probability of each document, its end included, float64 [n]; of those
    about as long at once."""
    found = np.empty(len(documents))
    lengths = np.array([len(words) for words in documents])
    order = np.argsort(lengths)
    for start in range(0, len(order), _DOCUMENTS):
        own = order[start : start + _DOCUMENTS]
        words = np.full((len(own), lengths[own[-1]] + 1), END)
        for row, number in zip(words, own, strict=True):
            row[: lengths[number]] = documents[number]
        log_p = log_probabilities(process, words)
        found[own] = log_p.sum(axis=1, where=np.arange(words.shape[1]) <= lengths[own, None])
    return found


def _forward(process: ZipfProcess, words_NxL: np.ndarray) -> np.ndarray:
    N, L = words_NxL.shape
    S = process.states
    emissions = np.concatenate(
        [process.emissions, np.zeros((S, 2))], axis=1
    ).T  # of END, OTHER: none
    generated, copied = np.full((N, S), 1 / S), np.zeros((N, L, S))
    begun = np.zeros(N, np.int64)  # where the document begins
    log_p = np.empty((N, L))
    for t in range(L):
        word, length = words_NxL[:, t], t - begun
        free = generated + (1 - process.go_on) * copied[:, :t].sum(axis=1)
        begin = np.where(length > 0, process.copy, 0.0)[:, None]
        moved = (1 - begin) * (free @ process.transitions)
        generated = moved * emissions[word]
        same = (words_NxL[:, :t] == word[:, None]) & (np.arange(t) >= begun[:, None])
        now = free[:, None] * (begin / np.maximum(length, 1)[:, None])[:, None]
        now = np.repeat(now, t, axis=1)
        now[:, 1:] += process.go_on * copied[:, : max(t - 1, 0)]
        now *= same[:, :, None]
        ends, other = word == END, word == OTHER
        now[ends | other] = 0
        generated[other], generated[ends] = moved[other], 1 / S
        scale = generated.sum(axis=1) + now.sum(axis=(1, 2))
        generated, copied[:, :t] = generated / scale[:, None], now / scale[:, None, None]
        said = np.where(other, OTHER_LOG_P, np.log(scale))
        said += np.where(length > 0, np.log1p(-process.end), 0.0)
        ended = np.where(length > 0, np.log(process.end), OTHER_LOG_P)
        log_p[:, t] = np.where(ends, ended, said)
        copied[ends] = 0
        begun = np.where(ends, t + 1, begun)
    return log_p


@dataclasses.dataclass(frozen=True)
class EntropyRate:
    """Entropy of the process's text, which is the least loss that any model can reach on it.

    Reached by one that sees whole documents; spaces and the end of a document count as bytes, the
    latter one token of the byte vocabulary.
    """

    nats_per_byte: float
    standard_error: float
    """Of `nats_per_byte`, from the number of documents sampled."""
    nats_per_word: float
    bytes_per_word: float
    documents: int

    def __str__(self) -> str:
        return (
            f"{self.nats_per_byte:.4f} ± {self.standard_error:.4f} nats per byte, "
            f"{self.nats_per_word:.3f} per word"
        )


def entropy_rate(process: ZipfProcess, documents: int = 400) -> EntropyRate:
    """Entropy over length, from the exact probabilities of sampled documents.

    A ratio of means, its standard error by the delta method.
    """
    sample = process.sample((len(SPLITS), 0), documents)
    nats = -log_probability(process, sample)
    sizes = np.array([len(process.text(words)) + 1 for words in sample], np.float64)
    words = np.array([len(document) for document in sample], np.float64)
    rate = nats.mean() / sizes.mean()
    residuals = nats - rate * sizes
    error = residuals.std(ddof=1) / math.sqrt(documents) / sizes.mean()
    return EntropyRate(
        rate, error, nats.mean() / words.mean(), sizes.mean() / words.mean(), documents
    )


class Zipf(SyntheticCorpus):
    """Zipfian words over a hidden Markov chain with in-context copying, of known entropy."""

    name = "zipf"
    process_type = ZipfProcess
