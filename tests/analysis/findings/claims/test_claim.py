"""The rule by which a study agrees with a published claim."""

from math import nan

import pytest

from analysis.findings.claims.claim import Claim, Measured, Rule, verdict


def claim(low=nan, high=nan, none=nan, rule=Rule.VALUE):
    words = {"name": "it", "claimed": "so", "published": "0.5", "source": "a paper"}
    return Claim(1, **words, measure=lambda _: None, low=low, high=high, none=none, rule=rule)


def ours(low, high):
    return Measured((low + high) / 2, low, high, "so", 3)


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [
        (0.3, 0.45, "agree"),
        (0.6, 0.9, "differ"),
        (0.1, 0.3, "differ"),
        (0.9, 1.1, "differ"),  # no effect, and not what was published
        (0.45, 1.1, "cannot tell"),  # both
        (nan, nan, "cannot tell"),
    ],
)
def test_a_value_is_held_against_its_interval(low, high, found):
    told, why = verdict(claim(0.4, 0.5, none=1.0), ours(low, high))
    assert told == found
    assert ("no effect (1.0)" in why) == (low <= 1 <= high)


@pytest.mark.parametrize(
    ("low", "high", "rule", "found"),
    [
        (0.1, 0.3, Rule.ABOVE, "agree"),
        (-0.3, -0.1, Rule.ABOVE, "differ"),
        (-0.3, -0.1, Rule.BELOW, "agree"),
        (-0.1, 0.1, Rule.BELOW, "cannot tell"),
    ],
)
def test_a_direction_is_held_against_no_effect(low, high, rule, found):
    assert verdict(claim(none=0.0, rule=rule), ours(low, high))[0] == found


def test_what_is_not_measured_cannot_be_told():
    assert verdict(claim(0.4, 0.5), None) == ("cannot tell", "not measured in this study")
