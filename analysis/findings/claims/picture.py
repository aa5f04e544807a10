"""The picture of the headline: every run of its scan, and what was published."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from analysis.figures.chart import ALERT, QUIET, Axis, Chart, Panel, Series, markers, ramp
from analysis.findings.claims.headline import headline_peak, nearest_published
from analysis.findings.descent import learning_curves
from analysis.findings.finding import Analysis
from analysis.findings.induction.onset import SCORE
from analysis.findings.preferences.models import accuracy_chart, panel_title
from analysis.findings.preferences.worth import after_worst_repeats
from analysis.findings.regularisation import regularisation_map
from analysis.findings.repeats.controls import smallest_control
from analysis.findings.repeats.params import loss_against_params
from analysis.findings.repeats.worst import has_multiplier
from analysis.rows import groups_of, rows_of, run_ids_of
from analysis.words import count

KEY = "headline"
_MEASURES = {
    "multiplier": ("multiplier N_eff / N", "The multiplier", "as many params as it has"),
    "damage": (
        "damage (nats per token)",
        "Test loss above the control's",
        "as good as its control",
    ),
    "test_loss": ("test loss (nats per token)", "Test loss", ""),
}


def headline_picture(analysis: Analysis) -> Chart | None:
    """Of a study with preference models after repetition how well they rank, at the size of the headline;
    of another with several repeat counts its runs over them, else heads, arms, the curves of one repeat
    count, or the control law."""
    worth = after_worst_repeats(analysis)
    if worth is not None and (chart := accuracy_chart(analysis)) is not None:
        title = panel_title(worth.params, worth.comparisons, worth.temperature)
        return replace(chart, key=KEY, panels=[p for p in chart.panels if p.title == title])
    peak = headline_peak(analysis)
    runs = analysis.runs if peak is None else analysis.runs[analysis.runs.scan == peak.scan]
    if len(runs) and runs.repeats.nunique() > 1:
        return _over_repeats(analysis)
    if not len(runs) and len(analysis.tables.get("formations", ())):
        return _heads(analysis)
    repeated = (regularisation_map, learning_curves) if len(runs) else ()
    for draw in (*repeated, _control_law, learning_curves):
        if (chart := draw(analysis)) is not None:
            return replace(chart, key=KEY)
    return None


def _control_law(analysis: Analysis) -> Chart | None:
    """The panel with most sizes of control."""
    chart = loss_against_params(analysis)
    return chart and replace(chart, panels=[max(chart.panels, key=_controls_in)])


def _controls_in(panel: Panel) -> int:
    return max((len(series.x) for series in panel.series if series.name == "control"), default=0)


def _heads(analysis: Analysis) -> Chart:
    """Prefix matching over training tokens, a line a run."""
    study = analysis.study
    own = study.curves.merge(study.controls[["run_id", "setting", "params", "seed"]], on="run_id")
    own = own.dropna(subset=[SCORE]).sort_values("tokens")
    cells = own[["setting", "params"]].drop_duplicates().sort_values(["params", "setting"])
    inks, series = ramp(range(len(cells)), "magma"), []
    for number, cell in enumerate(rows_of(cells)):
        label = study.setting_labels[cell.setting].partition(", ")[2].replace("_", " ")
        name = f"N = {count(cell.params)}" + (f", {label}" if label else "")
        runs = own[(own.setting == cell.setting) & (own.params == cell.params)]
        for place, (run, curve) in enumerate(groups_of(runs, "run_id")):
            values = curve.tokens.to_numpy(float), curve[SCORE].to_numpy(float), inks[number]
            keys = {"params": int(cell.params), "seed": int(curve.seed.iloc[0])}
            line = Series(name, *values, None, in_legend=place == 0, keys=keys, run_ids=[[run]])
            series.append(line)
    return Chart(
        key=KEY,
        title="Induction heads while training",
        caption="Prefix matching of the best head of every run, one line a run.",
        reading="A line that rises is a run in which induction heads form.",
        table=own[["run_id", "params", "seed", "tokens", SCORE]].reset_index(drop=True),
        panels=[Panel("", series)],
        x=Axis("training tokens", counts=True),
        y=Axis("prefix matching", low=0.0),
    )


def _over_repeats(analysis: Analysis) -> Chart:
    peak, runs = headline_peak(analysis), analysis.runs
    scan = peak.scan if peak is not None else runs.scan.mode().iloc[0]
    own = runs[runs.scan == scan].sort_values(["params", "repeats", "seed"])
    measure = "test_loss"
    if peak is not None:
        least = smallest_control(analysis, peak.scan)
        read_off = has_multiplier(peak, least) and not peak.extrapolated
        measure = "multiplier" if read_off else "damage"
    label, what, level = _MEASURES[measure]
    own = own.dropna(subset=[measure])
    below = ""
    if measure == "multiplier":
        bound = least / own.params
        if (own.multiplier < bound).any():
            below = f" No control is smaller than {count(least)} params: what does worse lies at its size."
        own = own.assign(multiplier=own.multiplier.clip(lower=bound))
    ends = own.repeats.agg(["min", "max"]).to_numpy(float)
    series = []
    if level:
        none = np.full(2, 1.0 if measure == "multiplier" else 0.0)
        series.append(Series(level, ends, none, QUIET, None, "dashed"))
    fraction = float(own.repeated_fraction.iloc[0])
    if measure == "multiplier":
        series += _published(fraction, ends)
    inks, shapes = ramp(own.params, "magma"), markers(own.params)
    for params, runs_of in groups_of(own, "params"):
        series += _size(params, runs_of, measure, inks[params], shapes[params])
    if peak is not None and peak.damage > 0:
        at = (np.array([peak.repeats]), np.array([getattr(peak, measure)], float), ALERT)
        keys, behind = {"params": int(peak.params)}, [peak.run_ids]
        ring = Series("worst repeats", *at, line=None, ring=True, keys=keys, run_ids=behind)
        series.append(ring)
    columns = ["params", "repeats", "seed", measure, "run_id"]
    log = measure == "multiplier" and bool((own[measure] > 0).all())
    return Chart(
        key=KEY,
        title=f"{what} over repeats",
        caption=f"{what} of every run at f = {fraction:g}, one point a seed; lines: means over seeds."
        + below,
        reading="A line that leaves the dashed one and comes back has a repeat count between that is "
        "worst.",
        table=own[columns].reset_index(drop=True).rename(columns={"run_id": "run_ids"}),
        panels=[Panel("", series)],
        x=Axis("repeats E", log=True),
        y=Axis(label, log=log),
        legend="params N",
    )


def _published(fraction: float, ends: np.ndarray) -> list[Series]:
    nearest, claim = nearest_published(fraction)
    levels = {claim.low, claim.high} - {1.0}
    at = "" if nearest == fraction else f" at f = {nearest:g}"
    return [
        Series(
            *(f"published{at}", ends, np.full(2, level), ALERT, None, "dotted"),
            hover=[f"published{at}: {claim.published}"] * 2,
        )
        for level in sorted(levels)
    ]


def _size(params: float, runs: pd.DataFrame, measure: str, ink, shape: str) -> list[Series]:
    """The mean line of a size, and each of its runs."""
    keys = {"params": int(params)}
    grouped = runs.groupby("repeats")
    means, behind = grouped[measure].mean(), run_ids_of(grouped)
    x = means.index.to_numpy(float)
    line = Series(
        *(count(params), x, means.to_numpy(float), ink, shape), keys=keys, run_ids=behind.to_list()
    )
    if runs.groupby("repeats").size().max() < 2:
        return [line]
    seeds = Series(
        f"seeds, N = {count(params)}",
        *(runs.repeats.to_numpy(float), runs[measure].to_numpy(float), ink, shape),
        line=None,
        hover=[
            f"N = {row.params:,}, E = {row.repeats:,.0f}, seed {row.seed}: {getattr(row, measure):.4g}"
            for row in rows_of(runs)
        ],
        in_legend=False,
        keys=keys,
        run_ids=[[run] for run in runs.run_id],
    )
    return [replace(line, marker=None), replace(seeds, name=line.name)]
