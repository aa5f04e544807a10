"""Loss against params with repeats as colours (Hernandez et al. 2022, Fig. 2 left)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.figures.chart import NEUTRAL, QUIET, Axis, Chart, Panel, Series, errors, markers, ramp
from analysis.figures.repeats import with_labels
from analysis.words import count


def loss_against_params(analysis) -> Chart | None:
    """One line a repeat count; the controls in black, their power law dotted."""
    cells, scans = analysis.cells, analysis.study.scans
    if cells.params.nunique() < 2 and analysis.controls.params.nunique() < 2:
        return None
    inks, shapes = ramp(cells.repeats), markers(cells.repeats)
    panels, parts = [], []
    for scan in scans.itertuples():
        controls = analysis.controls[analysis.controls.setting == scan.setting]
        parts.append(controls.assign(scan=scan.scan, repeats=0))
        series = [
            _line(f"{repeats:,.0f}", curve, inks[repeats], shapes[repeats], scan, repeats)
            for repeats, curve in cells[cells.scan == scan.scan].groupby("repeats")
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
        table=with_labels(table, analysis),
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
            for row in curve.itertuples()
        ],
        keys={"repeated_fraction": scan.repeated_fraction, "repeats": repeats},
        run_ids=curve.run_ids.to_list(),
    )
