"""Loss against params: with repeats as colours, and at one of them (Hernandez et al. 2022, Fig. 2)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.figures.chart import (
    ALERT,
    NEUTRAL,
    QUIET,
    Axis,
    Chart,
    Ink,
    Panel,
    Series,
    errors,
    markers,
    ramp,
)
from analysis.figures.choice import with_labels
from analysis.findings.finding import Analysis, Finding, Question
from analysis.rows import groups_of, rows_of
from analysis.words import count

_POOL = Ink("#2f7d4f", "#7ccf9b")


def loss_against_params(analysis: Analysis) -> Chart | None:
    """One line a repeat count; the controls in black, their power law dotted."""
    cells, scans = analysis.cells, analysis.study.scans
    if cells.params.nunique() < 2 and analysis.controls.params.nunique() < 2:
        return None
    inks, shapes = ramp(cells.repeats), markers(cells.repeats)
    panels, parts = [], []
    for scan in rows_of(scans):
        controls = analysis.controls[analysis.controls.setting == scan.setting]
        parts.append(controls.assign(scan=scan.scan, repeats=0))
        series = [
            _line(f"{repeats:,.0f}", curve, inks[repeats], shapes[repeats], scan, repeats)
            for repeats, curve in groups_of(cells[cells.scan == scan.scan], "repeats")
        ]
        law = analysis.laws.get(scan.setting)
        if law is not None:
            sizes = np.geomspace(controls.params.min(), controls.params.max(), 40)
            series.append(
                Series("control law", sizes, law.predict(params=sizes), QUIET, None, "dotted")
            )
        if len(controls):
            series.append(_line("control", controls, NEUTRAL, "o", scan, 0))
        panels.append(Panel(scan.label, series))
    table = pd.concat([*parts, cells]).sort_values(["scan", "repeats", "params"])
    table = table[["scan", "repeats", "params", "test_loss", "test_loss_se", "seeds", "run_ids"]]
    return Chart(
        key="loss-against-params",
        title="Test loss against params",
        caption="Test loss over model size at one token budget; colour: repeats E. Without colour: controls "
        "without repetition; dotted: the power law fitted to them.",
        reading="A line above the controls has lost what the horizontal distance to them measures "
        "in params. Both axes are logarithmic.",
        table=with_labels(table, analysis.study.scans),
        panels=panels,
        x=Axis("params N (non-embedding)", log=True, counts=True),
        y=Axis("test loss (nats per token)", log=True),
        legend="repeats E",
    )


def _line(name: str, curve: pd.DataFrame, ink, marker: str, scan, repeats: float) -> Series:
    return Series(
        name,
        *(curve.params.to_numpy(), curve.test_loss.to_numpy(), ink, marker),
        error=errors(curve.test_loss_se),
        hover=[
            f"{'control' if repeats == 0 else f'E = {repeats:,.0f}'}, N = {row.params:,}: "
            f"test loss {row.test_loss:.4f} ({count(row.seeds)} seeds)"
            for row in rows_of(curve)
        ],
        keys={"repeated_fraction": scan.repeated_fraction, "repeats": repeats},
        run_ids=curve.run_ids.to_list(),
    )


def vertical_slice(analysis: Analysis) -> Chart | None:
    """At the repeats whose damage differs most between sizes: where the loss leaves the controls."""
    cells = analysis.cells.dropna(subset=["damage"])
    panels, shown = [], []
    for scan in rows_of(analysis.study.scans):
        own = cells[cells.scan == scan.scan]
        repeats = _telling_repeats(own)
        if repeats is None:
            continue
        own = own[own.repeats == repeats]
        controls = analysis.controls[analysis.controls.setting == scan.setting]
        shown.append(
            own.assign(control_loss=own.params.map(controls.set_index("params").test_loss))
        )
        series = [_loss_line("control", controls, NEUTRAL, "test_loss", "o")]
        law = analysis.laws.get(scan.setting)
        if law is not None:
            sizes = np.geomspace(controls.params.min(), controls.params.max(), 40)
            series.insert(
                0,
                Series("control law", sizes, law.predict(params=sizes), QUIET, None, "dotted"),
            )
        series.append(_loss_line("repeated: test loss", own, ALERT, "test_loss", "s"))
        if own.pool_loss.notna().any():
            series.append(_loss_line("repeated: pool loss", own, _POOL, "pool_loss", "^"))
        panels.append(Panel(f"{scan.label}, E = {repeats:,.0f}", series))
    if not panels:
        return None
    columns = ["scan", "params", "repeats", "control_loss", "test_loss", "pool_loss", "seeds"]
    columns += ["run_ids"]
    return Chart(
        key="vertical-slice",
        title="One repeat count, all sizes",
        caption="Test loss with and without repetition, and loss on the repeated pool, over model "
        "size at one repeat count: the one whose damage differs most between sizes.",
        reading="Where pool loss falls away, the pool is being memorised; there test loss leaves "
        "the control law.",
        table=with_labels(pd.concat(shown)[columns], analysis.study.scans),
        panels=panels,
        x=Axis("params N (non-embedding)", log=True, counts=True),
        y=Axis("loss (nats per token)"),
    )


def _telling_repeats(cells: pd.DataFrame) -> float | None:
    """The repeats with the largest spread of damage, among those measured at most sizes."""
    grouped = cells.groupby("repeats").damage.agg(["count", np.ptp])
    grouped = grouped[grouped["count"] == grouped["count"].max()]
    if grouped.empty or grouped["count"].max() < 2:
        return None
    return float(grouped["ptp"].idxmax())


def _loss_line(name: str, curve: pd.DataFrame, ink: Ink, measure: str, marker: str) -> Series:
    return Series(
        name,
        *(curve.params.to_numpy(), curve[measure].to_numpy(), ink, marker),
        error=errors(curve.test_loss_se) if measure == "test_loss" else None,
        hover=[
            f"{name}, N = {count(N)}: {loss:.4f}"
            for N, loss in zip(curve.params, curve[measure], strict=True)
        ],
        run_ids=curve.run_ids.to_list(),
    )


SIZES = Finding("loss over params", question=Question.LARGE, charts=(loss_against_params,))
SLICE = Finding("one repeat count, all sizes", question=Question.WHY, charts=(vertical_slice,))
