"""The multiplier over (repeats, params): where the bad band lies."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.figures.chart import Axis, Chart, Heat, Panel
from analysis.figures.choice import with_labels
from analysis.findings.finding import Analysis
from analysis.findings.repeats.controls import smallest_control
from analysis.rows import rows_of
from analysis.words import count, share

_MOST_TEXTS = 160


def multiplier_map(analysis: Analysis) -> Chart | None:
    """One heat map a scan; cells beyond the smallest control are marked <."""
    cells = analysis.cells.dropna(subset="multiplier")
    if cells.empty:
        return None
    panels = [
        Panel(
            scan.label,
            heat=_heat(own),
            keys={"repeated_fraction": scan.repeated_fraction},
        )
        for scan in rows_of(analysis.study.scans)
        if len(own := _bounded(cells[cells.scan == scan.scan], analysis, scan.scan))
    ]
    if not panels:
        return None
    columns = ["scan", "params", "repeats", "pool_tokens", "multiplier", "extrapolated", "seeds"]
    columns += ["run_ids"]
    return Chart(
        key="multiplier-map",
        title="Where repetition hurts",
        caption="Multiplier (effective params over params) for each size and repeat count. "
        "Dark is bad. <: the loss is above the smallest control's, whose share of the params is told.",
        reading="The dark band is the set of repeats to avoid; where it leans, larger models are "
        "hurt by fewer repeats.",
        table=with_labels(cells[columns], analysis.study.scans),
        panels=panels,
        x=Axis("repeats E"),
        y=Axis("params N"),
    )


def _bounded(cells: pd.DataFrame, analysis: Analysis, scan: int) -> pd.DataFrame:
    """The cells, with the smallest control's share of the params in place of what lies beyond it; without
    those of which that is no bound, as it is no smaller than they are."""
    least = smallest_control(analysis, scan) / cells.params
    beyond = cells.extrapolated & (cells.multiplier < 1)
    told = cells.multiplier.mask(beyond, cells.multiplier.clip(lower=least))
    return cells.assign(multiplier=told)[~(beyond & (least >= 1))]


def _heat(cells: pd.DataFrame) -> Heat:
    grid = cells.pivot_table(index="params", columns="repeats", values="multiplier")
    beyond = cells.pivot_table(
        index="params", columns="repeats", values="extrapolated", aggfunc="max"
    ).reindex_like(grid)
    values = grid.to_numpy()
    texts = [
        [
            "" if np.isnan(value) else f"{'<' if flag else ''}{share(value)}"
            for value, flag in zip(row, flags, strict=True)
        ]
        for row, flags in zip(values, beyond.fillna(False).to_numpy(dtype=bool), strict=True)
    ]
    if values.size > _MOST_TEXTS:
        texts = [[""] * values.shape[1]] * values.shape[0]
    return Heat(
        [f"{E:,.0f}" for E in grid.columns],
        [count(N) for N in grid.index],
        values,
        texts,
        "multiplier",
        _runs_on(grid, cells),
    )


def _runs_on(grid: pd.DataFrame, cells: pd.DataFrame) -> list[list[list[str]]]:
    """The runs behind each cell of the grid, none where there is no cell."""
    at = dict(zip(zip(cells.params, cells.repeats, strict=True), cells.run_ids, strict=True))
    return [[at.get((N, E), []) for E in grid.columns] for N in grid.index]
