"""Which stretches of text come up how often, in memory that does not grow with the corpus.

Every window of a document is hashed; equal hashes are counted. Where there are more distinct
windows than memory shall hold, a share of them is kept, chosen by their hashes, with every one of
their occurrences: so the counts stay exact and the shares unbiased (adaptive sampling, Flajolet
1990).
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

_BASE = 0x9E3779B97F4A7C15
_PIECE = 2**20


class Windows(NamedTuple):
    """Windows of a document, by their start."""

    hashes: np.ndarray
    """uint64 [windows]: equal for equal windows."""
    tokens: np.ndarray
    """int64 [windows]: tokens that each stands for; they add up to the document's."""


def windows(tokens: np.ndarray, length: int) -> Windows:
    """All windows of `length` tokens in a document, int [n], n > 0; a shorter one is a window itself.

    A window stands for its first token, the last one for the rest as well. Hashes are polynomial
    over uint64 (Karp & Rabin 1987), all from one running sum.
    """
    length = min(length, len(tokens))
    starts = len(tokens) - length + 1
    hashes = np.empty(starts, np.uint64)
    for first in range(0, starts, _PIECE):
        last = min(first + _PIECE, starts)
        hashes[first:last] = _hashes(tokens[first : last + length - 1], length)
    stands_for = np.ones(starts, np.int64)
    stands_for[-1] = length
    return Windows(_mix(hashes ^ np.uint64(length)), stands_for)


def _hashes(tokens: np.ndarray, length: int) -> np.ndarray:
    values = _mix(tokens.astype(np.uint64) + np.uint64(1))
    count = len(tokens) - length + 1
    sums = np.concatenate(
        [np.zeros(1, np.uint64), np.cumsum(values * _powers(_BASE)[: len(tokens)])]
    )
    inverse = pow(_BASE, -1, 2**64)
    return (sums[length:] - sums[:-length]) * _powers(inverse)[:count]


@lru_cache(maxsize=2)
def _powers(base: int, count: int = 2 * _PIECE) -> np.ndarray:
    powers = np.full(count, base, np.uint64)
    powers[0] = 1
    return np.cumprod(powers)


def _mix(values: np.ndarray) -> np.ndarray:
    """The finaliser of MurmurHash3, after which any bits of a hash serve to sample by."""
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        values = (values ^ (values >> np.uint64(33))) * np.uint64(factor)
    return values ^ (values >> np.uint64(33))


class Counted(NamedTuple):
    """Distinct windows that were kept, in the order of their hashes."""

    repeats: np.ndarray
    """int32 [distinct]: how often each came up."""
    tokens: np.ndarray
    """int64 [distinct]: tokens its occurrences stand for."""
    place: np.ndarray
    """int64 [distinct]: the least of the places where it came up."""
    share: float
    """Of all distinct windows: how many were kept, 1 where all were."""


class Tally:
    """Counts distinct hashes and keeps at most `capacity` of them."""

    def __init__(self, capacity: int):
        self._capacity = capacity
        self._level = 0
        self._pending: list[tuple[np.ndarray, ...]] = []
        self._rows = 0

    def add(self, hashes: np.ndarray, tokens: np.ndarray, places: np.ndarray) -> None:
        """Take in occurrences: uint64, int64 and int64 [n]."""
        kept = self._sampled(hashes)
        rows = (hashes[kept], np.ones(kept.sum(), np.int32), tokens[kept], places[kept])
        self._pending.append(rows)
        self._rows += len(rows[0])
        if self._rows > 2 * self._capacity:
            self._merge()

    def counted(self) -> Counted:
        """What has come up so far."""
        self._merge()
        _, repeats, tokens, places = self._pending[0]
        return Counted(repeats, tokens, places, 0.5**self._level)

    def _sampled(self, hashes: np.ndarray) -> np.ndarray:
        return hashes & np.uint64(2**self._level - 1) == 0

    def _merge(self) -> None:
        columns = [np.concatenate(column) for column in zip(*self._pending, strict=True)]
        self._pending.clear()  # as much again as the columns
        hashes, repeats, tokens, places = columns
        order = np.argsort(hashes)
        hashes = hashes[order]
        first = np.flatnonzero(np.diff(hashes, prepend=~hashes[:1]))
        hashes, places = hashes[first], np.minimum.reduceat(places[order], first)
        repeats = np.add.reduceat(repeats[order], first)
        tokens = np.add.reduceat(tokens[order], first)
        while len(hashes) > self._capacity:
            self._level += 1
            kept = self._sampled(hashes)
            hashes, repeats, tokens, places = (
                column[kept] for column in (hashes, repeats, tokens, places)
            )
        self._pending, self._rows = [(hashes, repeats, tokens, places)], len(hashes)
