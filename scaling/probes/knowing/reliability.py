"""Is a prediction held with confidence p right with probability p? (Kadavath et al. 2022, section 3.)

A perfectly calibrated model has an RMS calibration error above zero on any finite sample: its null
floor goes beside it, and the number of predictions.
"""

from __future__ import annotations

from typing import Any

import numpy as np

BINS = 15
"""Of equal mass, as far as equal confidences, which no bin parts, allow."""


def measure(confidence: np.ndarray, correct: np.ndarray) -> dict[str, float]:
    """Of predictions [n] with the probability that each is said to be right, and whether it is:
    `rms_ce`, its floor `rms_ce_floor` and `n`, `ece`, `brier`, `accuracy`, and `confidence_gap`, mean
    confidence less accuracy, above zero where a model is over-confident.

    The floor is what a perfectly calibrated model of these confidences is expected to show, as if
    correctness were redrawn from them: the root of the expected square, exactly.
    """
    order, starts = _binned(confidence)
    p = np.asarray(confidence, np.float64)[order]
    c = np.asarray(correct, np.float64)[order]
    sizes = np.diff(starts, append=len(p))
    share = sizes / len(p)
    off = np.add.reduceat(p - c, starts) / sizes
    variance = np.add.reduceat(p * (1 - p), starts) / sizes**2
    return {
        "n": len(p),
        "rms_ce": float(np.sqrt(share @ off**2)),
        "rms_ce_floor": float(np.sqrt(share @ variance)),
        "ece": float(share @ abs(off)),
        "brier": float(np.mean((p - c) ** 2)),
        "accuracy": float(c.mean()),
        "confidence_gap": float(p.mean() - c.mean()),
    }


def bins(confidence: np.ndarray, correct: np.ndarray) -> list[dict[str, Any]]:
    """A row a bin, from the least confident on: its predictions, their mean confidence and accuracy."""
    order, starts = _binned(confidence)
    return [
        {
            "bin": k,
            "n": len(own),
            "confidence": float(confidence[own].mean()),
            "accuracy": float(correct[own].mean()),
        }
        for k, own in enumerate(np.split(order, starts[1:]))
    ]


def _binned(p_n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The predictions in the order of their confidence, and where in it each bin begins."""
    order = np.argsort(p_n, kind="stable")
    ranked = p_n[order]
    even = len(ranked) * np.arange(BINS) // BINS
    return order, np.unique(np.searchsorted(ranked, ranked[even]))
