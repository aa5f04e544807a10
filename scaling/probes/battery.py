"""All probes of a run: what they show is drawn once, what they find is measured at an evaluation."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from data_pipelines.corpora.synthetic.facts.truth import Truth
from scaling.probes import named
from scaling.probes.probe import Found, Look, Rows, Subject, Text
from scaling.probes.sequences import common_tokens

Details = dict[str, Rows]
"""Rows of tables beside the curve, by table."""


class Battery:
    """Probes, ready to be put to a model; none of them where the text has no tokens to draw from."""

    def __init__(
        self,
        names: Sequence[str],
        subject: Subject,
        sets: Mapping[str, np.ndarray],
        truth: Truth | None = None,
    ):
        """sets: what losses are measured on, `test` among them."""
        self._subject = subject
        self._text = Text(sets["test"], common_tokens(sets["test"]), sets, truth)
        self._probes = named(names) if len(self._text.common) else []

    @cached_property
    def _shown(self) -> dict[str, Any]:
        return {probe.name: probe.show(self._subject, self._text) for probe in self._probes}

    def compile(self) -> float:
        """Compile what neither the evaluation nor an earlier run of this process has; returns the
        seconds it took."""
        start = time.perf_counter()
        for probe in self._probes:
            if probe.compile:
                probe.compile(self._subject, self._shown[probe.name])
        return time.perf_counter() - start

    def measure(
        self, params: Any, losses_NxL: np.ndarray, last: bool
    ) -> tuple[dict[str, float | None], Details]:
        """Columns of the evaluation's row, and rows of other tables.

        losses: of the held-out text, nats. `last`: whether the run ends here.
        """
        asked = [probe for probe in self._probes if last or not probe.last]
        row: dict[str, float | None] = {name: None for probe in asked for name in probe.columns}
        details: Details = {}
        found: dict[str, Found] = {}
        for probe in asked:
            look = Look(params, losses_NxL, last, found)
            own = probe.measure(self._subject, self._shown[probe.name], look)
            found[probe.name] = own
            row |= {name: float(value) for name, value in own.columns.items()}
            for table, rows in own.tables.items():
                details.setdefault(table, []).extend(rows)
        return row, details
