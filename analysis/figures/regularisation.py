"""How much of the damage each regularisation arm removes: weight decay across, dropout down."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.figures.chart import Axis, Chart, Heat, Panel
from analysis.regularisation import arm_sentences
from analysis.words import count


def regularisation_map(analysis) -> Chart | None:
    """One heat map a (setting, size, repetition): the share of the damage removed."""
    cells = analysis.arms
    if cells.empty:
        return None
    panels = []
    for (label, params, fraction, repeats), own in cells.groupby(
        ["label", "params", "repeated_fraction", "repeats"]
    ):
        title = f"N = {count(params)}, f = {fraction:g}, E = {repeats:,.0f}"
        panels.append(
            Panel(
                f"{label}, {title}" if label else title,
                heat=_heat(own),
                keys={"params": int(params), "repeated_fraction": fraction},
            )
        )
    return Chart(
        key="regularisation",
        title="What regularisation removes",
        caption="Share of the damage (test loss above the arm's own controls) that each arm removes, "
        "against the least regularised, mean over seeds. "
        f"{' '.join(arm_sentences(cells))}",
        reading="Bright: little damage is left. But an arm can come to that by making its controls "
        "worse instead of the repeated runs better; the table has both (cost, gain).",
        table=cells.drop(columns=["group", "setting"]),
        panels=panels,
        x=Axis("weight decay"),
        y=Axis("dropout"),
    )


def _heat(cells: pd.DataFrame) -> Heat:
    grid, runs = (
        cells.pivot(index="dropout", columns="weight_decay", values=name)
        for name in ("removed", "run_ids")
    )
    texts = [
        ["" if np.isnan(share) else f"{share:.0%}" for share in row] for row in grid.to_numpy()
    ]
    return Heat(
        [f"{value:g}" for value in grid.columns],
        [f"{value:g}" for value in grid.index],
        grid.to_numpy(),
        texts,
        "share removed",
        [[ids if isinstance(ids, list) else [] for ids in row] for row in runs.to_numpy()],
        axes="weight decay %{x}, dropout %{y}: %{z:.2f}",
        log=False,
    )
