"""Learning curves by repeats (Hernandez et al. 2022, Fig. 3): double descent in training time."""

from __future__ import annotations

import pandas as pd

from analysis.figures.chart import NEUTRAL, Axis, Chart, Panel, Series, ramp
from analysis.figures.choice import size_panels
from analysis.figures.repeats import with_labels


def learning_curves(analysis) -> Chart | None:
    """Test loss over training tokens, one line a repeat count, one panel a (scan, size)."""
    curves = mean_curves(analysis.study)
    if curves.empty:
        return None
    inks, panels, shown = ramp(analysis.cells.repeats), [], []
    cells = analysis.cells if len(analysis.cells) else _control_cells(analysis)
    for scan, params, title in size_panels(analysis, cells):
        own = curves[(curves.setting == scan.setting) & (curves.params == params)]
        own = own[own.repeated_fraction.isin([0, scan.repeated_fraction])]
        shown.append(own.assign(scan=scan.scan))
        series = [
            Series(
                "control" if repeats == 0 else f"{repeats:,.0f}",
                *(curve.tokens.to_numpy(), curve.test_loss.to_numpy()),
                NEUTRAL if repeats == 0 else inks[repeats],
                None,
                "dashed" if repeats == 0 else "solid",
                keys={
                    "params": int(params),
                    "repeated_fraction": scan.repeated_fraction,
                    "repeats": repeats,
                },
                run_ids=[curve.run_ids.iloc[0]],
            )
            for repeats, curve in own.groupby("repeats")
        ]
        panels.append(Panel(title, [*series[1:], *series[:1]]))
    table = pd.concat(shown)
    return Chart(
        key="learning-curves",
        title="Learning curves",
        caption="Test loss while training, mean over seeds; colour: repeats E. Dashed: the control.",
        reading="A curve that falls, rises and falls again descends twice in training time; one "
        "that goes flat while the control still falls is the same effect, milder.",
        table=with_labels(
            table[["scan", "params", "repeats", "tokens", "test_loss", "run_ids"]], analysis
        ),
        panels=panels,
        x=Axis("training tokens", log=True, counts=True),
        y=Axis("test loss (nats per token)", log=True),
        legend="repeats E",
    )


def mean_curves(study) -> pd.DataFrame:
    """Test loss of each cell over training tokens, mean over seeds."""
    columns = ["run_id", "setting", "params", "repeated_fraction", "repeats"]
    curves = study.curves.merge(study.results[columns], on="run_id")
    curves = curves[curves.tokens > 0].dropna(subset="test_loss")
    grouped = curves.groupby([*columns[1:], "tokens"])
    means = grouped.test_loss.mean().to_frame()
    return means.assign(run_ids=grouped.run_id.agg(list)).reset_index()


def _control_cells(analysis) -> pd.DataFrame:
    scans = analysis.study.scans
    return analysis.controls.merge(scans[["scan", "setting"]], on="setting")
