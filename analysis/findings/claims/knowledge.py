"""The published claims about what models know, and whether they know that they do."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from analysis.findings.claims.claim import Claim, Measured, Rule
from analysis.findings.finding import Analysis
from analysis.findings.knowing.capacity import PUBLISHED
from analysis.findings.seeds import over_seeds
from analysis.rows import highest, lowest
from analysis.words import count

_DOSE = 10.0
"""Times as often: of the doses tried the nearest is told."""


def bits_a_param(exposures: int) -> Callable[[Analysis], Measured | None]:
    """A measure of the bits a param, embeddings counted, of the size that holds most."""

    def measure(analysis: Analysis) -> Measured | None:
        cells = analysis.capacity
        cells = cells[cells.exposures == exposures] if len(cells) else cells
        if cells.empty:
            return None
        best = highest(cells, "bits_per_param")
        ends = float(best.bits_per_param_low), float(best.bits_per_param_high)
        where = f"N = {count(best.params)}"
        return Measured(float(best.bits_per_param), *ends, where, int(best.seeds))

    return measure


def calibration_error(analysis: Analysis) -> Measured | None:
    """RMS-CE of next tokens on held-out text in controls of the largest size."""
    controls = analysis.study.controls
    if not {"rms_ce", "rms_ce_floor", "calibration_n"} <= set(controls):
        return None
    controls = controls.dropna(subset=["rms_ce"])
    if controls.empty:
        return None
    own = controls[controls.params == controls.params.max()]
    own = own[own.setting == own.setting.min()]
    where = (
        f"next tokens, N = {count(own.params.iloc[0])}, floor {own.rms_ce_floor.mean():.3f} at "
        f"n {own.calibration_n.mean():,.0f}"
    )
    return Measured(*over_seeds(own.rms_ce), where, len(own))


def false_by_dose(analysis: Analysis) -> Measured | None:
    """The share of what is stated unasked that is false, over that without a dose."""
    table = analysis.doses
    table = table[table.dose > 1] if len(table) else table
    if table.empty:
        return None
    row = lowest(table.assign(far=(np.log(table.dose / _DOSE)).abs()), "far")
    value, low, high = (float(row[f"false_share_ratio{end}"]) for end in ("", "_low", "_high"))
    where = f"a few facts {row.dose:g} times as often, N = {count(row.params)}"
    return Measured(value, low, high, where, int(row.seeds))


KNOWLEDGE = [
    Claim(
        25,
        "calibration of next tokens",
        "without repetition models are calibrated (RMS-CE, above its null floor by nature)",
        "0.01 to 0.04 (52B params, multiple choice)",
        "Kadavath et al. 2022, section 3",
        calibration_error,
        *(0.01, 0.04),
    ),
    *(
        Claim(
            29,
            f"bits a param at {exposures:,} exposures",
            f"facts that are stated {exposures:,} times are held with this many bits a param",
            f"{bits:g}",
            "Allen-Zhu & Li 2024",
            bits_a_param(exposures),
            *(bits, bits),
            none=0.0,
        )
        for exposures, bits in PUBLISHED.items()
    ),
    Claim(
        30,
        "a dose against hallucination",
        "stating a few facts more often cuts the share of statements that is false (ratio)",
        "by up to 40 %, with 5 % of the examples repeated",
        "Miao & Kearns 2025",
        false_by_dose,
        none=1.0,
        rule=Rule.BELOW,
    ),
]
