"""Copying: the loss on a paragraph that comes again and again (Hernandez et al. 2022, figure 5).

Held-out paragraphs and random tokens, tiled to fill the context: a model that copies has a low loss
from the second copy on, whatever the content.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scaling.probes import sequences

COPIES = 11
"""Copies of a paragraph, as in the paper, where the context has room for them."""

_SHORTEST = 8
"""Tokens of a paragraph at least; a short context gets fewer copies."""


def shape(context: int) -> tuple[int, int]:
    """Copies in a context, and tokens of each."""
    copies = min(COPIES, max(2, context // _SHORTEST))
    return copies, context // copies


def text(heldout_NxL: np.ndarray, rows: int, context: int) -> np.ndarray:
    """Held-out paragraphs tiled, at most `rows`: [n, context + 1]."""
    copies, length = shape(context)
    return sequences.repeat(sequences.paragraphs(heldout_NxL, rows, length), copies, context + 1)


def random(
    generator: np.random.Generator, common: np.ndarray, rows: int, context: int
) -> np.ndarray:
    """Paragraphs of random tokens tiled: [rows, context + 1]."""
    copies, length = shape(context)
    return sequences.repeat(sequences.draw(generator, common, rows, length), copies, context + 1)


def by_copy(losses_NxL: np.ndarray) -> np.ndarray:
    """Mean loss of each copy [n, copies], from the losses of tiled sequences, nats per token."""
    copies, length = shape(losses_NxL.shape[1])
    return losses_NxL[:, : copies * length].reshape(-1, copies, length).mean(axis=2)


def measure(losses_NxL: np.ndarray, prefix: str = "") -> dict[str, float]:
    """Of the losses of tiled paragraphs: `copying_loss` is the mean over all copies but the first,
    `copying_gain` the loss of the first less that of the last, `*_error` their standard errors over
    paragraphs."""
    copies_NxC = by_copy(losses_NxL)
    later, gain = copies_NxC[:, 1:].mean(axis=1), copies_NxC[:, 0] - copies_NxC[:, -1]
    return {
        f"{prefix}copying_loss": later.mean(),
        f"{prefix}copying_loss_error": standard_error(later),
        f"{prefix}copying_gain": gain.mean(),
        f"{prefix}copying_gain_error": standard_error(gain),
    }


def curve(losses_NxL: np.ndarray, kind: str) -> list[dict[str, Any]]:
    """A row a copy: mean loss and its standard error over paragraphs."""
    copies_NxC = by_copy(losses_NxL)
    return [
        {"kind": kind, "copy": c + 1, "loss": own.mean(), "error": standard_error(own)}
        for c, own in enumerate(copies_NxC.T)
    ]


def standard_error(values: np.ndarray) -> float:
    """Of the mean; nan for a single value."""
    return values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
