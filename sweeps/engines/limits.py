"""Time and memory as people write them, as Slurm takes them, and in words.

Slurm reads 4:00 as four minutes and 16 as sixteen megabytes: what is meant is kept in a spelling that
nobody can misread.
"""

from __future__ import annotations

import re

_SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_WORDS = {"d": "day", "h": "hour", "m": "minute", "s": "second"}
_NUMBER = r"(\d{1,9}(?:\.\d{1,9})?)"
_PART = _NUMBER + r"\s*(d|days?|h|hrs?|hours?|m|mins?|minutes?|s|secs?|seconds?)"
_MEGABYTES = {"k": 1 / 1024, "m": 1, "g": 1024, "t": 1024**2}
_LEAST_MEGABYTES = 256
"""A worker has JAX in it."""


def time_limit(text: str) -> str:
    """'4h', '90min', '2d 12h' or a time as Slurm writes it, as [DAYS-]HH:MM:SS; raises ValueError."""
    whole = seconds_of(text)
    if whole < 1:
        raise ValueError("no time at all; leave it out for the partition's own limit")
    days, rest = divmod(whole, 86400)
    clock = f"{rest // 3600:02d}:{rest % 3600 // 60:02d}:{rest % 60:02d}"
    return f"{days}-{clock}" if days else clock


def seconds_of(text: str) -> int:
    """Seconds of a time limit; raises ValueError with examples."""
    given = text.strip().lower()
    if re.fullmatch(rf"(?:{_PART}\s*)+", given, re.ASCII):
        return round(sum(float(n) * _SECONDS[unit[0]] for n, unit in re.findall(_PART, given)))
    if found := re.fullmatch(
        r"(?:(\d{1,5})-)?(\d{1,9})(?::(\d{1,2}))?(?::(\d{1,2}))?", given, re.ASCII
    ):
        days, *parts = (int(part or 0) for part in (found[1], *filter(None, found.groups()[1:])))
        # Without days one number is minutes, and two are minutes and seconds.
        unit = 3600 if found[1] or len(parts) == 3 else 60
        return days * 86400 + sum(part * unit // 60**i for i, part in enumerate(parts))
    raise ValueError("write 4h, 90min or 1d12h, or as Slurm does 4:00:00 (4:00 is four minutes)")


def memory(text: str) -> str:
    """'16GB', '16g' or '1.5 GiB' as Slurm takes it: 16G, 1536M; raises ValueError."""
    given = text.strip().lower()
    found = re.fullmatch(_NUMBER + r"\s*(?:([kmgt])(?:i?b)?)?", given, re.ASCII)
    if not found:
        raise ValueError("write 16G, 16GB or 500M")
    number, unit = float(found[1]), found[2] or "m"
    if number * _MEGABYTES[unit] < _LEAST_MEGABYTES:
        small = "a number alone is megabytes, and a" if not found[2] else "a"
        raise ValueError(f"{small} worker needs more; write 16G for gigabytes")
    if number.is_integer():
        return f"{int(number)}{unit.upper()}"
    return f"{round(number * _MEGABYTES[unit])}M"


def in_words(limit: str) -> str:
    """A time limit that nobody can misread: '4 minutes', '1 day 12 hours'."""
    left, parts = seconds_of(limit), []
    for unit, length in _SECONDS.items():
        count, left = divmod(left, length)
        if count:
            parts.append(f"{count} {_WORDS[unit]}{'s' if count > 1 else ''}")
    return " ".join(parts)
