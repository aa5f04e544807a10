"""Pool loss against test loss: damage is worst about where the pool has just been memorised."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from analysis.figures.chart import ALERT, NEUTRAL, QUIET, Axis, Chart, Panel, Series, errors, ramp
from analysis.figures.choice import size_panels
from analysis.figures.repeats import with_labels


def pool_against_test(analysis) -> Chart | None:
    """A path through the repeat counts, one panel a (scan, size)."""
    cells = analysis.cells.dropna(subset=["pool_loss"])
    if cells.empty:
        return None
    inks, panels = ramp(cells.repeats), []
    for scan, params, title in size_panels(analysis, cells):
        curve = cells[(cells.scan == scan.scan) & (cells.params == params)]
        keys = {"params": int(params), "repeated_fraction": scan.repeated_fraction}
        x, y = curve.pool_loss.to_numpy(), curve.test_loss.to_numpy()
        control = analysis.controls[
            (analysis.controls.setting == scan.setting) & (analysis.controls.params == params)
        ]
        series = [Series("path", x, y, QUIET, None, in_legend=False, keys=keys)]
        if len(control):
            level = np.full(2, control.test_loss.iloc[0])
            ends = np.array([x.min(), max(x.max(), level[0])])
            line = Series("control", ends, level, NEUTRAL, None, "dashed", keys=keys)
            series.append(replace(line, run_ids=[control.run_ids.iloc[0]]))
        bars = errors(curve.test_loss_se)
        for place, row in enumerate(curve.itertuples()):
            series.append(
                Series(
                    f"{row.repeats:,.0f}",
                    *(np.array([row.pool_loss]), np.array([row.test_loss]), inks[row.repeats]),
                    line=None,
                    error=None if bars is None else bars[place : place + 1],
                    hover=[
                        f"E = {row.repeats:,.0f}: pool loss {row.pool_loss:.3f}, "
                        f"test loss {row.test_loss:.4f}"
                    ],
                    keys=keys | {"repeats": row.repeats},
                    run_ids=[row.run_ids],
                )
            )
        worst = curve.loc[curve.test_loss.idxmax()]
        ring = (np.array([worst.pool_loss]), np.array([worst.test_loss]), ALERT)
        behind = [worst.run_ids]
        series.append(
            Series("worst repeats", *ring, line=None, ring=True, keys=keys, run_ids=behind)
        )
        panels.append(Panel(title, series))
    columns = ["scan", "params", "repeats", "pool_tokens", "pool_loss", "test_loss", "seeds"]
    table = cells[[*columns, "run_ids"]]
    return Chart(
        key="pool-against-test",
        title="Pool loss against test loss",
        caption="Loss on the repeated pool and on held-out text at the end of training; colour: "
        "repeats E, from few (right) to many (left). Dashed: test loss of the control.",
        reading="Going left, the pool is learnt by heart. Test loss is worst about where pool loss "
        "collapses, and recovers once memorising the pool has become easy.",
        table=with_labels(table, analysis),
        panels=panels,
        x=Axis("pool loss (nats per token)"),
        y=Axis("test loss (nats per token)"),
        legend="repeats E",
    )
