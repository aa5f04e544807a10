"""`markov`: sequences of 64 symbols in which little but copying can be learned in context.

A first-order Markov chain, the same for all documents, that now and then copies a span from earlier
in its document: the first can be learned by frequencies, the second by induction heads alone. The
smallest corpus on which they form in minutes.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from data_pipelines.corpora.builder import TextCorpus
from data_pipelines.corpora.documents import SPLITS, Document
from data_pipelines.errors import OstinatoError
from data_pipelines.quiet import tfds

_UNITS = {"kB": 10**3, "MB": 10**6, "GB": 10**9}
_HELDOUT_BYTES = 10**6
_DOCUMENTS_AT_ONCE = 8192


@dataclasses.dataclass(frozen=True)
class MarkovProcess:
    """The parameters of the process; the seed draws the transitions."""

    seed: int = 0
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
        generator = np.random.default_rng((self.seed, 0))
        return generator.dirichlet(np.full(count, self.concentration), count)

    def sample(self, stream: tuple[int, ...], documents: int) -> np.ndarray:
        """Symbol numbers int64 [documents, length]; the same for a stream.

        The source of a copy begins anywhere before its first symbol, and may run into the copy.
        """
        generator = np.random.default_rng((self.seed, 1, *stream))
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


@dataclasses.dataclass
class MarkovConfig(tfds.core.BuilderConfig):
    """How much text of which process: `size` bytes in the train split, a megabyte in the others."""

    size: int = 20 * 10**6
    process: MarkovProcess = MarkovProcess()

    @classmethod
    def parse(cls, text: str) -> MarkovConfig:
        """Read '', '30MB', 'seed3' or '30MB-seed3'; raises OstinatoError."""
        match = re.fullmatch(r"(?:([1-9]\d*)([kMG]B))?-?(?:seed(\d+))?", text)
        if not match:
            raise OstinatoError(
                f"corpus: markov/{text} is none; write markov, markov/30MB or markov/30MB-seed3"
            )
        number, unit, seed = match[1] or 20, match[2] or "MB", int(match[3] or 0)
        return cls(
            name=f"{number}{unit}-seed{seed}",
            size=int(number) * _UNITS[unit],
            process=MarkovProcess(seed),
        )


class Markov(TextCorpus, skip_registration=True):
    """A Markov chain over 64 symbols with in-context copying, in documents of 128."""

    name = "markov"

    def __init__(self, config: MarkovConfig, data_dir: Path):
        super().__init__(config, data_dir)

    def documents(self, split: str) -> Iterator[Document]:
        """Each split is a stream of its own: a larger corpus goes on where a smaller one ends."""
        process, number = self.builder_config.process, 0
        size = self.builder_config.size if split == "train" else _HELDOUT_BYTES
        wanted = -(-size // (process.length + 1))
        for block in itertools.count():
            for symbols in process.sample((SPLITS.index(split), block), _DOCUMENTS_AT_ONCE):
                source = f"markov-seed{process.seed}:{split}-{number}"
                yield Document(source, process.text(symbols))
                number += 1
                if number == wanted:
                    return

    def describe(self) -> dict[str, Any]:
        process = self.builder_config.process
        return {
            "process": dataclasses.asdict(process),
            "summary": f"markov: {len(process.alphabet)} symbols, a copy begins before one in "
            f"{1 / process.copy:.0f} of them",
        }
