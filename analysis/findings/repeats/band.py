"""The bad band in the (params, repeats) plane: its edges and its worst line as power laws of N."""

from __future__ import annotations

from math import nan
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import t

from analysis.figures.chart import ALERT, NEUTRAL, QUIET, Axis, Chart, Ink, Panel, Series
from analysis.figures.choice import with_labels
from analysis.findings.finding import Analysis, Finding, Question
from analysis.rows import rows_of
from analysis.words import count

EDGES = {"half_left": "left edge", "vertex": "worst", "half_right": "right edge"}
_INKS = {"left edge": Ink("#2c6fbb", "#7db5ee"), "worst": ALERT, "right edge": NEUTRAL}
_MARKERS = {"left edge": "<", "worst": "o", "right edge": ">"}
PUBLISHED = pd.DataFrame(
    [
        ("left edge", 4.2e6, -0.56, "Hernandez et al. 2022, section 2"),
        ("right edge", 5.1e7, -0.50, "Hernandez et al. 2022, section 2"),
        ("worst", 2.31e10, -0.96, "Chudnovsky et al. 2026, eq. 4"),
    ],
    columns=["edge", "k", "exponent", "source"],
)
"""E = k N^exponent as published: non-embedding N at 100B tokens, and total N at 20 tokens each."""


class Slope(NamedTuple):
    """A slope with the ends of its interval (NaN where too few points tell it), the level beside it, and
    the number of points."""

    slope: float
    low: float
    high: float
    level: float
    points: int


def common_slope(x: ArrayLike, y: ArrayLike, group: ArrayLike, level: float = 0.95) -> Slope | None:
    """The slope of y over x that all groups share, each with a level of its own; interval by Student's t.
    `level` of what is found: the mean of the groups'. None where no group has two x."""
    table = pd.DataFrame({"x": x, "y": y, "group": group}).dropna()
    table = table[table.groupby("group").x.transform("nunique") > 1]
    if table.empty:
        return None
    means = table.groupby("group")[["x", "y"]].transform("mean")
    across, up = (table[name] - means[name] for name in ("x", "y"))
    slope = float((across * up).sum() / (across**2).sum())
    freedom = len(table) - table.group.nunique() - 1
    reach = nan
    if freedom > 0:
        error = np.sqrt(((up - slope * across) ** 2).sum() / freedom / (across**2).sum())
        reach = float(t.ppf((1 + level) / 2, freedom) * error)
    own = float(table.y.mean() - slope * table.x.mean())
    return Slope(slope, slope - reach, slope + reach, own, len(table))


def band_edges(peaks: pd.DataFrame) -> pd.DataFrame:
    """Fit E = k N^exponent to the half-maximum edges and the worst repeats.

    peaks: as `worst.worst_repeats` makes them; one exponent for all scans together, as in the paper, but
    each scan with a k of its own (k is their mean). Returns a row an edge: `edge`, `k`, `exponent`,
    `low`, `high` (95 % interval of the exponent, NaN for two points), `points`. Edges that no scan has
    at two sizes are left out.
    """
    rows = []
    for column, edge in EDGES.items():
        seen = peaks.dropna(subset=[column]) if column in peaks else peaks.head(0)
        scan = seen.scan if "scan" in seen else np.zeros(len(seen))
        found = (
            common_slope(
                np.log(seen.params.astype(float)), np.log(seen[column].astype(float)), scan
            )
            if len(seen)
            else None
        )
        if found is not None:
            k = float(np.exp(found.level))
            rows.append((edge, k, found.slope, found.low, found.high, found.points))
    return pd.DataFrame(rows, columns=["edge", "k", "exponent", "low", "high", "points"])


def band_sentences(analysis: Analysis) -> list[str]:
    """How the worst repeats move with size, where more than two points tell."""
    band, sentences = analysis.band, []
    for row in rows_of(band[(band.edge == "worst") & band.low.notna()]):
        spread = f" (95 % {row.low:.2f} to {row.high:.2f})"
        sentences.append(
            f"The worst repeats move with size as N^{row.exponent:.2f}{spread}; published: "
            "-0.96 (Chudnovsky et al. 2026), band edges -0.56 and -0.50 (Hernandez et al. 2022)."
        )
    return sentences


def bad_band(analysis: Analysis) -> Chart | None:
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
    for row in rows_of(PUBLISHED):
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
        table=with_labels(table, analysis.study.scans),
        panels=[Panel("", series)],
        x=Axis("params N (non-embedding)", log=True, counts=True),
        y=Axis("repeats E", log=True, counts=True),
    )


BAND = Finding(
    "bad band",
    question=Question.WORST,
    tables={"band": lambda analysis: band_edges(analysis.peaks)},
    sentences=band_sentences,
    charts=(bad_band,),
)
