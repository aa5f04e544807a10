"""The published claims about the damage: how large, at which repeats, in which shape, what the pool takes."""

from __future__ import annotations

from analysis.findings.claims import measures
from analysis.findings.claims.claim import Claim, Rule
from analysis.findings.repeats.memorisation import BITS_PER_PARAM

HERNANDEZ, CHUDNOVSKY = "Hernandez et al. 2022", "Chudnovsky et al. 2026"

_SMALLER = {0.03: "at least 1 / 1.15", 0.1: "0.42 to 0.55", 0.5: "1 / 10", 0.9: "1 / 73"}
_FROM = {
    0.03: f"{HERNANDEZ}, figure 5",
    0.1: f"{HERNANDEZ}, abstract and section 2",
    0.5: f"{HERNANDEZ}, section 2 and figure 15",
    0.9: f"{HERNANDEZ}, section 5.4",
}
_ENDS = {0.03: (1 / 1.15, 1.0), 0.1: (0.42, 0.55), 0.5: (0.1, 0.1), 0.9: (1 / 73, 1 / 73)}

MULTIPLIERS = {
    fraction: Claim(
        {0.03: 4, 0.1: 2}.get(fraction, 3),
        f"multiplier at the worst, f = {fraction:g}",
        f"at the worst repeats of f = {fraction:g} a model does as well as one of that share of its size",
        f"{told} (805M params{', and 10M to 100M' if fraction == 0.1 else ''})",
        _FROM[fraction],
        measures.multiplier_at(fraction),
        *_ENDS[fraction],
        none=1.0,
    )
    for fraction, told in _SMALLER.items()
}
"""By the repeated fraction."""

DAMAGE = [
    *(
        Claim(
            2,
            f"non-monotone in repeats, f = {fraction:g}",
            "a repeat count between does more damage (nats) than the fewest and the most",
            "few and very many repeats are nearly harmless",
            f"{HERNANDEZ}, figure 2",
            measures.non_monotone(fraction),
            none=0.0,
            rule=Rule.ABOVE,
        )
        for fraction in (0.1, 0.5, 0.9)
    ),
    *MULTIPLIERS.values(),
    Claim(
        2,
        "beyond the worst",
        "damage (nats) falls on to the most repeats, where the pool is smallest",
        "falls; no second rise",
        f"{HERNANDEZ}, figures 2 and 4",
        measures.last_step,
        none=0.0,
        rule=Rule.BELOW,
    ),
    Claim(
        1,
        "control law",
        "without repetition test loss falls as a power of params, with this exponent",
        "0.076",
        "Kaplan et al. 2020, eq. 1.1",
        measures.control_law,
        *(0.076, 0.076),
        none=0.0,
    ),
    Claim(
        5,
        "left edge of the band",
        "the fewest repeats of half the damage go with params to this power",
        "-0.56",
        f"{HERNANDEZ}, section 2",
        measures.exponent_of("half_left"),
        *(-0.56, -0.56),
        none=0.0,
    ),
    Claim(
        5,
        "right edge of the band",
        "the most repeats of half the damage go with params to this power",
        "-0.50",
        f"{HERNANDEZ}, section 2",
        measures.exponent_of("half_right"),
        *(-0.50, -0.50),
        none=0.0,
    ),
    Claim(
        5,
        "worst repeats, as the edges",
        "the worst repeats go with params to a power between those of the edges",
        "-0.56 to -0.50",
        f"{HERNANDEZ}, section 2",
        measures.exponent_of("vertex"),
        *(-0.56, -0.50),
        none=0.0,
    ),
    Claim(
        6,
        "worst repeats, steeper",
        "the worst repeats go with params to this power",
        "-0.96",
        f"{CHUDNOVSKY}, eq. 4",
        measures.exponent_of("vertex"),
        *(-0.96, -0.96),
        none=0.0,
    ),
    Claim(
        6,
        "pool at the worst",
        "at 20 tokens a param the pool at the worst goes with params to this power",
        "1.84",
        f"{CHUDNOVSKY}, eq. 4",
        measures.pool_exponent,
        *(1.84, 1.84),
        none=0.0,
    ),
    Claim(
        7,
        "compute lost at the worst, f = 0.1",
        "a run without repetition comes to the same loss with that share less of the compute",
        "0.19 (34M params) to 0.33 (344M)",
        f"{CHUDNOVSKY}, section 4",
        measures.compute_lost,
        *(0.19, 0.33),
        none=0.0,
    ),
    Claim(
        8,
        "prominence, f = 0.1",
        "loss at the worst stands above the higher end by this percentage",
        "0.7 to 2.7, median 1.8",
        f"{CHUDNOVSKY}, section 4",
        measures.prominence,
        *(0.7, 2.7),
        none=0.0,
    ),
    Claim(
        9,
        "double descent in training time, f = 0.9",
        "test loss rises again within training (nats above the control's own rises)",
        "rises and falls again, at 100 to 10,000 repeats",
        f"{HERNANDEZ}, figure 3",
        measures.second_descent,
        none=0.0,
        rule=Rule.ABOVE,
    ),
    Claim(
        10,
        "pool loss at the worst",
        "where damage is worst the pool's loss comes near zero (as a share of the control's loss)",
        "near zero, taken as less than a tenth",
        f"{HERNANDEZ}, figure 2",
        measures.pool_left,
        *(0.0, measures.LEARNT),
        none=1.0,
    ),
    Claim(
        18,
        "incentive bound",
        "no model shrinks by more than memorising can be worth, (1 - f)^(-1/alpha) (ratio of both)",
        "at most 1",
        f"derived from {HERNANDEZ}, section 5.1",
        measures.beside_bound,
        none=1.0,
        rule=Rule.BELOW,
    ),
    Claim(
        21,
        "capacity",
        "no model holds more memorised bits of the pool a param",
        f"{BITS_PER_PARAM}",
        "Morris et al. 2025",
        measures.bits_held,
        none=BITS_PER_PARAM,
        rule=Rule.BELOW,
    ),
    Claim(
        21,
        "share of capacity at the worst",
        "where damage is worst the pool takes a large share of the model's capacity",
        "large, taken as more than a tenth",
        f"{HERNANDEZ}, section 5.1",
        measures.share_at_worst,
        none=0.1,
        rule=Rule.ABOVE,
    ),
    Claim(
        22,
        "pool at the worst against the largest learnt",
        "the worst is where the pool is about as large as a model can learn by heart (ratio of both)",
        "about 1, taken as within a factor of 2",
        "Nakkiran et al. 2019",
        measures.beside_largest_learnt,
        *(0.5, 2.0),
    ),
]
