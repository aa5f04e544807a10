"""Damage of a probe against damage of test loss (Hernandez et al. 2022, figures 5, 6 and 10)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.figures.chart import QUIET, Axis, Chart, Panel, Series, errors, markers, ramp
from analysis.figures.repeats import with_labels
from analysis.words import count, plural, share

_CELL = ["scan", "probe", "params", "repeated_fraction", "repeats"]
_FURTHEST = 1e3  # a multiplier beyond this factor is an inversion gone astray, not a finding
_MOST_TOLD = 8


def probes_against_test(analysis) -> Chart | None:
    """The multiplier by each probe over the multiplier by test loss, one panel a probe."""
    table = analysis.probes
    if table.empty:
        return None
    cells = probe_cells(table)
    drawn = cells[cells.multiplier.between(1 / _FURTHEST, _FURTHEST)]
    if drawn.empty:
        return None
    inks, shapes, panels = ramp(drawn.params, "magma"), markers(drawn.params), []
    both = drawn[["multiplier", "by_test_loss"]]
    ends = np.array([both.min().min() / 1.1, max(1.05, both.max().max())])
    for probe, own in drawn.groupby("probe"):
        series = [Series("as test loss", ends, ends, QUIET, None, "dashed")]
        for params, dots in own.groupby("params"):
            series.append(
                Series(
                    count(params),
                    *(dots.by_test_loss.to_numpy(), dots.multiplier.to_numpy()),
                    *(inks[params], shapes[params]),
                    line=None,
                    error=errors(dots.multiplier_se),
                    hover=[
                        f"N = {count(params)}, f = {row.repeated_fraction:g}, E = {row.repeats:,.0f}: "
                        f"{row.multiplier:.3f} by {probe}, {row.by_test_loss:.3f} by test loss"
                        for row in dots.itertuples()
                    ],
                    keys={"params": int(params)},
                    run_ids=dots.run_ids.to_list(),
                )
            )
        panels.append(Panel(str(probe).replace("_", " "), series))
    return Chart(
        key="probes-against-test",
        title="What else is damaged",
        caption="Multiplier by each probe's own control curve against the multiplier by test loss, "
        f"one point a cell; bars: one standard error over seeds. {_averages(drawn)}"
        f"{_left_out(len(cells) - len(drawn))}",
        reading="Below the dashed line, repetition damages the probe more than it damages test loss.",
        table=with_labels(cells, analysis),
        panels=panels,
        x=Axis("multiplier by test loss", log=True),
        y=Axis("multiplier by the probe", log=True),
        legend="params N",
    )


def probe_cells(table: pd.DataFrame) -> pd.DataFrame:
    """Means over seeds, one row a (scan, probe, params, repeats), with `multiplier_se` and `seeds`.

    table: as `probes.probe_multipliers` makes it.
    """
    grouped = table.dropna(subset=["multiplier", "by_test_loss"]).groupby(_CELL)
    cells = grouped[["multiplier", "by_test_loss"]].mean()
    cells["multiplier_se"] = grouped.multiplier.sem()
    cells["seeds"] = grouped.size()
    cells["run_ids"] = grouped.run_id.agg(list)
    return cells.reset_index()


def _averages(cells: pd.DataFrame) -> str:
    """Fig. 10's numbers: the multiplier at the worst repeats, mean over sizes, worst probes first."""
    worst = cells.loc[cells.groupby(["scan", "probe", "params"]).by_test_loss.idxmin()]
    grouped = worst.groupby(["probe", "repeated_fraction"]).multiplier
    told = pd.DataFrame({"mean": grouped.mean(), "se": grouped.sem()}).sort_values("mean")
    parts = []
    for (probe, fraction), row in told.head(_MOST_TOLD).iterrows():
        spread = f" ± {share(row.se)}" if row.se > 0 else ""
        name = str(probe).replace("_", " ")
        parts.append(f"{name} {share(row['mean'])}{spread} at f = {fraction:g}")
    more = f"; {len(told) - _MOST_TOLD} more in the table" if len(told) > _MOST_TOLD else ""
    return f"At the repeats worst for test loss, mean over sizes: {'; '.join(parts)}{more}."


def _left_out(cells: int) -> str:
    return f" {plural(cells, 'cell')} beyond a factor of 1,000 in the table only." if cells else ""
