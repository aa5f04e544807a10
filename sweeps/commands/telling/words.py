"""Numbers as people read them."""

from __future__ import annotations


def short(count: float) -> str:
    """A count in three figures: 24.6k, 98.3k, 805M, 100B."""
    for power, suffix in ((12, "T"), (9, "B"), (6, "M"), (3, "k")):
        if count >= 10**power:
            return f"{count / 10**power:.3g}{suffix}"
    return f"{count:.3g}"


def duration(seconds: float | None) -> str:
    """Seconds as people say them: 42 s, 7:05 min, 3:20 h, 12 d; a question mark where unknown."""
    if seconds is None or seconds != seconds:
        return "?"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    if whole < 48 * 3600:
        return f"{whole // 3600}:{whole % 3600 // 60:02d} h"
    return f"{whole / 86400:.0f} d"
