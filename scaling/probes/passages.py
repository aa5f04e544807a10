"""A name that comes back in a passage (Hernandez et al. 2022, figures 8 and 9).

Made-up names, a few random tokens each, stand several times in held-out text: how probable are the
rest of a name's tokens after its first, where it is new, and where it has been seen before?
Any vocabulary and corpus will do, and many names give an interval.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scaling.probes import sequences

OCCURRENCES = 5
"""Times that a name stands in its passage."""

_NAME = 6
"""Tokens of a name; fewer where the context has fewer than sixteen times as many."""


COLUMNS = ("name_loss", "name_loss_error", "name_probability_first", "name_probability_last")
"""What `measure` finds."""


class Passages(NamedTuple):
    """Passages with a name each."""

    tokens: np.ndarray
    """[n, context + 1]."""
    places: np.ndarray
    """Where in the losses the rest of the name stands: [n, OCCURRENCES, tokens of a name - 1]."""


def make(
    generator: np.random.Generator, heldout_NxL: np.ndarray, common: np.ndarray, rows: int
) -> Passages:
    """At most `rows` held-out sequences, the name at a random place in each fifth of them."""
    tokens = heldout_NxL[:rows].astype(np.int32)
    rows, context = len(tokens), tokens.shape[1] - 1
    length, block = max(2, min(_NAME, context // 16)), context // OCCURRENCES
    names = sequences.draw(generator, common, rows, length)
    starts = generator.integers(0, block - length + 1, (rows, OCCURRENCES))
    starts = 1 + starts + block * np.arange(OCCURRENCES)
    where = starts[..., None] + np.arange(length)
    tokens[np.arange(rows)[:, None, None], where] = names[:, None]
    return Passages(tokens, where[..., 1:] - 1)


def measure(losses_NxL: np.ndarray, places: np.ndarray) -> dict[str, float]:
    """`name_loss`: nats per token of a name that has been seen; `name_probability_first` and
    `_last`: mean probability of its tokens where it is new, and at its last occurrence."""
    losses = np.take_along_axis(losses_NxL, places.reshape(len(places), -1), axis=1)
    losses = losses.reshape(places.shape)
    seen, probability = losses[:, 1:].mean(axis=(1, 2)), np.exp(-losses).mean(axis=2)
    return {
        "name_loss": seen.mean(),
        "name_loss_error": sequences.standard_error(seen),
        "name_probability_first": probability[:, 0].mean(),
        "name_probability_last": probability[:, -1].mean(),
    }
