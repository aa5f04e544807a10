"""What a figure is before anybody draws it: panels of series, with the table they came from.

One `Chart` is drawn twice, for print (`figures.in_print`) and for the browser (`report/`), so that
both show the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from analysis.study.reading import number

MARKERS = ("o", "s", "D", "^", "v", "P", "X", "<", ">")


@dataclass(frozen=True)
class Ink:
    """A colour on white paper and its counterpart on a dark screen."""

    light: str
    dark: str


NEUTRAL = Ink("#24292f", "#e6e8eb")
QUIET = Ink("#8a919a", "#8a919a")
ALERT = Ink("#b3261e", "#ff8a80")


@dataclass(frozen=True)
class Series:
    """A line, points, or both.

    keys: what it shows (params, repeats, ...), for filters; run_ids: the runs behind each point, or
    behind all of them where it holds one list.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    ink: Ink = NEUTRAL
    marker: str | None = "o"
    line: str | None = "solid"  # solid, dashed, dotted, or None for points alone
    error: np.ndarray | None = None
    hover: list[str] | None = None
    in_legend: bool = True
    ring: bool = False  # drawn as rings around other points
    inks: list[Ink] | None = None  # a colour a point, where they differ
    keys: dict = field(default_factory=dict)
    run_ids: list[list[str]] | None = None


@dataclass(frozen=True)
class Heat:
    """Coloured cells: `values` [rows, columns], their texts and runs, and the labels of both axes."""

    columns: list[str]
    rows: list[str]
    values: np.ndarray
    texts: list[list[str]]
    label: str
    run_ids: list[list[list[str]]]
    axes: str = "N = %{y}, E = %{x}"  # a cell's place, in plotly's words
    log: bool = True


@dataclass(frozen=True)
class Panel:
    """One pair of axes. Of those without a heat map all share x, and those of one `scale` y."""

    title: str
    series: list[Series] = field(default_factory=list)
    heat: Heat | None = None
    keys: dict = field(default_factory=dict)
    scale: str = ""


@dataclass(frozen=True)
class Axis:
    """label: what and its unit."""

    label: str
    log: bool = False
    counts: bool = False  # tick labels as 10k, 1.5M
    low: float | None = None  # keep at least these in view
    high: float | None = None


@dataclass(frozen=True)
class Chart:
    """A figure: `key` names its files; `caption` says what it shows, `reading` how to read it."""

    key: str
    title: str
    caption: str
    reading: str
    table: pd.DataFrame
    panels: list[Panel]
    x: Axis
    y: Axis
    legend: str = ""

    def entries(self) -> dict[str, Series]:
        """What its legend shows, a series for each name: numbers by size, whichever panel they come
        from, then words; rings, which are around the others, last."""
        shown = [s for panel in self.panels for s in panel.series if s.in_legend]
        entries: dict[str, Series] = {}
        for series in sorted(shown, key=_place):
            entries.setdefault(series.name, series)
        return entries


def _place(series: Series) -> tuple[bool, float]:
    """In a legend."""
    return series.ring, float(np.nan_to_num(number(series.name), nan=np.inf))


def ramp(values, name: str = "viridis") -> dict[float, Ink]:
    """Inks for ordered values, from dark to light on paper and the brighter part of it on screen.

    Both ramps rise evenly in luminance, so that they survive grey printing and colour blindness.
    """
    from matplotlib import colormaps  # half a second to load, which numbers alone do not need
    from matplotlib.colors import to_hex

    values = sorted(set(values))
    places = [0.5] if len(values) == 1 else np.linspace(0, 1, len(values))
    paper, screen = ((0.0, 0.86), (0.3, 1.0)) if name == "viridis" else ((0.15, 0.78), (0.4, 0.92))
    colour = colormaps[name]

    def at(place, low_high):
        return to_hex(colour(low_high[0] + place * (low_high[1] - low_high[0])))

    return {v: Ink(at(p, paper), at(p, screen)) for v, p in zip(values, places, strict=True)}


def markers(values) -> dict[float, str]:
    """A marker for each of the ordered values."""
    return {value: MARKERS[i % len(MARKERS)] for i, value in enumerate(sorted(set(values)))}


def errors(column: pd.Series) -> np.ndarray | None:
    """Standard errors for drawing: none where every cell has one seed."""
    return None if column.isna().all() else column.fillna(0).to_numpy()
