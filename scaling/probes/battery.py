"""All probes of a run: what they show is drawn once, what they find is measured at an evaluation.

They add to the evaluation one call of its compiled losses, and one pass that looks at heads; the
ablations, at the end of a run, a third. Everything drawn depends on the held-out text alone, so
that all runs of a study are asked the same.
"""

from __future__ import annotations

import time
from functools import cached_property
from typing import Any

import numpy as np

from scaling.config import RunConfig
from scaling.probes import (
    ablation,
    copying,
    heads,
    in_context,
    passages,
    prefix_matching,
    sequences,
    vectors,
)
from scaling.program import Program

Details = dict[str, list[dict[str, Any]]]
"""Rows of tables beside the curve, by table."""


class Battery:
    """The probes that a run's config names, ready to be put to its model."""

    def __init__(self, config: RunConfig, program: Program, heldout_NxL: np.ndarray):
        self._names, self._program, self._text = frozenset(config.probes), program, heldout_NxL
        self._common = sequences.common_tokens(heldout_NxL)
        if not len(self._common):
            self._names = frozenset()

    def compile(self, params: Any) -> float:
        """Compile what the evaluation does not, by running it; returns the seconds it took."""
        start = time.perf_counter()
        if "heads" in self._names:
            found = heads.measure(self._program, params, *self._examples)
            if "ablation" in self._names:
                self._ablate(params, found)
        return time.perf_counter() - start

    def measure(self, params: Any, losses_NxL: np.ndarray, last: bool) -> tuple[dict, Details]:
        """Columns of the evaluation's row, and rows of other tables.

        losses: of the held-out text, nats. `last`: whether the run ends here.
        """
        row: dict[str, Any] = {}
        details: Details = {}
        if "in_context" in self._names:
            row["in_context_score"] = in_context.score(losses_NxL)
            details["positions"] = in_context.curve(losses_NxL)
        if "vectors" in self._names:
            details["vectors"] = [{"vector": vectors.vector(losses_NxL).tolist()}]
        if "copying" in self._names:
            found, details["copies"] = self._copying(params)
            row |= found
        if "heads" in self._names:
            found = heads.measure(self._program, params, *self._examples)
            row |= found.summary()
            details["heads"] = found.rows()
            if last:
                details["patterns"] = found.pictures()
            if last and "ablation" in self._names:
                details["ablations"] = self._ablate(params, found)
        return {name: float(value) for name, value in row.items()}, details

    # What is shown

    def _generator(self, number: int) -> np.random.Generator:
        return np.random.default_rng((0, number))

    @cached_property
    def _tiled(self) -> tuple[np.ndarray, np.ndarray, passages.Passages]:
        """Tiled text, tiled random tokens and passages: together one evaluation's sequences."""
        size, context = self._program.evaluation_size, self._program.context
        part = max(1, size // 4)
        text = copying.text(self._text, max(1, size - 2 * part), context)
        random = copying.random(self._generator(0), self._common, part, context)
        rows = min(part, max(1, size - len(text) - part))
        return text, random, passages.make(self._generator(1), self._text, self._common, rows)

    def _copying(self, params: Any) -> tuple[dict[str, float], list[dict[str, Any]]]:
        parts = text, random, named = self._tiled
        tokens = np.concatenate([text, random, named.tokens])
        size = self._program.evaluation_size
        losses = np.concatenate(
            [
                self._program.token_losses(params, tokens[i : i + size])
                for i in range(0, len(tokens), size)
            ]
        )
        ends = np.cumsum([len(parts[0]), len(parts[1])])
        on_text, on_random, on_named = np.split(losses, ends)
        row = copying.measure(on_random, "random_") | passages.measure(on_named, named.places)
        curves = copying.curve(on_random, "random")
        if len(text):
            row |= copying.measure(on_text)
            curves += copying.curve(on_text, "text")
        return row, curves

    @cached_property
    def _examples(self) -> tuple[np.ndarray, np.ndarray]:
        """Repeated random tokens, and held-out text, of the length that heads are looked at on."""
        length = heads.length_of(self._program.context)
        repeated = prefix_matching.examples(
            self._generator(2), self._common, heads.EXAMPLES, length
        )
        natural = np.resize(self._text[:, :length], (heads.EXAMPLES, length)).astype(np.int32)
        return repeated, natural

    def _ablate(self, params: Any, found: heads.Heads) -> list[dict[str, Any]]:
        half = ablation.sequences_that_fit(self._program) // 2
        text = np.resize(self._text, (half, self._text.shape[1]))
        tiled = copying.random(self._generator(3), self._common, half, self._program.context)
        return ablation.measure(
            self._program, params, text, tiled, found.prefix_matching, self._generator(4)
        )
