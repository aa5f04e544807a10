"""Copying: the loss on a paragraph that comes again and again (Hernandez et al. 2022, figure 5).

Held-out paragraphs and random tokens, tiled to fill the context: a model that copies has a low loss
from the second copy on, whatever the content.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from scaling.probes import passages, sequences
from scaling.probes.probe import Found, Look, Probe, Subject, Text

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
        f"{prefix}copying_loss_error": sequences.standard_error(later),
        f"{prefix}copying_gain": gain.mean(),
        f"{prefix}copying_gain_error": sequences.standard_error(gain),
    }


def curve(losses_NxL: np.ndarray, kind: str) -> list[dict[str, Any]]:
    """A row a copy: mean loss and its standard error over paragraphs."""
    copies_NxC = by_copy(losses_NxL)
    return [
        {"kind": kind, "copy": c + 1, "loss": own.mean(), "error": sequences.standard_error(own)}
        for c, own in enumerate(copies_NxC.T)
    ]


class _Shown(NamedTuple):
    """Tiled text, tiled random tokens and passages: together one evaluation's sequences."""

    text: np.ndarray
    random: np.ndarray
    named: passages.Passages


def _show(subject: Subject, given: Text) -> _Shown:
    size, context = subject.evaluation_size, subject.context
    part = max(1, size // 4)
    tiled = text(given.heldout_NxL, max(1, size - 2 * part), context)
    drawn = random(sequences.generator(0), given.common, part, context)
    rows = min(part, max(1, size - len(tiled) - part))
    named = passages.make(sequences.generator(1), given.heldout_NxL, given.common, rows)
    return _Shown(tiled, drawn, named)


def _measure(subject: Subject, shown: _Shown, look: Look) -> Found:
    tokens = np.concatenate([shown.text, shown.random, shown.named.tokens])
    size = subject.evaluation_size
    losses = np.concatenate(
        [
            subject.token_losses(look.params, tokens[i : i + size])
            for i in range(0, len(tokens), size)
        ]
    )
    ends = np.cumsum([len(shown.text), len(shown.random)])
    on_text, on_random, on_named = np.split(losses, ends)
    row = measure(on_random, "random_") | passages.measure(on_named, shown.named.places)
    curves = curve(on_random, "random")
    if len(shown.text):
        row |= measure(on_text)
        curves += curve(on_text, "text")
    return Found(row, {"copies": curves})


_MEASURES = ("copying_loss", "copying_loss_error", "copying_gain", "copying_gain_error")

COPYING = Probe(
    "copying",
    about="loss on repeated text and random tokens, and on a name that comes back",
    columns=(*(f"random_{name}" for name in _MEASURES), *passages.COLUMNS, *_MEASURES),
    tables=("copies",),
    show=_show,
    measure=_measure,
)
