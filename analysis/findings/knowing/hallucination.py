"""Hallucination by dose of repetition: what share of the facts stated at temperature 1 is false."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.figures.chart import ALERT, NEUTRAL, QUIET, Axis, Chart, Panel, Series, errors
from analysis.figures.choice import size_panels, with_labels
from analysis.findings import seeds
from analysis.findings.finding import Analysis, Finding, Question
from analysis.findings.knowing.told import CELL, beside_control, of_scan
from analysis.findings.seeds import cells_over_seeds
from analysis.rows import highest, rows_of
from analysis.study.scans import in_brackets
from analysis.words import count

MEASURES = ("false_share", "told_false_share", "never_seen_false_share")
"""Of facts stated unasked, of entities that were stated when named, of those that never were."""
_NUMBERS = ("false_n", "told_false_n", "never_seen_false_n")
_SHOWN = {
    "false_share": ("unasked", NEUTRAL, "o"),
    "told_false_share": ("of a name that was stated", ALERT, "s"),
    "never_seen_false_share": ("of a name that never was", QUIET, "D"),
}


def hallucinations(analysis: Analysis) -> pd.DataFrame:
    """One row a cell: the share that is false of what is stated in each way, how many facts that is of a
    run, and `*_change` from the control of the same seed; means over seeds with their intervals."""
    runs = analysis.study.results
    runs = runs[runs.setting >= 0].dropna(subset=["false_share"])
    runs = beside_control(runs, [], list(MEASURES))
    for measure in MEASURES:
        runs[f"{measure}_change"] = runs[measure] - runs[f"control_{measure}"]
    changes = [f"{measure}_change" for measure in MEASURES]
    return cells_over_seeds(runs, CELL, [*MEASURES, *_NUMBERS, *changes])


def hallucination_sentences(analysis: Analysis) -> list[str]:
    """How much is false without repetition, and at which repeat count most, at the largest size."""
    table, sentences = analysis.hallucinations, list[str]()
    for scan in rows_of(analysis.study.scans) if len(table) else ():
        own = of_scan(table, scan)
        own = own[own.params == own.params.max()]
        control, repeated = own[own.repeats == 0], own[own.repeats > 0]
        if control.empty:
            continue
        row = control.iloc[0]
        where = f"N = {count(row.params)}{in_brackets(scan.label, fraction=True)}"
        text = (
            f"At temperature 1 {row.false_share:.0%} of the facts stated unasked are false (n "
            f"{row.false_n:,.0f} a run), {row.told_false_share:.0%} of those stated of a name that was told, "
            f"at {where}"
        )
        parts = [
            _changed(highest(repeated, f"{measure}_change"), measure)
            for measure in ("false_share", "told_false_share")
            if repeated[f"{measure}_change"].notna().any()
        ]
        sentences.append("; ".join([text, *parts]) + ".")
    return sentences


def _changed(row, measure: str) -> str:
    change, low, high = (row[f"{measure}_change{end}"] for end in ("", "_low", "_high"))
    text = (
        f"{_SHOWN[measure][0]} most beside a pool that is seen {row.repeats:,.0f} times, "
        f"{row[measure]:.0%}, a change by {100 * change:+.1f} points"
    )
    return text + seeds.told(100 * low, 100 * high, "+.1f", 0.0)


def false_against_repeats(analysis: Analysis) -> Chart | None:
    """The share that is false over repeats, one panel a (scan, size); dashed: the control."""
    cells, panels = analysis.hallucinations, []
    repeated = cells[cells.repeats > 0] if len(cells) else cells
    if repeated.empty:
        return None
    for scan, params, name in size_panels(analysis.study.scans, repeated):
        own, keys = of_scan(cells, scan, params), {"params": int(params)}
        line, series = own[own.repeats > 0], []
        ends = np.array([line.repeats.min() / 1.5, line.repeats.max() * 1.5])
        for measure, (told, ink, marker) in _SHOWN.items():
            for row in own[own.repeats == 0].to_dict("records"):
                level = np.full(2, row[measure])
                dashed = (ink, None, "dashed")
                series.append(
                    Series(
                        *(f"{told}, control", ends, level, *dashed),
                        in_legend=False,
                        keys=keys,
                        run_ids=[row["run_ids"]],
                    )
                )
            series.append(
                Series(
                    *(told, line.repeats.to_numpy(float), line[measure].to_numpy(), ink, marker),
                    error=errors(line[f"{measure}_high"] - line[measure]),
                    keys=keys,
                    run_ids=line.run_ids.to_list(),
                )
            )
        panels.append(Panel(name, series))
    return Chart(
        key="hallucination",
        title="What it makes up",
        caption="Share of the facts stated at temperature 1 that is false, against repeats: stated unasked, "
        "of entities that were stated and are named, and of names that never were, where truth is luck. "
        "Dashed: without repetition. Bars: 95 % over seeds.",
        reading="A line above its dashed control states more that is false for the pool beside it.",
        table=with_labels(cells, analysis.study.scans),
        panels=panels,
        x=Axis("repeats E", log=True),
        y=Axis("share that is false", low=0.0, high=1.0),
        legend="stated",
    )


HALLUCINATION = Finding(
    "hallucination",
    question=Question.KNOWS,
    needs={"results": (*MEASURES, *_NUMBERS)},
    tables={"hallucinations": hallucinations},
    sentences=hallucination_sentences,
    charts=(false_against_repeats,),
)
