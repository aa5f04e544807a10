"""One slice through the repeats (Fig. 2 right): control, repeated and pool loss over params."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.figures.chart import ALERT, NEUTRAL, QUIET, Axis, Chart, Ink, Panel, Series, errors
from analysis.figures.repeats import with_labels
from analysis.words import count

_POOL = Ink("#2f7d4f", "#7ccf9b")


def vertical_slice(analysis) -> Chart | None:
    """At the repeats whose damage differs most between sizes: where the loss leaves the controls."""
    cells = analysis.cells.dropna(subset=["damage"])
    panels, shown = [], []
    for scan in analysis.study.scans.itertuples():
        own = cells[cells.scan == scan.scan]
        repeats = _telling_repeats(own)
        if repeats is None:
            continue
        own = own[own.repeats == repeats]
        controls = analysis.controls[analysis.controls.setting == scan.setting]
        shown.append(
            own.assign(control_loss=own.params.map(controls.set_index("params").test_loss))
        )
        series = [_line("control", controls, NEUTRAL, "test_loss", "o")]
        law = analysis.laws.get(scan.setting)
        if law is not None:
            sizes = np.geomspace(controls.params.min(), controls.params.max(), 40)
            series.insert(
                0,
                Series("control law", sizes, law.predict(params=sizes), QUIET, None, "dotted"),
            )
        series.append(_line("repeated: test loss", own, ALERT, "test_loss", "s"))
        if own.pool_loss.notna().any():
            series.append(_line("repeated: pool loss", own, _POOL, "pool_loss", "^"))
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
        table=with_labels(pd.concat(shown)[columns], analysis),
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


def _line(name: str, curve: pd.DataFrame, ink: Ink, measure: str, marker: str) -> Series:
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
