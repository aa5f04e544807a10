"""`echo`: the chain of `markov`, echoing spans from a bounded distance, alike at every position.

In `markov` a document begins with nothing to copy, and its later symbols have more to come from: they
are harder in themselves. Here a document is cut out of a process that has long been under way, whose
copies come from `nearest` to `farthest` symbols back: symbols, pairs and copies are as frequent at
each position as at any other, so that what knows frequencies alone does equally well at all of them.
What a document begins with merely has its source out of sight. Late loss less early loss is so what
a model learns in context and nothing else, as in the text of Olsson et al. 2022.
"""

from __future__ import annotations

import dataclasses
from functools import cached_property
from typing import Any

import numpy as np

from data_pipelines.corpora.synthetic.markov import MarkovProcess
from data_pipelines.corpora.synthetic.process import SyntheticCorpus


@dataclasses.dataclass(frozen=True)
class EchoProcess(MarkovProcess):
    """The parameters of the process; a seed's transitions are those of `markov`."""

    copy: float = 0.12
    longest: int = 24
    nearest: int = 24
    """Symbols from a source to its copy, drawn evenly: a source ends before its copy begins."""
    farthest: int = 64
    burn_in: int = 768
    """Symbols drawn before a document begins; the first `farthest` of them copy nothing."""

    @cached_property
    def frequencies(self) -> np.ndarray:
        """Probability of each symbol, the same at every position, float64 [symbols]."""
        count = len(self.alphabet)
        balance = self.transitions.T - np.eye(count)
        balance[-1] = 1  # one equation follows from the others; instead, that they add up to one
        return np.linalg.solve(balance, np.eye(count)[-1])

    def sample(self, stream: tuple[int, ...], documents: int) -> np.ndarray:
        """Symbol numbers int64 [documents, length]; the same for a stream."""
        generator = self.generator(1, *stream)
        count, steps = len(self.alphabet), self.burn_in + self.length
        cumulative = self.transitions.cumsum(axis=1)[:, :-1]
        ladder = (cumulative + np.arange(count)[:, None]).ravel()  # all rows in one ascending line
        symbols = np.zeros((steps, documents), np.int64)
        symbols[0] = generator.choice(count, size=documents, p=self.frequencies)
        distance, left = np.full(documents, self.nearest), np.zeros(documents, np.int64)
        rows = np.arange(documents)
        for t in range(1, steps):
            last = symbols[t - 1]
            moved = np.searchsorted(ladder, last + generator.random(documents), side="right")
            symbols[t] = moved - last * (count - 1)
            if t < self.farthest:
                continue
            begins = (left == 0) & (generator.random(documents) < self.copy)
            distances = generator.integers(self.nearest, self.farthest + 1, documents)
            spans = generator.integers(self.shortest, self.longest + 1, documents)
            distance, left = np.where(begins, (distances, spans), (distance, left))
            symbols[t] = np.where(left > 0, symbols[t - distance, rows], symbols[t])
            left = np.maximum(left - 1, 0)
        return np.ascontiguousarray(symbols[self.burn_in :].T)

    def describe(self) -> dict[str, Any]:
        about = super().describe()["summary"].removeprefix("markov: ")
        return {"summary": f"echo: {about}, from {self.nearest} to {self.farthest} symbols back"}


def in_context_losses(process: EchoProcess, symbols: np.ndarray) -> np.ndarray:
    """What the best predictor loses that sees a document and nothing before it, nats, float64
    [documents, length], of `symbols` int64 [documents, length].

    The forward algorithm (Rabiner 1989, section III.A) over whether a copy is under way, from what
    distance, and how many symbols it has left. What is copied from before the document is taken to
    be the chain's, which it is not where copies meet: so the mean is above the entropy, if barely.
    """
    spans = np.arange(1, process.longest + 1)
    odds = (spans >= process.shortest) / (process.longest + 1 - process.shortest)
    distances = np.arange(process.nearest, process.farthest + 1)
    begin = process.copy * np.tile(odds / len(distances), (len(distances), 1))
    free = 1 / (1 - process.copy + process.copy * (spans @ odds))
    documents, length = symbols.shape
    # Before each symbol: that a copy begins there or goes on, by distance and symbols left.
    under_way = free * process.copy * (1 - odds.cumsum()) / len(distances)
    goes_on = np.tile(under_way, (documents, len(distances), 1))
    free = np.full(documents, free)
    losses = np.empty(symbols.shape)
    for t in range(length):
        now = symbols[:, t]
        drawn = process.frequencies[now]
        moved = process.transitions[symbols[:, t - 1], now] if t else drawn
        seen = distances <= t
        same = symbols[:, t - distances[seen]] == now[:, None]
        first = np.tile(drawn[:, None], len(distances))
        later = np.tile(moved[:, None], len(distances))
        first[:, seen] = later[:, seen] = same
        chain = free * (1 - process.copy) * moved
        copies = (free[:, None] * first)[:, :, None] * begin + goes_on * later[:, :, None]
        likelihood = chain + copies.sum(axis=(1, 2))
        losses[:, t] = -np.log(likelihood)
        free = (chain + copies[:, :, 0].sum(axis=1)) / likelihood
        goes_on = np.zeros_like(copies)
        goes_on[:, :, :-1] = copies[:, :, 1:] / likelihood[:, None, None]
    return losses


class Echo(SyntheticCorpus):
    """A Markov chain that echoes spans of its own, alike at every position, in documents of 128."""

    name = "echo"
    process_type = EchoProcess
