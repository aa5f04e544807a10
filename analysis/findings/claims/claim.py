"""What a published claim is, and the one rule by which a study agrees with it, differs, or cannot tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from math import isfinite, nan
from typing import NamedTuple

from analysis.findings.finding import Analysis
from analysis.words import plural, share

AGREE, DIFFER, CANNOT_TELL = "agree", "differ", "cannot tell"


class Measured(NamedTuple):
    """What a study has measured of a claim: a value with its 95 % interval (NaN without one), `how` in
    one phrase, and the number of `seeds` (or of points, where a line goes through them) behind it."""

    value: float
    low: float
    high: float
    how: str
    seeds: int


class Rule(Enum):
    """How ours is held against what was published."""

    VALUE = "value"  # against the interval from `low` to `high`
    ABOVE = "above"  # of `none`: a direction is claimed, and no number
    BELOW = "below"


@dataclass(frozen=True)
class Claim:
    """A published claim, declared once.

    number: of what it is about (several claims may share one); name: in a few words; claimed: in a
    sentence without its end; published, source: the value as it was given, and where; low, high: the
    same as an interval; measure: what a study says of it, or None where it cannot; none: the value
    that would be no effect, and for a direction what ours has to lie beyond.
    """

    number: int
    name: str
    claimed: str
    published: str
    source: str
    measure: Callable[[Analysis], Measured | None]
    low: float = nan
    high: float = nan
    none: float = nan
    rule: Rule = Rule.VALUE


def verdict(claim: Claim, ours: Measured | None) -> tuple[str, str]:
    """Agree, differ or cannot tell, and why.

    Cannot tell: not measured, no interval, or an interval that holds both what was published and no
    effect. For a value: agree where both intervals overlap, else differ. For a direction: agree where
    ours lies beyond no effect on the side that is claimed, differ on the other.
    """
    if ours is None:
        return CANNOT_TELL, "not measured in this study"
    if not (isfinite(ours.low) and isfinite(ours.high)):
        return CANNOT_TELL, f"no interval from {plural(ours.seeds, 'seed')}"
    no_effect = ours.low <= claim.none <= ours.high
    aside = f"; the interval includes no effect ({share(claim.none)})" if no_effect else ""
    if claim.rule is not Rule.VALUE:
        if no_effect:
            return CANNOT_TELL, aside.removeprefix("; ")
        side = Rule.ABOVE if ours.low > claim.none else Rule.BELOW
        found = f"ours lies {side.value} {share(claim.none)}"
        return (AGREE if side is claim.rule else DIFFER), found
    if ours.low > claim.high:
        return DIFFER, f"ours is higher{aside}"
    if ours.high < claim.low:
        return DIFFER, f"ours is lower{aside}"
    return (CANNOT_TELL if no_effect else AGREE), f"the intervals overlap{aside}"
