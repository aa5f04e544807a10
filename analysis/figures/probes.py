"""Damage of a probe against damage of test loss (Hernandez et al. 2022, figures 5, 6 and 10)."""

from __future__ import annotations

import numpy as np

from analysis.figures.chart import QUIET, Axis, Chart, Panel, Series, markers, ramp
from analysis.figures.repeats import with_labels
from analysis.words import count


def probes_against_test(analysis) -> Chart | None:
    """The multiplier by each probe over the multiplier by test loss, one panel a probe."""
    table = analysis.probes
    if table.empty:
        return None
    cell = ["scan", "probe", "params", "repeated_fraction", "repeats"]
    cells = table.groupby(cell)[["multiplier", "by_test_loss"]].mean().dropna().reset_index()
    if cells.empty:
        return None
    inks, shapes, panels = ramp(cells.params, "magma"), markers(cells.params), []
    both = cells[["multiplier", "by_test_loss"]]
    ends = np.array([both.min().min() / 1.1, max(1.05, both.max().max())])
    for probe, own in cells.groupby("probe"):
        series = [Series("as test loss", ends, ends, QUIET, None, "dashed")]
        for params, dots in own.groupby("params"):
            series.append(
                Series(
                    count(params),
                    *(dots.by_test_loss.to_numpy(), dots.multiplier.to_numpy()),
                    *(inks[params], shapes[params]),
                    line=None,
                    hover=[
                        f"N = {count(params)}, f = {row.repeated_fraction:g}, E = {row.repeats:,.0f}: "
                        f"{row.multiplier:.3f} by {probe}, {row.by_test_loss:.3f} by test loss"
                        for row in dots.itertuples()
                    ],
                    keys={"params": int(params)},
                )
            )
        panels.append(Panel(str(probe).replace("_", " "), series))
    means = cells.groupby(["probe", "repeated_fraction"]).multiplier.mean()
    averages = "; ".join(f"{probe} {m:.2f} at f = {f:g}" for (probe, f), m in means.items())
    return Chart(
        key="probes-against-test",
        title="What else is damaged",
        caption="Multiplier by each probe's own control curve against the multiplier by test loss, "
        f"one point a cell. Mean over sizes and repeats: {averages}.",
        reading="Below the dashed line, repetition damages the probe more than it damages test loss.",
        table=with_labels(cells, analysis),
        panels=panels,
        x=Axis("multiplier by test loss", log=True),
        y=Axis("multiplier by the probe", log=True),
        legend="params N",
    )
