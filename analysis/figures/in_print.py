"""Charts on paper: matplotlib, as SVG, PDF or PNG."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from io import BytesIO
from itertools import chain
from math import ceil
from textwrap import fill
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from analysis.figures.chart import Axis, Chart, Heat, Series
from analysis.words import count

if TYPE_CHECKING:
    from matplotlib.typing import RcKeyType

_MOST_EDGES = 20  # columns of a heat map whose cells are drawn apart
_TITLE = 42  # characters of a line over a panel
_MOST_TICKS = 12  # names along an axis of a heat map
_CELL = 7.5  # points, of the texts in its cells
_COLOURS = "viridis"

STYLE: dict[RcKeyType, Any] = {
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titley": 1.0,  # else looked for, as high as the ticks above, of which there are none
    "axes.labelsize": 9,
    "axes.labelcolor": "#3a4048",
    "axes.edgecolor": "#9aa1a9",
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e7e9ec",
    "grid.linewidth": 0.7,
    "xtick.color": "#6a717a",
    "ytick.color": "#6a717a",
    "xtick.labelcolor": "#3a4048",
    "ytick.labelcolor": "#3a4048",
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "legend.title_fontsize": 8.5,
    "svg.hashsalt": "ostinato",  # the same chart gives the same file
    "svg.fonttype": "path",
}
_PANEL_WIDTH, _PANEL_HEIGHT, _COLUMNS = 3.5, 2.9, 3
_LEGEND_WIDTH, _BAR_WIDTH, _ALONE_WIDTH = 1.35, 0.9, 1.2  # beside all; beside a single panel
_ACROSS, _DOWN = 0.82 * 72 * _PANEL_WIDTH, 0.62 * 72 * _PANEL_HEIGHT  # points, of a panel's inside


def render(chart: Chart, kind: str = "svg", title: bool = False) -> bytes:
    """`chart` as a file's content; `kind` is svg, pdf or png (at 160 dots per inch)."""
    return render_each(chart, [kind], title)[kind]


def render_each(chart: Chart, kinds: Iterable[str], title: bool = False) -> dict[str, bytes]:
    """`chart` as several kinds of file, drawn and laid out once."""
    files = {}
    with mpl.rc_context(STYLE):
        figure = draw(chart, title)
        if layout := figure.get_layout_engine():
            layout.execute(figure)
        figure.set_layout_engine(None)  # with one at hand, matplotlib draws twice to save once
        for kind in kinds:
            content = BytesIO()
            stamp = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
            figure.savefig(content, format=kind, dpi=160, metadata=stamp)
            files[kind] = content.getvalue()
    return files


def draw(chart: Chart, title: bool = False) -> Figure:
    """`chart` as a matplotlib figure, with its title above if asked."""
    columns = 2 if len(chart.panels) == 4 else min(_COLUMNS, len(chart.panels))
    rows = ceil(len(chart.panels) / columns)
    heats = [panel.heat for panel in chart.panels if panel.heat]
    if heats:
        handles: dict[str, Line2D] = {}
        aside = _BAR_WIDTH
    else:
        handles = {name: _legend_handle(own) for name, own in chart.entries().items()}
        aside = bool(handles) * _LEGEND_WIDTH + (columns == 1) * _ALONE_WIDTH
    size = columns * _PANEL_WIDTH + aside, rows * _PANEL_HEIGHT + 0.25 * title
    figure = Figure(figsize=size, layout="constrained")
    scales = [panel.scale for panel in chart.panels]
    alike = not heats and len(set(scales)) == 1
    axes = figure.subplots(rows, columns, squeeze=False, sharex=not heats, sharey=alike).ravel()
    if not heats and not alike:
        for ax, scale in zip(axes, scales, strict=False):
            if ax is not (first := axes[scales.index(scale)]):
                ax.sharey(first)
    for ax, panel in zip(axes, chart.panels, strict=False):
        ax.set_title(fill(panel.title, _TITLE))
        for series in panel.series:
            _draw_series(ax, series)
    if heats:
        norm = _heat_scale(heats)
        for ax, heat in zip(axes, heats, strict=False):
            _draw_heat(ax, heat, norm)
        _draw_bar(figure, axes, heats[0], norm)
    else:
        for ax in axes[: len(chart.panels)]:  # once all that shares an axis is drawn
            _dress(ax.xaxis, chart.x)
            _dress(ax.yaxis, chart.y)
    for ax in axes[len(chart.panels) :]:
        ax.set_visible(False)
    for position, ax in enumerate(axes[: len(chart.panels)]):
        last_row = position + columns >= len(chart.panels)
        ax.set_xlabel(chart.x.label if last_row else "")
        ax.xaxis.set_tick_params(labelbottom=True)
        ax.set_ylabel(chart.y.label if position % columns == 0 else "")
    if handles:
        figure.legend(
            handles.values(),
            handles.keys(),
            title=chart.legend,
            loc="outside right upper",
            alignment="left",
        )
    if title:
        figure.suptitle(chart.title, x=0.01, ha="left", weight="bold", fontsize=11)
    return figure


def _draw_series(ax: Axes, series: Series) -> None:
    if series.ring:
        ax.plot(
            series.x,
            series.y,
            ls="none",
            marker="o",
            ms=11,
            mfc="none",
            mec=series.ink.light,
            mew=1.3,
            zorder=4,
        )
        return
    if series.line:
        ax.plot(series.x, series.y, color=series.ink.light, ls=series.line, lw=1.5, zorder=2)
    if series.error is not None:
        ax.errorbar(
            series.x,
            series.y,
            series.error,
            fmt="none",
            ecolor=series.ink.light,
            elinewidth=1,
            capsize=2.5,
            zorder=2,
        )
    if series.marker:
        colours = [ink.light for ink in series.inks] if series.inks else series.ink.light
        ax.scatter(
            series.x,
            series.y,
            s=26,
            c=colours,
            marker=series.marker,
            edgecolors="white",
            linewidths=0.6,
            zorder=3,
        )


def _heat_scale(heats: Sequence[Heat]) -> Normalize:
    """One scale for all panels; where it is one of multipliers, with 1 (no damage) always on it."""
    values = np.concatenate([heat.values.ravel() for heat in heats])
    if not heats[0].log:
        return Normalize(min(0.0, np.nanmin(values)), np.nanmax(values))
    return LogNorm(min(0.99, np.nanmin(values)), max(1.0, np.nanmax(values)))


def _draw_heat(ax: Axes, heat: Heat, norm: Normalize) -> None:
    few = len(heat.columns) <= _MOST_EDGES
    edges = {"edgecolors": "white", "lw": 1.2} if few else {"rasterized": True}
    ax.pcolormesh(np.ma.masked_invalid(heat.values), cmap=_COLOURS, norm=norm, **edges)
    ax.grid(False)
    for ticks, names in ((ax.set_xticks, heat.columns), (ax.set_yticks, heat.rows)):
        shown = range(0, len(names), -(-len(names) // _MOST_TICKS))
        ticks([place + 0.5 for place in shown], [names[place] for place in shown])
    beside = min(len(heat.columns), _MOST_TICKS)
    upright = _width(heat.columns, STYLE["font.size"]) > _ACROSS / beside
    ax.tick_params("x", rotation=90 if upright else 0)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    longest = _width(chain.from_iterable(heat.texts), _CELL)
    upright = longest > _ACROSS / len(heat.columns)
    size = min(_CELL, _CELL * _DOWN / len(heat.rows) / longest) if upright else _CELL
    for row, texts in enumerate(heat.texts):
        for column, text in enumerate(texts):
            if not text:
                continue  # a pattern of attention has 10,000 cells, all without
            value = heat.values[row, column]
            dark = np.isfinite(value) and norm(value) < 0.6
            ax.text(
                column + 0.5,
                row + 0.5,
                text,
                ha="center",
                va="center",
                rotation=90 if upright else 0,
                fontsize=size,
                color="white" if dark else "#24292f",
            )


def _width(texts: Iterable[str], size: float) -> float:
    """About that of the longest, in points."""
    return max(map(len, texts), default=0) * 0.7 * size


def _draw_bar(figure: Figure, axes: np.ndarray, heat: Heat, norm: Normalize) -> None:
    """The colours' scale, which all panels share."""
    colours = ScalarMappable(norm, _COLOURS)
    bar = figure.colorbar(colours, ax=axes, label=heat.label, pad=0.02, aspect=30)
    bar.outline.set_visible(False)
    if not heat.log:
        return
    low, high = colours.get_clim()
    marks = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.4)
    bar.ax.yaxis.set_major_locator(FixedLocator([mark for mark in marks if low <= mark <= high]))
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    bar.ax.yaxis.set_minor_locator(FixedLocator([]))


def _dress(axis, spec: Axis) -> None:
    """Scale, ticks and their labels."""
    if spec.log:
        axis.axes.set(**{f"{axis.axis_name}scale": "log"})
        low, high = axis.get_view_interval()
        decades = np.log10(high / low)
        subs = (1,) if decades > 2 else (1, 2, 5) if decades > 0.7 else range(1, 10)
        if decades < 0.5:
            axis.set_major_locator(MaxNLocator(5))
        else:
            axis.set_major_locator(LogLocator(subs=subs, numticks=12))
        axis.set_minor_formatter(NullFormatter())
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    if spec.counts:
        axis.set_major_formatter(FuncFormatter(lambda value, _: count(value) if value else "0"))
    if spec.low is not None or spec.high is not None:
        low, high = axis.get_view_interval()
        low = low if spec.low is None else min(low, spec.low)
        high = high if spec.high is None else max(high, spec.high)
        axis.axes.set(**{f"{axis.axis_name}lim": (low, high)})


def _legend_handle(series: Series) -> Line2D:
    colour = series.ink.light
    handle = Line2D([], [], color=colour, lw=1.5, marker="o" if series.ring else series.marker)
    if series.ring:
        handle.set(ms=9, mfc="none", mec=colour, mew=1.3, ls="none")
    else:
        handle.set(ms=5.5, mfc=colour, mec="white", ls=series.line or "none")
    return handle
