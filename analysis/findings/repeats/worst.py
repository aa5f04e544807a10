"""The worst repeats: where damage is worst at one size, how much, and how wide the bad band is.

Two readings stand side by side: model free (the worst measured cell, the half-maximum crossings)
and a Gaussian in log E (Chudnovsky et al. 2026, section 4).
"""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass
from math import nan

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.optimize import OptimizeWarning, curve_fit

from analysis.findings.finding import Analysis, Finding, Question
from analysis.findings.repeats.curves import loss_against_repeats, multiplier_against_repeats
from analysis.findings.repeats.map import multiplier_map
from analysis.rows import groups_of, highest, rows_of
from analysis.study.scans import in_brackets
from analysis.words import count, plural, share

_MOST_TOLD = 6

_OF_CELL = (
    *(
        "repeated_fraction",
        "realised_fraction",
        "pool_tokens",
        "test_loss",
        "multiplier",
        "effective_params",
    ),
    *("capacity_share", "pool_loss", "extrapolated", "damage_se", "multiplier_se"),
    *("seeds", "run_ids"),
)


@dataclass(frozen=True)
class Peak:
    """The worst of a damage curve. Repeats E, damage in nats per token.

    interior: fewer and more repeats were both measured and both did less damage.
    prominence: damage at the worst cell above the higher of the two ends.
    half_left, half_right: E where damage crosses half its maximum, interpolated in log E; NaN
    where the crossing lies outside the measured repeats.
    vertex: E at the top of a parabola in log E and log damage through the worst cell and its two
    neighbours, which is exact for a Gaussian; NaN where the worst is not interior.
    gaussian_*: centre (E), height (nats) and width (standard deviation, in decades of E) of the
    fit; NaN where the cells do not determine it.
    """

    repeats: float
    damage: float
    interior: bool
    prominence: float
    half_left: float
    half_right: float
    vertex: float = nan
    gaussian_repeats: float = nan
    gaussian_height: float = nan
    gaussian_width: float = nan


def find_peak(repeats: ArrayLike, damage: ArrayLike) -> Peak:
    """The `Peak` of one damage curve; `repeats` and `damage` are arrays of one shape."""
    order = np.argsort(repeats)
    repeats, damage = np.asarray(repeats, float)[order], np.asarray(damage, float)[order]
    top = int(np.argmax(damage))
    ends = max(damage[0], damage[-1])
    left, right = half_maximum(repeats, damage)
    interior = bool(0 < top < len(repeats) - 1 and damage[top] > ends)
    return Peak(
        repeats=float(repeats[top]),
        damage=float(damage[top]),
        interior=interior,
        prominence=float(damage[top] - ends),
        half_left=left,
        half_right=right,
        vertex=_vertex(repeats[top - 1 : top + 2], damage[top - 1 : top + 2]) if interior else nan,
        **gaussian_peak(repeats, damage),
    )


def half_maximum(repeats: np.ndarray, damage: np.ndarray) -> tuple[float, float]:
    """The E on both sides of the worst where damage crosses half of it; NaN where it does not, and
    where there is no damage."""
    if damage.max() <= 0:
        return nan, nan
    top, half, log_repeats = int(np.argmax(damage)), damage.max() / 2, np.log(repeats)
    crossings = []
    for step, end in ((-1, -1), (1, len(damage))):
        crossing = nan
        for near in range(top, end - step, step):
            far = near + step
            if damage[far] < half:
                share = (damage[near] - half) / (damage[near] - damage[far])
                crossing = np.exp(
                    log_repeats[near] + share * (log_repeats[far] - log_repeats[near])
                )
                break
        crossings.append(float(crossing))
    return crossings[0], crossings[1]


def gaussian_peak(repeats: np.ndarray, damage: np.ndarray) -> dict[str, float]:
    """Damage = h exp(-(log10 E - mu)^2 / 2 w^2): its `gaussian_*` fields, or none if undetermined.

    Undetermined: fewer than four cells, no damage, a centre outside the measured repeats, or a
    width that they do not resolve. Source: Chudnovsky et al. 2026, section 4.
    """
    x = np.log10(repeats)
    if len(np.unique(x)) < 4 or damage.max() <= 0:
        return {}
    span = np.ptp(x)
    start = (damage.max(), x[np.argmax(damage)], span / 4)
    with warnings.catch_warnings():
        warnings.simplefilter("error", OptimizeWarning)
        try:
            (height, centre, width), _ = curve_fit(_gaussian, x, damage, start)
        except (RuntimeError, OptimizeWarning):
            return {}
    if not (x.min() <= centre <= x.max() and np.diff(x).min() / 4 < abs(width) < 2 * span):
        return {}
    return {
        "gaussian_repeats": float(10**centre),
        "gaussian_height": float(height),
        "gaussian_width": float(abs(width)),
    }


def worst_repeats(cells: pd.DataFrame) -> pd.DataFrame:
    """One row a (scan, params): its `Peak`, and the cell's multiplier and pool.

    cells: as `effective.mean_cells` makes them. Sizes without damage (no control) are left out.
    """
    rows = []
    for (scan, params), curve in groups_of(cells.dropna(subset="damage"), ["scan", "params"]):
        curve = curve.sort_values("repeats")
        worst = curve.iloc[int(np.argmax(curve.damage))]
        peak = asdict(find_peak(curve.repeats, curve.damage))
        rows.append({"scan": scan, "params": params} | peak | worst[list(_OF_CELL)].to_dict())
    columns = ["scan", "params", *Peak.__dataclass_fields__, *_OF_CELL]
    return pd.DataFrame(rows, columns=columns)


def _vertex(repeats: np.ndarray, damage: np.ndarray) -> float:
    """The top of the parabola in log E and log damage through three cells; NaN without damage."""
    if damage.min() <= 0:
        return nan
    a, b, _ = np.polyfit(np.log(repeats), np.log(damage), 2)
    return float(np.exp(-b / (2 * a)))


def _gaussian(x, height, centre, width):
    return height * np.exp(-((x - centre) ** 2) / (2 * width**2))


def peak_sentences(analysis: Analysis) -> list[str]:
    """How much it costs where it hurts most: of each scan the size that is hurt most, the others after
    it in short."""
    study, sentences = analysis.study, []
    labels = study.scans.set_index("scan").label
    for scan, own in groups_of(analysis.peaks, "scan"):
        worst, least = highest(own, "damage"), smallest_control(analysis, scan)
        sentences.append(_peak_sentence(worst, in_brackets(labels[scan], fraction=True), least))
        others = own[(own.params != worst.params) & (own.damage > 0)]
        if worst.damage > 0 and len(others):
            told = [_in_short(row, least) for row in rows_of(others.tail(_MOST_TOLD))]
            listed = " and ".join([", ".join(told[:-1]), told[-1]] if len(told) > 1 else told)
            sentences.append(f"The worst elsewhere{_which(own, others)}: {listed}.")
    return sentences


def _which(own: pd.DataFrame, others: pd.DataFrame) -> str:
    """That not all are told, where they are not."""
    more = len(others) - _MOST_TOLD
    return f" ({_MOST_TOLD} of {len(own) - 1} other sizes)" if more > 0 else ""


def _in_short(row, least: float) -> str:
    text = f"{row.repeats:,.0f} times at N = {count(row.params)} ({row.damage:.3f} nats"
    if pd.isna(row.multiplier):
        return text + ")"
    told = f"below {share(least / row.params)}" if row.extrapolated else share(row.multiplier)
    return f"{text}, multiplier {told})"


def smallest_control(analysis: Analysis, scan: int) -> float:
    """The params of the smallest control of a scan: no effective params can be read off below them."""
    scans, controls = analysis.study.scans.set_index("scan"), analysis.study.controls
    return float(controls.params[controls.setting == scans.setting[scan]].min())


def _peak_sentence(row, where: str, least: float) -> str:
    if row.damage <= 0:
        return f"At N = {count(row.params)}{where}, no tested repeat count does damage."
    text = (
        f"At N = {count(row.params)}{where}, repeating a pool of {row.pool_tokens:,.0f} tokens "
        f"{row.repeats:,.0f} times costs most: {row.damage:.3f} nats per token"
    )
    if pd.notna(row.multiplier) and row.extrapolated:
        text += (
            f"; the model does worse than the smallest control, of {count(least)} params "
            f"(multiplier below {share(least / row.params)})"
        )
    elif pd.notna(row.multiplier):
        text += (
            f"; the model does as well as a control of {count(row.effective_params)} params "
            f"(multiplier {share(row.multiplier)})"
        )
    edge = "" if row.interior else " The worst lies at the edge of the repeats that were tried."
    return f"{text}.{edge}"


def shape_sentences(analysis: Analysis) -> list[str]:
    """Whether a repeat count between is worse than both ends, a sentence a scan."""
    study, cells, sentences = analysis.study, analysis.cells, []
    labels = study.scans.set_index("scan").label
    for scan, own in groups_of(analysis.peaks, "scan"):
        own = own[own.damage > 0]
        tried = cells[cells.scan == scan].repeats
        if own.empty or tried.nunique() < 3:
            continue
        where = in_brackets(labels[scan], fraction=len(study.scans) > 1)
        between = own[own.interior]
        sizes = plural(len(own), "size")
        told = (
            f"at {'the one size' if len(own) == 1 else f'all {sizes}'}"
            if len(between) == len(own)
            else f"at {len(between)} of {sizes}"
        )
        if between.empty:
            sentences.append(
                f"Test loss{where} is worst at an end of the repeats tried "
                f"({tried.min():,.0f} to {tried.max():,.0f}), not between."
            )
            continue
        sentences.append(
            f"Test loss{where} is not monotone in repeats {told}: of {tried.min():,.0f} to "
            f"{tried.max():,.0f} repeats, {_span(between.repeats)} do most damage, up to "
            f"{between.prominence.max():.3f} nats more than the higher end."
        )
    return sentences


def _span(repeats: pd.Series) -> str:
    low, high = repeats.min(), repeats.max()
    return f"{low:,.0f}" if low == high else f"{low:,.0f} to {high:,.0f}"


WORST_REPEATS = Finding(
    "worst repeats",
    question=Question.LARGE,
    tables={"peaks": lambda analysis: worst_repeats(analysis.cells)},
    sentences=peak_sentences,
    charts=(multiplier_against_repeats,),
)
OVER_REPEATS = Finding(
    "loss over repeats",
    question=Question.HAPPENED,
    sentences=shape_sentences,
    charts=(loss_against_repeats,),
)
WORST_MAP = Finding("where it is worst", question=Question.WORST, charts=(multiplier_map,))
