"""Numbers as a reader wants them: 98k params, a multiplier of 0.32, 3 runs."""

from __future__ import annotations

from math import isfinite, log10

_SUFFIXES = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))


def count(number: float, digits: int = 3) -> str:
    """A count in short: 98.3k, 1.57M, 805M; below a thousand as it is."""
    if not isfinite(number):
        return "?"
    number = float(f"{number:.{digits}g}")
    for size, suffix in _SUFFIXES:
        if number >= size:
            return f"{number / size:.{digits}g}{suffix}"
    return f"{number:.{digits}g}"


def share(number: float) -> str:
    """A ratio with two significant digits and no exponent: 0.32, 0.041, 1.2."""
    if not isfinite(number) or number <= 0:
        return f"{number:.2g}"
    return f"{number:.{max(0, 1 - int(log10(number) // 1))}f}"


def plural(number: int, noun: str) -> str:
    """'1 run', '3 runs'."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
