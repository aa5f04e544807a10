"""The repeat plan: which sequence a run sees at which position, as a pure function.

A position is a sequence's place in the run, counted over all batches. It holds either a sequence
of the unique stream, seen once, or one of a pool's, seen exactly `repeats` times, or a row of facts,
seen once, at a place that no pool moves. Nothing is stored and nothing is replayed: any position is
computed by itself in constant time and memory.

The unique sequence at position i is the same for every run of a seed, whatever it repeats: a
repeat takes the place of what the control sees there, so differences to the control are paired.
Pools are taken from the far end of the same permutation of the corpus, so they are disjoint from
every unique stream of the seed, nested in size, and never seen by a control.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from data_pipelines.config import MixtureConfig
from data_pipelines.errors import OstinatoError
from data_pipelines.plan.permutation import Permutation

_CORPUS, _REPEATS, _FACTS = 0, 1, 2


class Slots(NamedTuple):
    """What stands at some positions; each array has the shape of the positions asked for."""

    sequence: np.ndarray
    """Row of the corpus's training split, or of the facts; int64."""
    pool: np.ndarray
    """Index of the pool the sequence is repeated from, int64; -1 for the unique stream."""
    copy: np.ndarray
    """Which of its copies this is, 0..repeats-1, int64; 0 for the unique stream. Copies are
    labelled, not ordered in time, where the order is uniform."""
    facts: np.ndarray
    """bool: whether it is a row of facts."""


class Pool(NamedTuple):
    """`size` distinct sequences, each seen `repeats` times."""

    size: int
    repeats: int


@dataclass(frozen=True)
class RepeatPlan:
    """Positions 0..total-1 of a run over a corpus of `corpus_size` sequences."""

    total: int
    corpus_size: int
    pools: tuple[Pool, ...]
    seed: int
    order: str = "uniform"
    facts: int = 0
    """Rows of facts."""

    def __post_init__(self):
        needed = self.total + sum(pool.size for pool in self.pools)
        if needed > self.corpus_size:
            raise OstinatoError(
                f"tokens: {self.total} sequences of budget and a pool of {needed - self.total} need "
                f"{needed} distinct sequences, and the corpus has {self.corpus_size}"
            )
        if self.facts + self.repeated_slots > self.total:
            raise OstinatoError(
                f"tokens: {self.facts:,} rows of facts and {self.repeated_slots:,} of repeats are more "
                f"than the {self.total:,} sequences of the budget; raise tokens, or ask for fewer exposures"
            )

    @classmethod
    def of(cls, config: MixtureConfig, corpus_size: int, facts: int = 0) -> RepeatPlan:
        """The plan of a config over a corpus of `corpus_size` training sequences and rows of facts."""
        pools = tuple(Pool(*shape) for shape in config.pool_shapes)
        return cls(config.total_sequences, corpus_size, pools, config.seed, config.order, facts)

    @property
    def repeated_slots(self) -> int:
        """Positions that hold a repeat."""
        return sum(pool.size * pool.repeats for pool in self.pools)

    def at(self, positions: np.ndarray) -> Slots:
        """What stands at `positions` (int64, any shape, each in 0..total-1)."""
        positions = np.asarray(positions, np.int64)
        corpus = Permutation(self.corpus_size, (self.seed, _CORPUS))
        index = positions.copy()
        which = np.full(positions.shape, -1, np.int64)
        copy = np.zeros(positions.shape, np.int64)
        # Facts, then each pool, take their share of the positions that those before left.
        told, facts = _evenly(positions, self.facts, self.total)
        rest, left, rank, first = ~facts, self.total - self.facts, positions - told, 0
        for number, pool in enumerate(self.pools):
            before, taken = self._share(rank, pool.size * pool.repeats, left)
            taken &= rest
            member, copy[taken] = self._member(number, before[taken])
            index[taken] = self.corpus_size - 1 - (first + member)
            which[taken] = number
            rest, rank = rest & ~taken, rank - before
            left, first = left - pool.size * pool.repeats, first + pool.size
        sequence = corpus(index)
        if self.facts:
            sequence[facts] = Permutation(self.facts, (self.seed, _FACTS))(told[facts])
        return Slots(sequence, which, copy, facts)

    def _share(self, rank: np.ndarray, slots: int, total: int) -> tuple[np.ndarray, np.ndarray]:
        """How many of a pool's `slots` among `total` lie before each rank, and whether it is one."""
        if self.order == "start":
            return np.minimum(rank, slots), rank < slots
        if self.order == "end":
            return np.maximum(rank - (total - slots), 0), rank >= total - slots
        return _evenly(rank, slots, total)

    def _member(self, number: int, slot: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which of a pool's sequences stands in each of its slots, and which copy of it."""
        size, repeats = self.pools[number]
        key = (self.seed, _REPEATS, number)
        if self.order in ("epochs", "even"):
            epoch = slot // size
            tweak = epoch if self.order == "epochs" else 0
            return Permutation(size, key)(slot % size, tweak), epoch
        shuffled = Permutation(size * repeats, key)(slot)
        return shuffled % size, shuffled // size

    def pool_sequences(self, pool: int = 0, limit: int | None = None) -> np.ndarray:
        """Corpus rows of a pool, int64 [min(size, limit)]."""
        first = sum(p.size for p in self.pools[:pool])
        count = self.pools[pool].size if limit is None else min(self.pools[pool].size, limit)
        return self.unseen_sequences(first + count)[first:]

    def unseen_sequences(self, count: int) -> np.ndarray:
        """The first `count` corpus rows that pools of this seed are taken from, int64 [count]."""
        corpus = Permutation(self.corpus_size, (self.seed, _CORPUS))
        return corpus(self.corpus_size - 1 - np.arange(count, dtype=np.int64))


def _evenly(rank: np.ndarray, slots: int, total: int) -> tuple[np.ndarray, np.ndarray]:
    """`slots` among `total`, evenly spaced: how many lie before each rank, and whether it is one."""
    if slots == 0:
        return np.zeros_like(rank), np.zeros(rank.shape, bool)
    before = _scaled_floor(rank, slots, total)
    return before, _scaled_floor(rank + 1, slots, total) > before


def _scaled_floor(value: np.ndarray, numerator: int, denominator: int) -> np.ndarray:
    """floor(value * numerator / denominator) in exact integers, for factors below 2**46.

    Long multiplication in base 2**16, as the product of two counts of a large run has over 64 bits.
    """
    if denominator == 0:
        return np.zeros_like(value)
    quotient, remainder = np.zeros_like(value), np.zeros_like(value)
    for shift in (32, 16, 0):
        digit = (value >> shift) & 0xFFFF if shift < 32 else value >> 32
        carry = (remainder << 16) + digit * numerator
        quotient = (quotient << 16) + carry // denominator
        remainder = carry % denominator
    return quotient
