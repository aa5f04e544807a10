"""What a probe is: declared once, by its name, what it adds to the curve and beside it, and two
functions, one that draws what a model is shown and one that measures it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from data_pipelines.config import unknown_name
from data_pipelines.corpora.synthetic.facts.truth import Truth
from scaling.sampling import Sampled

Rows = list[dict[str, Any]]


class Subject(Sampled, Protocol):
    """The model that is looked at."""

    @property
    def context(self) -> int:
        """Tokens that it sees at once, L."""

    @property
    def vocabulary_size(self) -> int:
        """Token ids are below this."""

    @property
    def evaluation_size(self) -> int:
        """Sequences that its losses are measured on at once."""

    def token_losses(self, params: Any, tokens: np.ndarray) -> np.ndarray:
        """Loss (nats) of each target of tokens [n, L + 1], n <= evaluation_size: [n, L]."""


class Text(NamedTuple):
    """What there is to draw from: of held-out text and facts all runs of a study are asked the same."""

    heldout_NxL: np.ndarray
    """Sequences [n, context + 1]."""
    common: np.ndarray
    """Token ids to draw from (`sequences.common_tokens`)."""
    sets: Mapping[str, np.ndarray] = {}
    """Sequences that losses are measured on, held-out text (`test`) first; `pool`, `ood`."""
    truth: Truth | None = None
    """Of the facts that the run is told, if any."""


class Look(NamedTuple):
    """An evaluation, as a probe sees it."""

    params: Any
    """The weights."""
    losses_NxL: np.ndarray
    """Of the held-out text, nats."""
    last: bool
    """Whether the run ends here."""
    found: Mapping[str, Found]
    """What the probes before this one have found, by their names."""


class Found(NamedTuple):
    """What a probe has found."""

    columns: Mapping[str, float] = {}
    """Numbers of the evaluation's row."""
    tables: Mapping[str, Rows] = {}
    """Rows of tables beside the curve, by table; those of several probes in one table come together."""
    result: Any = None
    """For probes that need this one."""


@dataclass(frozen=True)
class Probe:
    """What is measured of a model at its evaluations, beside its losses."""

    name: str
    about: str
    """What it measures, in a few words."""
    columns: tuple[str, ...]
    """What it adds to a row of the curve; None where it could not be measured."""
    measure: Callable[[Subject, Any, Look], Found]
    """Looks at the model, with what `show` has drawn."""
    show: Callable[[Subject, Text], Any] = lambda subject, text: None
    """Draws what the model is shown, once a run."""
    tables: tuple[str, ...] = ()
    """What it leaves beside the curve."""
    needs: tuple[str, ...] = ()
    """Probes that have to be asked for as well, which come before it in the list."""
    fields: tuple[str, ...] = ()
    """Fields of a run's config that have to say something."""
    last: bool = False
    """Whether it is put to the model at the end of a run alone."""
    compile: Callable[[Subject, Any], object] | None = None
    """Compiles the programs of its own, if it has any, for a model and what `show` has drawn: before a
    run begins, and without running them."""


def choose(names: Sequence[str], known: Sequence[Probe]) -> list[Probe]:
    """The probes of these names, in the order of the list.

    Raises ValueError on a name that is none, and where one that another needs is missing.
    """
    by_name = {probe.name: probe for probe in known}
    for name in names:
        if name not in by_name:
            raise ValueError(unknown_name("probe", name, by_name))
        for needed in by_name[name].needs:
            if needed not in names:
                raise ValueError(f"{name} needs {needed}; add {needed}")
    return [probe for probe in known if probe.name in names]
