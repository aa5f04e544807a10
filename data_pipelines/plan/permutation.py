"""A seeded permutation of 0..size-1 that is computed, not stored.

A Feistel network over the smallest power-of-two domain that holds the indices, with cycle walking
back into them (Black and Rogaway 2002, "Ciphers with Arbitrary Finite Domains"): any index can be
asked for by itself, in constant time and memory.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ROUNDS = 10
"""Six mix large domains well; ten are uniform down to a handful of indices (measured)."""


@dataclass(frozen=True)
class Permutation:
    """A bijection of 0..size-1, chosen by `key`.

    `size` is at most 2**62. Calls are vectorised; `tweak` (broadcast against the index) selects
    another, independent bijection, e.g. one an epoch.
    """

    size: int
    key: tuple[int, ...]

    def __call__(self, index: np.ndarray, tweak: np.ndarray | int = 0) -> np.ndarray:
        """Images of `index` (int64, any shape, each in 0..size-1), as int64 of the same shape."""
        index = np.asarray(index)
        value = index.astype(np.uint64).ravel()
        tweak = np.broadcast_to(np.asarray(tweak, np.uint64), index.shape).ravel()
        value = self._round_trip(value, tweak)
        outside = np.flatnonzero(value >= self.size)
        while outside.size:
            value[outside] = self._round_trip(value[outside], tweak[outside])
            outside = outside[value[outside] >= self.size]
        return value.astype(np.int64).reshape(index.shape)

    def _round_trip(self, value: np.ndarray, tweak: np.ndarray) -> np.ndarray:
        bits = max(2, (self.size - 1).bit_length())
        low_bits = bits - bits // 2
        high, low = value >> np.uint64(low_bits), value & _mask(low_bits)
        high_bits = bits // 2
        for round_key in _round_keys(self.key):
            high, low = low, high ^ (_mix(low + round_key + tweak * _GOLDEN) & _mask(high_bits))
            high_bits, low_bits = low_bits, high_bits
        return (high << np.uint64(low_bits)) | low


_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def _mask(bits: int) -> np.uint64:
    return np.uint64((1 << bits) - 1)


def _round_keys(key: tuple[int, ...]) -> np.ndarray:
    # ROUNDS is even, so the unbalanced halves end where they began.
    return np.random.SeedSequence(key).generate_state(ROUNDS, np.uint64)


def _mix(x: np.ndarray) -> np.ndarray:
    """The finaliser of splitmix64 (Steele, Lea and Flood 2014); wraps modulo 2**64."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
