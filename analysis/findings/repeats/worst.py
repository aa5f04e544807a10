"""The worst repeats: how much they cost at each size, and whether fewer and more do less damage."""

from __future__ import annotations

from dataclasses import asdict
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.findings.finding import Analysis, Finding, Question
from analysis.findings.repeats.controls import smallest_control
from analysis.findings.repeats.curves import loss_against_repeats, multiplier_against_repeats
from analysis.findings.repeats.map import multiplier_map
from analysis.findings.repeats.peak import Peak, find_peak
from analysis.rows import groups_of, highest, rows_of
from analysis.study.scans import in_brackets
from analysis.words import count, plural, share

_MOST_TOLD = 6
_AT_LENGTH = 3
"""Scans, those with most runs; of more the others are told after them, in short."""

_Scan = tuple[int, pd.DataFrame]
"""A scan with its peaks."""

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


def peak_sentences(analysis: Analysis) -> list[str]:
    """How much it costs where it hurts most: of each scan the size that is hurt most, the others after
    it in short; scans with few runs in short altogether."""
    study, sentences = analysis.study, []
    labels = study.scans.set_index("scan").label
    long, short = _by_length(analysis)
    for scan, own in long:
        worst, least = highest(own, "damage"), smallest_control(analysis, scan)
        sentences.append(_peak_sentence(worst, in_brackets(labels[scan], fraction=True), least))
        others = own[(own.params != worst.params) & (own.damage > 0)]
        if worst.damage > 0 and len(others):
            listed = _all_in_short(others.tail(_MOST_TOLD), least)
            sentences.append(f"The worst elsewhere{_which(own, others)}: {listed}.")
    hurt = [(scan, own[own.damage > 0].tail(_MOST_TOLD)) for scan, own in short]
    told = [
        f"{_all_in_short(own, smallest_control(analysis, scan))} with {labels[scan]}"
        for scan, own in hurt
        if len(own)
    ]
    if told:
        sentences.append(f"In {plural(len(told), 'more scan')} the worst is {'; '.join(told)}.")
    return sentences


def _by_length(analysis: Analysis) -> tuple[list[_Scan], list[_Scan]]:
    """The scans with their peaks that are told at length, and those that are told in short."""
    runs = analysis.cells.groupby("scan").seeds.sum()
    peaks = list(groups_of(analysis.peaks, "scan"))
    long = sorted((scan for scan, _ in peaks), key=lambda scan: -runs[scan])[:_AT_LENGTH]
    return [own for own in peaks if own[0] in long], [own for own in peaks if own[0] not in long]


def _all_in_short(peaks: pd.DataFrame, least: float) -> str:
    told = [_in_short(row, least) for row in rows_of(peaks)]
    return " and ".join([", ".join(told[:-1]), told[-1]] if len(told) > 1 else told)


def _which(own: pd.DataFrame, others: pd.DataFrame) -> str:
    """That not all are told, where they are not."""
    more = len(others) - _MOST_TOLD
    return f" ({_MOST_TOLD} of {len(own) - 1} other sizes)" if more > 0 else ""


def _in_short(row, least: float) -> str:
    parts = [f"{row.damage:.3f} nats"]
    if has_multiplier(row, least):
        told = f"below {share(least / row.params)}" if row.extrapolated else share(row.multiplier)
        parts.append(f"multiplier {told}")
    if not row.interior:
        parts.append("at an end of those tried")
    return f"{row.repeats:,.0f} times at N = {count(row.params)} ({', '.join(parts)})"


def has_multiplier(row, least: float) -> bool:
    """Whether a peak has a multiplier, and not merely a bound, `least` params of the smallest control, that
    is no smaller than the model."""
    return pd.notna(row.multiplier) and not (row.extrapolated and least >= row.params)


def _peak_sentence(row, where: str, least: float) -> str:
    if row.damage <= 0:
        return f"At N = {count(row.params)}{where}, no tested repeat count does damage."
    text = (
        f"At N = {count(row.params)}{where}, repeating a pool of {row.pool_tokens:,.0f} tokens "
        f"{row.repeats:,.0f} times costs most: {row.damage:.3f} nats per token"
    )
    if has_multiplier(row, least) and row.extrapolated:
        text += (
            f"; the model does worse than the smallest control, of {count(least)} params "
            f"(multiplier below {share(least / row.params)})"
        )
    elif has_multiplier(row, least):
        text += (
            f"; the model does as well as a control of {count(row.effective_params)} params "
            f"(multiplier {share(row.multiplier)})"
        )
    edge = "" if row.interior else " The worst lies at the edge of the repeats that were tried."
    return f"{text}.{edge}"


def shape_sentences(analysis: Analysis) -> list[str]:
    """Whether a repeat count between is worse than both ends: a sentence a scan, those with few runs
    after them in short."""
    study, sentences = analysis.study, []
    labels = study.scans.set_index("scan").label
    long, short = ([_shape(analysis, *own) for own in each] for each in _by_length(analysis))
    for shape in long:
        where = in_brackets(labels[shape.scan], fraction=len(study.scans) > 1)
        if shape.is_bump:
            sentences.append(
                f"Test loss{where} is not monotone in repeats at {shape.sizes}: of {shape.tried} repeats, "
                f"{_span(shape.between.repeats)} do most damage, up to "
                f"{shape.between.prominence.max():.3f} nats more than the higher end."
            )
        elif shape.is_scanned:
            sentences.append(
                f"Test loss{where} is worst at an end of the repeats tried ({shape.tried}), not between."
            )
    bumps = [
        f"{_span(shape.between.repeats)} with {labels[shape.scan]} (at {shape.sizes})"
        for shape in short
        if shape.is_bump
    ]
    ends = [labels[shape.scan] for shape in short if shape.is_scanned and not shape.is_bump]
    if bumps:
        more = plural(len(bumps), "more scan")
        sentences.append(f"Nor is it in {more}, where most damage is done by {'; '.join(bumps)}.")
    if ends:
        sentences.append(f"It is worst at an end of the repeats tried with {'; '.join(ends)}.")
    return sentences


class _Shape(NamedTuple):
    """A scan: its sizes with damage, those of them whose worst lies between, and the repeats tried."""

    scan: int
    damaged: pd.DataFrame
    between: pd.DataFrame
    repeats: pd.Series

    @property
    def is_scanned(self) -> bool:
        return len(self.damaged) > 0 and self.repeats.nunique() >= 3

    @property
    def is_bump(self) -> bool:
        return self.is_scanned and len(self.between) > 0

    @property
    def sizes(self) -> str:
        every = plural(len(self.damaged), "size")
        if len(self.between) < len(self.damaged):
            return f"{len(self.between)} of {every}"
        return "the one size" if len(self.damaged) == 1 else f"all {every}"

    @property
    def tried(self) -> str:
        return f"{self.repeats.min():,.0f} to {self.repeats.max():,.0f}"


def _shape(analysis: Analysis, scan: int, peaks: pd.DataFrame) -> _Shape:
    damaged = peaks[peaks.damage > 0]
    repeats = analysis.cells.repeats[analysis.cells.scan == scan]
    return _Shape(scan, damaged, damaged[damaged.interior], repeats)


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
