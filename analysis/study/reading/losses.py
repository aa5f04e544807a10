"""Losses in nats per token, whatever they were written in: bits, perplexity, bits per byte."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from analysis.errors import AnalysisError
from analysis.study.reading.names import normal

NATS, BITS, PERPLEXITY, BITS_PER_BYTE = "nats", "bits", "perplexity", "bits-per-byte"
UNITS = (NATS, BITS, PERPLEXITY, BITS_PER_BYTE)

_SAID_BY = (  # the first that a header matches
    (BITS_PER_BYTE, re.compile(r"bpb|bits?_per_byte|bits?_byte")),
    (PERPLEXITY, re.compile(r"ppl|perplex")),
    (BITS, re.compile(r"(^|_)bits?(_|$)|log2|(^|_)bpt(_|$)")),
    (NATS, re.compile(r"(^|_)nats?(_|$)")),
)


def in_nats(
    column: str, unit: str | None, bytes_per_token: float | None
) -> tuple[Callable[[np.ndarray], np.ndarray], str]:
    """What turns the losses of `column` into nats per token, and what to say of it.

    unit: one of `UNITS`; without one nats are assumed, unless the column's name speaks of another,
    which is asked for. bytes_per_token: for bits per byte. Raises `AnalysisError`.
    """
    told = next((name for name, header in _SAID_BY if header.search(normal(column))), None)
    if unit is not None and unit not in UNITS:
        raise AnalysisError(f"unit: {unit!r}; write one of {', '.join(UNITS)}")
    if unit is None and told not in (None, NATS):
        raise AnalysisError(
            f"unit: {column} sounds like {told}; say --unit {told}, or --unit nats (unit=...)"
        )
    if bytes_per_token is not None and unit != BITS_PER_BYTE:
        raise AnalysisError(
            f"bytes-per-token: needed for --unit {BITS_PER_BYTE} alone; leave it out, or give that"
        )
    if unit is None:
        assumed = "" if told else "Losses are taken for nats per token (--unit says otherwise)."
        return lambda values: values, assumed
    if unit == BITS_PER_BYTE:
        if bytes_per_token is None or not (np.isfinite(bytes_per_token) and bytes_per_token > 0):
            raise AnalysisError(
                f"bytes-per-token: {bytes_per_token or 'missing'}; give the bytes of text that a token "
                "stands for, such as --bytes-per-token 4.2"
            )
        factor = np.log(2) * bytes_per_token
        return lambda values: values * factor, f"{column}: bits per byte x {factor:.4g} are nats."
    if unit == BITS:
        return lambda values: values * np.log(2), f"{column}: bits x ln 2 are nats."
    if unit == PERPLEXITY:
        return _log, f"{column}: ln perplexity is nats."
    return lambda values: values, ""


def _log(values: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):  # told of as rows that are not positive
        return np.log(values)
