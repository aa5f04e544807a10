"""Calibration of any run that is asked for it: RMS-CE on each kind of text, and of answers about facts.

A perfectly calibrated model shows an error above zero on any finite sample: the null floor goes beside
every figure, and the number of predictions (Kadavath et al. 2022, section 3).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.figures.chart import (
    ALERT,
    NEUTRAL,
    QUIET,
    Axis,
    Chart,
    Panel,
    Series,
    errors,
    markers,
    ramp,
)
from analysis.figures.choice import with_labels
from analysis.findings import seeds
from analysis.findings.finding import Analysis, Finding, Question
from analysis.findings.knowing.told import CELL, at_the_end, beside_control, of_scan
from analysis.findings.seeds import cells_over_seeds
from analysis.rows import groups_of, highest, rows_of
from analysis.study.scans import in_brackets
from analysis.words import count

_KINDS = {
    "test": "held-out text",
    "facts": "facts",
    "pool": "the pool",
    "ood": "out-of-distribution text",
    "copies": "copies in context",
}
_MEASURED = ("kind", "n", "rms_ce", "rms_ce_floor", "accuracy", "confidence_gap")
_MEANS = ["n", "rms_ce", "rms_ce_floor", "change", "ece", "brier", "accuracy", "confidence_gap"]
_TOLD = ("test", "facts")


def calibrations(analysis: Analysis) -> pd.DataFrame:
    """One row a (cell, kind of text): means over seeds with their intervals; `change` is the RMS-CE less
    that of the control of the same seed, `temperature` what makes the loss least, above 1 where a model
    is over-confident."""
    rows = at_the_end(analysis.study, "calibration")
    rows = beside_control(rows, ["kind"], ["rms_ce"])
    rows["change"] = rows.rms_ce - rows.control_rms_ce
    if "temperature" not in rows:
        rows["temperature"] = np.nan
    return cells_over_seeds(rows, [*CELL, "kind"], _MEANS, ["temperature"])


def calibration_sentences(analysis: Analysis) -> list[str]:
    """Of held-out text and of facts: the error without repetition, and where repetition changes it most,
    at the largest size."""
    table, sentences = analysis.calibrations, list[str]()
    for scan in rows_of(analysis.study.scans) if len(table) else ():
        own = of_scan(table, scan)
        own = own[own.params == own.params.max()]
        parts = []
        for kind in _TOLD:
            cells = own[own.kind == kind]
            control, repeated = cells[cells.repeats == 0], cells[cells.repeats > 0]
            if len(control):
                told = f"of {_KINDS[kind]} it is {_figure(control.iloc[0])} without repetition"
                if repeated.change.notna().any():
                    changed = repeated.assign(far=repeated.change.abs())
                    told += f" and {_changed(highest(changed, 'far'))}"
                parts.append(told)
        if parts:
            where = in_brackets(scan.label, fraction=True)
            sentences.append(
                f"Calibration (RMS-CE) at N = {count(own.params.iloc[0])}{where}: {'; '.join(parts)}."
            )
    return sentences


def _figure(row) -> str:
    return f"{row.rms_ce:.3f} (floor {row.rms_ce_floor:.3f}, n {row.n:,.0f})"


def _changed(row) -> str:
    text = f"{_figure(row)} beside a pool that is seen {row.repeats:,.0f} times, {row.change:+.3f}"
    return text + seeds.told(row.change_low, row.change_high, "+.3f", 0.0)


def reliability_diagrams(analysis: Analysis) -> Chart | None:
    """Accuracy over confidence in equal-mass bins, a panel a kind of text: at the largest size, control
    beside the repeat count whose calibration differs most."""
    shown = _most_changed(analysis)
    if shown.empty:
        return None
    rows = at_the_end(analysis.study, "reliability").merge(shown[CELL], on=CELL)
    bins = cells_over_seeds(rows, [*CELL, "kind", "bin"], ["n", "confidence", "accuracy"])
    panels, diagonal = [], np.array([0.0, 1.0])
    for kind in [kind for kind in _KINDS if kind in set(bins.kind)]:
        series = [Series("as often as it says", diagonal, diagonal, QUIET, None, "dashed")]
        figures = []
        for repeats, own in groups_of(bins[bins.kind == kind], "repeats"):
            told = f"E = {repeats:,.0f}" if repeats else "control"
            figure = shown[(shown.kind == kind) & (shown.repeats == repeats)].iloc[0]
            figures.append(f"{told} {_figure(figure)}")
            line = own.sort_values("confidence")
            series.append(
                Series(
                    told,
                    *(line.confidence.to_numpy(), line.accuracy.to_numpy()),
                    *((ALERT, "s") if repeats else (NEUTRAL, "o")),
                    error=errors(line.accuracy_high - line.accuracy),
                    keys={"repeats": repeats},
                    run_ids=line.run_ids.to_list(),
                )
            )
        panels.append(Panel(f"{_KINDS[kind]}: {'; '.join(figures)}", series))
    return Chart(
        key="reliability",
        title="Is it right as often as it says?",
        caption="Share of predictions that are right against the probability they are made with, in 15 "
        "bins of equal mass, mean over seeds; bars: 95 %. Above each panel RMS-CE, its null floor (what a "
        f"perfectly calibrated model shows) and the predictions of a run. {_where(analysis, shown)}",
        reading="Below the dashed line a model is over-confident. An error at its floor is none that these "
        "predictions could tell.",
        table=bins.drop(columns=["setting", "scan"]),
        panels=panels,
        x=Axis("confidence", low=0.0, high=1.0),
        y=Axis("share that is right", low=0.0, high=1.0),
        legend="pool",
    )


def _most_changed(analysis: Analysis) -> pd.DataFrame:
    """The rows of `calibrations` of the largest size: its controls, and of all scans the cell whose error
    differs most; without repetition the controls alone."""
    table = analysis.calibrations
    if table.empty or not analysis.study.has({"reliability": ("kind", "bin", "accuracy")}):
        return table.head(0)
    table = table[table.params == table.params.max()]
    changed = table[(table.repeats > 0) & table.kind.isin(_TOLD)].dropna(subset=["change"])
    if changed.empty:
        return table[(table.repeats == 0) & (table.setting == table.setting.min())]
    most = highest(changed.assign(far=changed.change.abs()), "far")
    own = table[table.setting == most.setting]
    cell = (own[CELL] == most[CELL].to_numpy()).all(axis=1)
    return own[cell | (own.repeats == 0)]


def _where(analysis: Analysis, shown: pd.DataFrame) -> str:
    labels = analysis.study.scans.set_index("scan").label
    told = [labels[scan] for scan in shown.scan[shown.repeats > 0].unique()]
    return ", ".join([f"N = {count(shown.params.iloc[0])}", *told]) + "."


def error_against_repeats(analysis: Analysis) -> Chart | None:
    """RMS-CE over repeats, a line a size, a panel a (scan, kind of text); dotted: the null floor."""
    cells, panels = analysis.calibrations, []
    repeated = cells[cells.repeats > 0] if len(cells) else cells
    if repeated.empty:
        return None
    inks, shapes = ramp(repeated.params, "magma"), markers(repeated.params)
    scans = [scan for scan in rows_of(analysis.study.scans) if (repeated.scan == scan.scan).any()]
    for scan in scans:
        for kind in [kind for kind in _TOLD if kind in set(repeated.kind)]:
            series = []
            for params, own in groups_of(of_scan(cells[cells.kind == kind], scan), "params"):
                line, control = own[own.repeats > 0], own[own.repeats == 0]
                if line.empty:
                    continue
                x, keys = line.repeats.to_numpy(float), {"params": int(params)}
                name, ends = count(params), np.array([x.min() / 1.3, x.max() * 1.3])
                for row in rows_of(control):
                    level = np.full(2, row.rms_ce)
                    series.append(
                        Series(
                            *(f"control, N = {name}", ends, level, inks[params], None, "dashed"),
                            in_legend=False,
                            keys=keys,
                            run_ids=[row.run_ids],
                        )
                    )
                floor = line.rms_ce_floor.to_numpy()
                series += [
                    Series("null floor", x, floor, QUIET, None, "dotted", keys=keys),
                    Series(
                        *(name, x, line.rms_ce.to_numpy(), inks[params], shapes[params]),
                        error=errors(line.rms_ce_high - line.rms_ce),
                        hover=[
                            f"N = {name}, E = {row.repeats:,.0f}: {_figure(row)}"
                            for row in rows_of(line)
                        ],
                        keys=keys,
                        run_ids=line.run_ids.to_list(),
                    ),
                ]
            panels.append(
                Panel(f"{_KINDS[kind]}, {scan.label}" if len(scans) > 1 else _KINDS[kind], series)
            )
    smallest, largest = cells.n.min(), cells.n.max()
    return Chart(
        key="calibration-against-repeats",
        title="Calibration against repeats",
        caption="RMS calibration error of next tokens on held-out text and of answers about facts, against "
        f"repeats; dashed: the size's control; dotted: the null floor at n of {smallest:,.0f} to "
        f"{largest:,.0f}. Bars: 95 % over seeds.",
        reading="A line that stays at its dashed control is not hurt in its calibration, whatever its loss.",
        table=with_labels(cells, analysis.study.scans),
        panels=panels,
        x=Axis("repeats E", log=True),
        y=Axis("RMS-CE", low=0.0),
        legend="params N",
    )


CALIBRATION = Finding(
    "calibration",
    question=Question.KNOWS,
    needs={"calibration": (*_MEASURED, "ece", "brier")},
    tables={"calibrations": calibrations},
    sentences=calibration_sentences,
    charts=(reliability_diagrams, error_against_repeats),
)
