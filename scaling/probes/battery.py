"""All probes of a run: what they show is drawn once, what they find is measured at an evaluation."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from data_pipelines.corpora.synthetic.facts.truth import Truth
from scaling.probes import named
from scaling.probes.probe import Found, Look, Probe, Rows, Subject, Text
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

    def compile(self, params: Any) -> float:
        """Compile what the evaluation does not, by running it as on the way and as at the end; returns
        the seconds it took, 0 where an earlier run of this process has."""
        before = _put_before(self._subject, tuple(probe.name for probe in self._probes))
        if before:
            return 0.0
        start = time.perf_counter()
        ready = [probe for probe in self._probes if probe.compiles]
        self._put([probe for probe in ready if not probe.last], params, np.zeros((1, 1)), False)
        self._put(ready, params, np.zeros((1, 1)))
        before.append(True)
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
        for found in self._put(asked, params, losses_NxL, last).values():
            row |= {name: float(value) for name, value in found.columns.items()}
            for table, rows in found.tables.items():
                details.setdefault(table, []).extend(rows)
        return row, details

    def _put(
        self, probes: Sequence[Probe], params: Any, losses_NxL: np.ndarray, last: bool = True
    ) -> dict[str, Found]:
        """What each of the probes finds, one after the other."""
        found: dict[str, Found] = {}
        for probe in probes:
            look = Look(params, losses_NxL, last, found)
            found[probe.name] = probe.measure(self._subject, self._shown[probe.name], look)
        return found


@lru_cache(maxsize=4)
def _put_before(subject: Subject, probes: tuple[str, ...]) -> list[bool]:
    """Empty until these probes have been put to a model of this kind: what they compile they keep."""
    return []
