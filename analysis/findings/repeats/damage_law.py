"""A law of the damage: a bump in log E that drifts with N, fitted to a study and to all sizes but one.

Where a study varies the budget or the fraction, a bump that moves with those as well is tried beside it,
and the one is taken that foresees sizes held out better.

What a mixture will cost is told from it (`analysis.predict`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError
from analysis.figures.chart import QUIET, Axis, Chart, Panel, Series, markers, ramp
from analysis.findings.finding import Analysis, Finding, Question
from analysis.findings.repeats.budgets import Control
from analysis.laws import DamageBand, MovingBand, PowerLaw
from analysis.rows import groups_of, rows_of, run_ids_of
from analysis.study.realised import realised
from analysis.study.scans import with_arms
from analysis.words import count

if TYPE_CHECKING:  # fitting brings JAX, a second that studies of few sizes save
    from analysis.fitting import Fit

_FEWEST_GROUPS = 6  # of runs that share a control; with fewer, each run is drawn by itself
_SMOOTH = 0.02  # Huber's delta: damage ratios carry noise of this order, not of 1e-3
_FEWEST_SIZES = 3  # of which one can be foreseen from the others


@dataclass(frozen=True)
class DamageFit:
    """The damage band of a study with the control laws beneath it, and the range both were seen in.

    controls: one a budget that has a law, for `control_between`. ranges: least and greatest measured
    value of params, tokens, repeated_fraction and repeats.
    """

    band: Fit
    controls: tuple[Control, ...]
    ranges: dict[str, tuple[float, float]]


def fit_damage(
    analysis: Analysis,
    setting: int = 0,
    bootstrap: int = 500,
    at: tuple[float, float] | None = None,
) -> DamageFit:
    """Fit the damage band to a study's repeated runs, with a bootstrap by size and seed: the runs
    of both share a control, and with it the noise of the control.

    at: params and tokens to be foreseen; of the settings that differ from `setting` in budget alone,
    that of the nearest budget is fitted. Raises `AnalysisError` where the setting has no control law or
    fewer than six damaged cells.
    """
    from analysis.fitting import fit

    controls = _controls(analysis, setting, bootstrap)
    if at is not None and controls:
        log_tokens = np.log(at[1])
        setting = min(controls, key=lambda one: abs(controls[one].log_budget(at[0]) - log_tokens))
    if setting not in controls:
        raise AnalysisError(
            "controls: no control law in this study; train controls of at least two sizes"
        )
    own = analysis.runs[(analysis.runs.setting == setting) & analysis.runs.damage.notna()]
    if len(own) < 6:
        raise AnalysisError(
            f"runs: {len(own)} repeated runs with a control; at least 6 are needed for the band"
        )
    law = _better(analysis, setting)
    runs = own if law is DamageBand else _arm_of(_damaged(analysis), setting)
    columns, ratio = _columns(runs), (runs.test_loss / runs.control_loss).to_numpy()
    shared = [
        f"{params} {tokens} {seed}"
        for params, tokens, seed in zip(runs.params, runs.tokens, runs.seed, strict=True)
    ]
    clusters = shared if len(set(shared)) >= _FEWEST_GROUPS else None
    fixed = _fixed_exponents(law, runs)
    band = fit(law, columns, ratio, bootstrap, clusters, delta=_SMOOTH, fixed=fixed)
    # What was asked counts as measured, be it a little off what came of it.
    asked = {name: np.append(v, runs[name].to_numpy(float)) for name, v in columns.items()}
    ranges = {name: (float(v.min()), float(v.max())) for name, v in asked.items()}
    return DamageFit(band, tuple(controls.values()), ranges)


def _controls(analysis: Analysis, setting: int, bootstrap: int) -> dict[int, Control]:
    """The controls of a setting and of those that differ from it in budget alone, by setting, where
    they follow a law."""
    damaged = _damaged(analysis)
    found = {}
    for one in [setting, *sorted(set(_arm_of(damaged, setting).setting) - {setting})]:
        if one in analysis.laws:
            own = analysis.study.controls[analysis.study.controls.setting == one]
            found[one] = Control.of(analysis.laws[one], own, bootstrap)
    return found


def held_out_sizes(runs: pd.DataFrame, laws: Mapping[int, PowerLaw]) -> pd.DataFrame:
    """Each cell's multiplier beside the one that the band foresees for its size from the others.

    runs: as `effective.effective_params` makes them, with arms (`study.scans.with_arms`). Columns
    `setting`, `params`, `repeated_fraction`, `repeats`, `multiplier`, `predicted`, `law` (the band of
    those tried that foresees this setting better), `run_ids`; empty below three sizes or where the
    runs are too few for the band's constants.
    """
    tables = []
    for setting, control in laws.items():
        tried = [_foreseen(band, runs, setting, control) for band in (DamageBand, MovingBand)]
        tried = [table for table in tried if len(table)]
        if tried:
            tables.append(min(tried, key=_error))
    cell = ["setting", "params", "repeated_fraction", "repeats"]
    table = pd.concat(tables) if tables else runs.head(0).assign(predicted=[], law=[])
    grouped = table.groupby(cell)
    means = grouped[["multiplier", "predicted"]].mean()
    return means.assign(law=grouped.law.first(), run_ids=run_ids_of(grouped)).reset_index()


def _foreseen(
    band: type[DamageBand], runs: pd.DataFrame, setting: int, control: PowerLaw
) -> pd.DataFrame:
    """The setting's runs with `multiplier` by the law of its controls and the one `predicted` for their
    size from the others: those of the setting, or with a moving band those of all budgets."""
    from analysis.fitting import fit, refit_without

    runs = runs[runs.multiplier_by_law.notna()]
    if band is MovingBand:
        runs = _arm_of(runs, setting)
        if not {"tokens", "repeated_fraction"} & set(_varied(runs)):
            return runs.head(0)
    else:
        runs = runs[runs.setting == setting]
    own = runs[runs.setting == setting]
    sizes = [
        params
        for params, held in groups_of(own, "params")
        if own.params[own.params != params].nunique() > 1 and len(own) - len(held) > 8
    ]
    if not sizes:
        return own.head(0)
    columns, fixed = _columns(runs), _fixed_exponents(band, runs)
    ratio = (runs.test_loss / runs.control_loss).to_numpy()
    try:
        whole = fit(band, columns, ratio, delta=_SMOOTH, fixed=fixed)
    except AnalysisError:  # losses that follow no band foresee nothing
        return own.head(0)
    tables = []
    for params, law in zip(sizes, refit_without(whole, runs.params, sizes), strict=True):
        held = ((runs.params == params) & (runs.setting == setting)).to_numpy()
        predicted = law.predict(**{name: v[held] for name, v in columns.items()})
        of_size = runs[held]
        tables.append(
            of_size.assign(
                predicted=predicted ** (-1 / control.alpha),
                multiplier=of_size.multiplier_by_law,
                law=band.name,
            )
        )
    return pd.concat(tables)


def _error(table: pd.DataFrame) -> float:
    """Mean absolute error of the predicted multipliers, in logarithms."""
    return float(np.abs(np.log(table.predicted / table.multiplier)).mean())


def _better(analysis: Analysis, setting: int) -> type[DamageBand]:
    """The band that foresees the setting's held-out sizes better."""
    told = analysis.held_out
    told = told[told.setting == setting] if len(told) else told
    return MovingBand if len(told) and told.law.iloc[0] == MovingBand.name else DamageBand


def _damaged(analysis: Analysis) -> pd.DataFrame:
    runs = with_arms(analysis.runs, analysis.study.scans)
    return runs[runs.damage.notna()]


def _arm_of(runs: pd.DataFrame, setting: int) -> pd.DataFrame:
    """The runs of a setting and of those that differ from it in budget alone."""
    return runs[runs.arm.isin(runs.arm[runs.setting == setting])]


def _varied(runs: pd.DataFrame) -> list[str]:
    """Which of what moves a band the runs have several values of."""
    return [name for name in ("params", "tokens", "repeated_fraction") if runs[name].nunique() > 1]


def predicted_against_measured(analysis: Analysis) -> Chart | None:
    """The multiplier of each cell against the band's prediction for its size from the other sizes."""
    table = analysis.held_out
    if table.empty:
        return None
    inks, shapes = ramp(table.params, "magma"), markers(table.params)
    low = min(table.multiplier.min(), table.predicted.min())
    ends = np.array([low / 1.1, 1.1])
    series = [Series("as predicted", ends, ends, QUIET, None, "dashed")]
    for params, own in groups_of(table, "params"):
        series.append(
            Series(
                count(params),
                *(
                    own.predicted.to_numpy(),
                    own.multiplier.to_numpy(),
                    inks[params],
                    shapes[params],
                ),
                line=None,
                hover=[
                    f"N = {count(params)}, f = {row.repeated_fraction:g}, E = {row.repeats:,.0f}: "
                    f"measured {row.multiplier:.3f}, predicted {row.predicted:.3f}"
                    for row in rows_of(own)
                ],
                keys={"params": int(params)},
                run_ids=own.run_ids.to_list(),
            )
        )
    error = np.exp(_error(table)) - 1
    moving = " and with the budget and the fraction" if (table.law == MovingBand.name).any() else ""
    return Chart(
        key="predicted-against-measured",
        title="Can the damage be predicted?",
        caption="Measured multiplier of each cell against the prediction for its size by a damage "
        f"band (a bump in log E that drifts with N{moving}) fitted to the other sizes alone. Mean error: "
        f"{error:.0%}.",
        reading="Points on the dashed line were foreseen from other sizes; below it, the damage was "
        "worse than foreseen.",
        table=table.reset_index(drop=True),
        panels=[Panel("", series)],
        x=Axis("predicted multiplier", log=True),
        y=Axis("measured multiplier", log=True),
        legend="params N",
    )


def _columns(runs: pd.DataFrame) -> dict[str, np.ndarray]:
    """The columns of both bands, with the repetition that was realised."""
    fraction, repeats = realised(runs)
    found = {"params": runs.params, "repeats": repeats, "repeated_fraction": fraction}
    return {name: v.to_numpy(float) for name, v in (found | {"tokens": runs.tokens}).items()}


def _fixed_exponents(band: type[DamageBand], runs: pd.DataFrame) -> dict[str, float]:
    """What one size, fraction or budget cannot tell: the paper's drift of the band, damage in step with
    f, a peak that stays.

    One fraction is one that was asked for: what rounding made of it is too little to tell p from.
    """
    alone = {
        "params": {"a": 0.53},  # between the edges' 0.56 and 0.50, Hernandez et al. 2022, section 2
        "repeated_fraction": {"p": 1.0, "g": 0.0},
        "tokens": {"b": 0.0},
    }
    fixed: dict[str, float] = {}
    for name in alone.keys() - set(_varied(runs)):
        fixed |= alone[name]
    return {name: value for name, value in fixed.items() if name in band.constant_names()}


def _held_out(analysis: Analysis) -> pd.DataFrame:
    if analysis.runs.params.nunique() < _FEWEST_SIZES:
        return pd.DataFrame()
    return held_out_sizes(_damaged(analysis), analysis.laws)


HELD_OUT = Finding(
    "held-out sizes",
    question=Question.WORST,
    tables={"held_out": _held_out},
    charts=(predicted_against_measured,),
)
