"""Per-token losses as a point in space (Olsson et al. 2022): a snapshot's vector is its loss at one
token, drawn once, of each held-out sequence."""

from __future__ import annotations

import numpy as np

from scaling.probes.probe import Found, Look, Probe, Subject

SEED = 0


def vector(losses_NxL: np.ndarray) -> np.ndarray:
    """Loss at a token of each sequence, the same token for all models: [n], nats."""
    rows, length = losses_NxL.shape
    return losses_NxL[np.arange(rows), np.random.default_rng(SEED).integers(0, length, rows)]


def _measure(subject: Subject, shown: None, look: Look) -> Found:
    return Found(tables={"vectors": [{"vector": vector(look.losses_NxL).tolist()}]})


VECTORS = Probe(
    "vectors",
    about="per-token losses, for the ways of runs through loss space",
    columns=(),
    tables=("vectors",),
    measure=_measure,
)
