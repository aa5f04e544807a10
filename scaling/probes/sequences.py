"""What probes show to a model: tokens to draw from, and repeated paragraphs."""

from __future__ import annotations

import numpy as np

START = 1
"""The token that begins a probe's sequence: the end of the document before."""

_SPECIAL = 3
"""Ids below are padding, end of document and unknown."""

_DROPPED = 0.1
"""Share of the tokens that is left out at either end of the ranking by frequency."""


def generator(number: int) -> np.random.Generator:
    """The generator of one of the things that probes draw: the same for all runs."""
    return np.random.default_rng((0, number))


def common_tokens(heldout_NxL: np.ndarray) -> np.ndarray:
    """Tokens that held-out text uses, without the most and the least common tenth (Olsson et al.
    2022, "head activation evaluators"): ids, from the most common on."""
    counts = np.bincount(heldout_NxL.ravel())
    counts[:_SPECIAL] = 0
    ranked = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]
    cut = int(len(ranked) * _DROPPED)
    return ranked[cut : len(ranked) - cut]


def draw(generator: np.random.Generator, common: np.ndarray, rows: int, length: int) -> np.ndarray:
    """Random tokens [rows, length], all different within a row where there are enough of them."""
    if length > len(common):
        return generator.choice(common, (rows, length))
    return np.stack([generator.permutation(common)[:length] for _ in range(rows)])


def paragraphs(heldout_NxL: np.ndarray, rows: int, length: int) -> np.ndarray:
    """At most `rows` paragraphs [n, length]: how held-out sequences begin that begin within a
    document."""
    begin = heldout_NxL[:, :length]
    return begin[(begin >= _SPECIAL).all(axis=1)][:rows]


def repeat(paragraphs_NxP: np.ndarray, copies: int, length: int) -> np.ndarray:
    """Each paragraph `copies` times after START, padded with 0: [n, length]."""
    tiled = np.tile(paragraphs_NxP, (1, copies))
    tokens = np.zeros((len(tiled), length), np.int32)
    tokens[:, 0] = START
    tokens[:, 1 : 1 + tiled.shape[1]] = tiled
    return tokens


def filled(rows: np.ndarray, size: int) -> np.ndarray:
    """`rows` [n, ...] with blank ones after them [size, ...], as a program of that many is compiled."""
    return np.pad(rows, [(0, size - len(rows))] + [(0, 0)] * (rows.ndim - 1))


def standard_error(values: np.ndarray) -> float:
    """Of the mean; nan for a single value."""
    return values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
