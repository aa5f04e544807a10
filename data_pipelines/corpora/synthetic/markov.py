"""`markov`: sequences of 64 symbols in which little but copying can be learned in context.

A first-order Markov chain, the same for all documents, that now and then copies a span from earlier
in its document: the first can be learned by frequencies, the second by induction heads alone. The
smallest corpus on which they form in minutes.
"""

from __future__ import annotations

import dataclasses
from functools import cached_property
from typing import Any

import numpy as np

from data_pipelines.corpora.synthetic.process import Process, SyntheticCorpus


@dataclasses.dataclass(frozen=True)
class MarkovProcess(Process):
    """The parameters of the process; the seed draws the transitions."""

    alphabet: str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-"
    concentration: float = 0.1
    """Of the symmetric Dirichlet distribution that each symbol's successors are drawn from."""
    copy: float = 0.08
    """Probability that a copy begins before a symbol, where none is under way."""
    shortest: int = 8
    """Symbols of a copied span, drawn evenly."""
    longest: int = 23
    length: int = 128
    """Symbols of a document."""

    @cached_property
    def transitions(self) -> np.ndarray:
        """Probability of symbol j after symbol i, float64 [symbols, symbols]."""
        count = len(self.alphabet)
        generator = self.generator(0)
        return generator.dirichlet(np.full(count, self.concentration), count)

    def sample(self, stream: tuple[int, ...], documents: int) -> np.ndarray:
        """Symbol numbers int64 [documents, length]; the same for a stream.

        The source of a copy begins anywhere before its first symbol, and may run into the copy.
        """
        generator = self.generator(1, *stream)
        cumulative = self.transitions.cumsum(axis=1)[:, :-1]
        symbols = np.zeros((documents, self.length), np.int64)
        symbols[:, 0] = generator.integers(len(self.alphabet), size=documents)
        source, left = np.zeros((2, documents), np.int64)
        rows = np.arange(documents)
        for t in range(1, self.length):
            begins = (left == 0) & (generator.random(documents) < self.copy)
            source = np.where(begins, generator.integers(t, size=documents), source + 1)
            spans = generator.integers(self.shortest, self.longest + 1, documents)
            left = np.where(begins, spans, left)
            moves = cumulative[symbols[:, t - 1]]
            moved = (generator.random(documents)[:, None] > moves).sum(axis=1)
            copied = symbols[rows, np.where(left > 0, source, 0)]
            symbols[:, t] = np.where(left > 0, copied, moved)
            left = np.maximum(left - 1, 0)
        return symbols

    def text(self, symbols: np.ndarray) -> str:
        """A document as text, a byte a symbol."""
        return "".join(self.alphabet[symbol] for symbol in symbols)

    def describe(self) -> dict[str, Any]:
        symbols, apart = len(self.alphabet), f"{1 / self.copy:.0f}"
        return {
            "summary": f"markov: {symbols} symbols, a copy begins before one in {apart} of them"
        }


class Markov(SyntheticCorpus):
    """A Markov chain over 64 symbols with in-context copying, in documents of 128."""

    name = "markov"
    process_type = MarkovProcess
