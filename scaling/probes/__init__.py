"""Probes: what a model has learned besides its loss, measured at each evaluation while it trains.

A module a probe: it ends with a `Probe` that says what it adds to the curve and beside it, and
PROBES lists them. A new one is its module and its line there. `battery.Battery` puts those that a
run's config names to its model. Importing this loads no JAX.
"""

from collections.abc import Sequence

from scaling.probes.ablation import ABLATION
from scaling.probes.copying import COPYING
from scaling.probes.heads.looking import HEADS
from scaling.probes.in_context import IN_CONTEXT
from scaling.probes.knowing.calibration import CALIBRATION
from scaling.probes.knowing.hallucination import HALLUCINATION
from scaling.probes.knowing.knowledge import KNOWLEDGE
from scaling.probes.probe import Found, Look, Probe, Subject, Text, choose
from scaling.probes.vectors import VECTORS

__all__ = ["PROBES", "Found", "Look", "Probe", "Subject", "Text", "named"]

PROBES: list[Probe] = [
    IN_CONTEXT,
    VECTORS,
    COPYING,
    HEADS,
    ABLATION,
    KNOWLEDGE,
    CALIBRATION,
    HALLUCINATION,
]
"""In the order in which they are put to a model; a program may append its own."""


def named(names: Sequence[str]) -> list[Probe]:
    """The probes of these names, in the order of the list; raises ValueError as `choose` does."""
    return choose(names, PROBES)
