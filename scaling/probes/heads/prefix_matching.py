"""Prefix matching: attention to what came after the current token before (Olsson et al. 2022).

Random tokens, repeated: each position should attend to the token that followed the earlier
occurrences of its own. With START at 0 and P tokens a repeat, position i attends rightly to
i - m * P + 1 for m = 1, 2, ... up to (i - 1) // P.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scaling.probes import sequences

if TYPE_CHECKING:
    import jax

REPEATS, PERIOD = 4, 25
"""Times the random tokens are repeated, and how many there are, as in the paper."""


def period(length: int) -> int:
    """Tokens of a repeat in a sequence of `length`."""
    return min(PERIOD, (length - 1) // REPEATS)


def examples(
    generator: np.random.Generator, common: np.ndarray, rows: int, length: int
) -> np.ndarray:
    """Repeated random tokens [rows, length]."""
    drawn = sequences.draw(generator, common, rows, period(length))
    return sequences.repeat(drawn, REPEATS, length)


def score(patterns_BxHxLxL: jax.Array) -> jax.Array:
    """Mean weight on all tokens to be attended to, of positions that have some: [H], in [0, 1]."""
    i, j = _targets(patterns_BxHxLxL.shape[-1])
    positions = len(np.unique(i))
    return patterns_BxHxLxL[..., i, j].sum(-1).mean(0) / positions


def chance(length: int) -> float:
    """The score of a head that attends to all positions alike."""
    i, _ = _targets(length)
    return float((1 / (i + 1)).sum() / len(np.unique(i)))


def _targets(length: int) -> tuple[np.ndarray, np.ndarray]:
    """(query, key) of every entry of a pattern that matches a prefix."""
    P = period(length)
    pairs = [
        (i, i - m * P + 1)
        for i in range(P + 1, REPEATS * P + 1)
        for m in range(1, (i - 1) // P + 1)
    ]
    i, j = np.array(pairs).T
    return i, j
