"""The bad band in the (params, repeats) plane, with its fitted and published edges (Fig. 4 right)."""

from __future__ import annotations

import numpy as np

from analysis.band import EDGES, PUBLISHED
from analysis.figures.chart import ALERT, NEUTRAL, QUIET, Axis, Chart, Ink, Panel, Series
from analysis.figures.repeats import with_labels
from analysis.words import count

_INKS = {"left edge": Ink("#2c6fbb", "#7db5ee"), "worst": ALERT, "right edge": NEUTRAL}
_MARKERS = {"left edge": "<", "worst": "o", "right edge": ">"}


def bad_band(analysis) -> Chart | None:
    """Half-maximum edges and worst repeats of every size, and E = k N^exponent through them."""
    if analysis.band.empty:
        return None
    peaks = analysis.peaks
    sizes = np.array([peaks.params.min() / 1.3, peaks.params.max() * 1.3])
    series = []
    for column, edge in EDGES.items():
        seen = peaks.dropna(subset=[column])
        fitted = analysis.band[analysis.band.edge == edge]
        if fitted.empty:
            continue
        row = fitted.iloc[0]
        line = row.k * sizes**row.exponent
        name = f"{edge}: N^{row.exponent:.2f}"
        series.append(Series(name, sizes, line, _INKS[edge], None, "solid", in_legend=False))
        series.append(
            Series(
                name,
                *(seen.params.to_numpy(), seen[column].to_numpy(), _INKS[edge], _MARKERS[edge]),
                line=None,
                hover=[
                    f"{edge}, N = {count(N)}, f = {f:g}: E = {E:,.0f}"
                    for N, f, E in zip(
                        seen.params, seen.repeated_fraction, seen[column], strict=True
                    )
                ],
                run_ids=seen.run_ids.to_list(),
            )
        )
    for row in PUBLISHED.itertuples():
        line = row.k * sizes**row.exponent
        name = f"{row.source.split(' ')[0]}, {row.edge}: N^{row.exponent:.2f}"
        dash = "dotted" if row.edge == "worst" else "dashed"
        series.append(Series(name, sizes, line, QUIET, None, dash))
    table = peaks[["scan", "params", "repeats", *EDGES, "interior", "gaussian_width", "run_ids"]]
    return Chart(
        key="bad-band",
        title="The bad band",
        caption="Repeats at which damage is worst (interpolated) and crosses half its maximum, "
        "over model size, with power laws through them. Grey: the published laws, of larger models "
        "on more tokens (dashed: Hernandez et al. 2022; dotted: Chudnovsky et al. 2026).",
        reading="Compare slopes, not heights: the published laws were fitted at other budgets, "
        "vocabularies and counts of parameters, and are drawn far outside their range.",
        table=with_labels(table, analysis),
        panels=[Panel("", series)],
        x=Axis("params N (non-embedding)", log=True, counts=True),
        y=Axis("repeats E", log=True, counts=True),
    )
