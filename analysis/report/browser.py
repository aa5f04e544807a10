"""Charts and runs as data for the page's script (`app.js`), which draws them with plotly."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np

from analysis.figures.chart import Axis, Chart, Panel, Series
from analysis.rows import groups_of
from analysis.study import Study

_SYMBOLS = {
    "o": "circle",
    "s": "square",
    "D": "diamond",
    "^": "triangle-up",
    "v": "triangle-down",
    "P": "cross",
    "X": "x",
    "<": "triangle-left",
    ">": "triangle-right",
}
_DASHES = {"solid": "solid", "dashed": "dash", "dotted": "dot"}
_MOST_POINTS = 80
_CURVES = ("test_loss", "pool_loss", "ood_loss")


def chart_data(chart: Chart, places: dict[str, int]) -> dict:
    """A chart as plotly traces, grouped by panel; the script lays the panels out.

    places: run_id -> its place in `run_data`, by which points name the runs behind them.
    """
    return {
        "key": chart.key,
        "legend": escape(chart.legend),
        "x": _axis(chart.x),
        "y": _axis(chart.y),
        "entries": [escape(name) for name in chart.entries()],
        "panels": [_panel(panel, places) for panel in chart.panels],
    }


def run_data(study: Study) -> dict:
    """Every run: the columns of its row in the results (a list each), and its thinned curves."""
    rows = study.runs.drop(columns=["is_control", "setting", "scan"])
    every = (study.curves, *study.stage_curves.values())
    curves = {
        run: own
        for table in every
        for run, own in groups_of(table.sort_values("tokens", kind="stable"), "run_id")
    }
    return {
        "columns": rows.to_dict("list"),
        "curves": [_thin(curves[run]) if run in curves else {} for run in rows.run_id],
    }


def _thin(curves) -> dict:
    if len(curves) > _MOST_POINTS:
        curves = curves.iloc[np.linspace(0, len(curves) - 1, _MOST_POINTS).round().astype(int)]
    losses = [name for name in _CURVES if name in curves and curves[name].notna().any()]
    values = {name: [float(f"{value:.5g}") for value in curves[name]] for name in losses}
    return {"tokens": curves.tokens.to_list()} | values


def _axis(axis: Axis) -> dict:
    return {
        "label": escape(axis.label),
        "log": axis.log,
        "counts": axis.counts,
        "low": axis.low,
        "high": axis.high,
    }


def _panel(panel: Panel, places: dict[str, int]) -> dict:
    data = {"title": escape(panel.title), "keys": panel.keys, "scale": panel.scale}
    if panel.heat:
        heat = panel.heat
        data["heat"] = {
            "x": heat.columns,
            "y": heat.rows,
            "z": np.log10(heat.values) if heat.log else heat.values,
            "log": heat.log,
            "hover": heat.axes,
            "texts": heat.texts,
            "label": escape(heat.label),
            "runs": [[[places[run] for run in cell] for cell in row] for row in heat.run_ids],
        }
    return data | {"traces": [_trace(series, places) for series in panel.series]}


def _trace(series: Series, places: dict[str, int]) -> dict:
    inks = series.inks or [series.ink]
    trace: dict[str, Any] = {
        "name": escape(series.name),
        "x": series.x,
        "y": series.y,
        "light": [ink.light for ink in inks],
        "dark": [ink.dark for ink in inks],
        "symbol": "circle-open" if series.ring else _SYMBOLS.get(series.marker or ""),
        "ring": series.ring,
        "dash": _DASHES.get(series.line or ""),
        "legend": series.in_legend,
        "keys": series.keys,
    }
    if series.run_ids is not None:
        trace["runs"] = [[places[run] for run in runs] for runs in series.run_ids]
    if series.error is not None:
        trace["error"] = series.error
    if series.hover:
        trace["hover"] = [escape(text) for text in series.hover]
    return trace
