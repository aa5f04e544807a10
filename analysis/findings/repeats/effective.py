"""Effective params: the size of control that does as well as a run with repetition.

The multiplier N_eff / N is the paper's measure of damage (Hernandez et al. 2022, section 2). Each
run is compared with its own control (same seed, same unique tokens), and the difference is laid on
the mean control curve, so that the noise that both share falls out.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError
from analysis.findings.finding import Analysis, Finding, Question
from analysis.findings.repeats.memorisation import memorised
from analysis.laws import Interpolation, PowerLaw
from analysis.rows import groups_of, run_ids_of
from analysis.study import Study
from analysis.study.realised import realised
from analysis.study.scans import SETTINGS, SHAPE
from analysis.words import plural

CELL = ["scan", "params", "repeats"]
_MEASURES = ["test_loss", "damage", "effective_params", "multiplier", "multiplier_by_law"]
_MEASURES += ["compute_equivalent_loss", "memorised_bits", "bits_per_param", "capacity_share"]
_MEASURES += ["pool_loss", "ood_loss", "unique_loss", "repeated_loss"]


def effective_params(study: Study) -> pd.DataFrame:
    """One row a repeated run: what it lost to its control, in nats and in parameters.

    Added to the run's columns: `control_loss` and `damage` = test_loss - control_loss (nats per
    token), `paired` (the control has the run's seed), `effective_params` and `multiplier` by
    interpolation, `effective_params_by_law` and `multiplier_by_law` by the power law,
    `compute_equivalent_loss` (the share of its FLOPs that a control of equal loss would save;
    Chudnovsky et al. 2026, eq. 7) and `extrapolated` (the loss lies beyond every control's). NaN
    where there is no control.
    """
    runs = _with_controls(study)
    laws: dict[str, type[Interpolation] | type[PowerLaw]] = {
        "effective_params": Interpolation,
        "effective_params_by_law": PowerLaw,
    }
    runs[[*laws, "compute_equivalent_loss"]], runs["extrapolated"] = np.nan, False
    for setting, group in groups_of(runs, "setting"):
        controls = study.controls[study.controls.setting == setting]
        for name, law in laws.items():
            try:
                curve = law.through(controls.params, controls.test_loss)
            except AnalysisError:
                continue  # too few sizes; `control_curves` says so once
            own = controls.groupby("params").test_loss.mean()
            loss = group.params.map(own) + group.damage
            runs.loc[group.index, name] = _invert(curve, loss, group.params, group.params.map(own))
            if isinstance(curve, Interpolation):
                runs.loc[group.index, "extrapolated"] = curve.extrapolates(loss) & loss.notna()
        _add_compute_loss(runs, group, controls)
    runs["multiplier"] = runs.effective_params / runs.params
    runs["multiplier_by_law"] = runs.effective_params_by_law / runs.params
    return runs


def mean_cells(runs: pd.DataFrame) -> pd.DataFrame:
    """Means over seeds: one row a (scan, params, repeats).

    Beside each mean its standard error `*_se` (NaN for one seed); `seeds` counts them,
    `extrapolated` holds if any seed's value is, `run_ids` are the runs behind the means;
    `repeated_fraction` is what was asked, `realised_fraction` what a pool of whole sequences made of it.
    """
    measures = [name for name in _MEASURES if name in runs]
    grouped = runs.groupby(CELL, sort=True)
    cells = grouped[measures].mean()
    cells = cells.join(grouped[measures].sem().add_suffix("_se"))
    cells["seeds"] = grouped.size()
    cells["run_ids"] = run_ids_of(grouped)
    cells["pool_tokens"] = grouped["pool_tokens"].first()
    cells["repeated_fraction"] = grouped["repeated_fraction"].first()
    cells["realised_fraction"] = realised(runs)[0].groupby([runs[name] for name in CELL]).mean()
    cells = cells.reindex(columns=[*cells, *(name for name in _MEASURES if name not in measures)])
    if "extrapolated" in runs:
        cells["extrapolated"] = grouped["extrapolated"].any()
    return cells.reset_index()


def _with_controls(study: Study) -> pd.DataFrame:
    """Each repeated run beside its control: of its own seed, else the mean of its size."""
    exact = [name for name in ("setting", *SHAPE, *SETTINGS, "seed") if name in study.results]
    runs = study.repeated.reset_index(drop=True)
    control = study.controls.groupby(exact, dropna=False).test_loss.mean().rename("own_control")
    by_size = study.controls.groupby(["setting", "params"]).test_loss.mean().rename("control_loss")
    runs = runs.join(control, on=exact).join(by_size, on=["setting", "params"])
    runs["paired"] = runs.own_control.notna()
    runs["control_loss"] = runs.pop("own_control").fillna(runs.control_loss)
    runs["damage"] = runs.test_loss - runs.control_loss
    return runs


def _add_compute_loss(runs: pd.DataFrame, group: pd.DataFrame, controls: pd.DataFrame) -> None:
    """Fill `compute_equivalent_loss`, by interpolation over the controls' FLOPs."""
    controls = controls.dropna(subset="flops")
    try:
        curve = Interpolation.through(controls.flops, controls.test_loss)
    except AnalysisError:
        return
    own = controls.groupby("params").test_loss.mean()
    needed = _invert(
        curve, group.params.map(own) + group.damage, group.flops, group.params.map(own)
    )
    runs.loc[group.index, "compute_equivalent_loss"] = 1 - needed / group.flops


def _invert(curve, loss: pd.Series, size: pd.Series, own: pd.Series) -> np.ndarray:
    """The size of control that has `loss`, such that no damage gives the run's own `size`.

    A fitted law passes beside its points; without dividing by where it puts the control's `own`
    loss, an undamaged run of a size above the law would count as damaged.
    """
    return size * curve.invert(loss) / curve.invert(own)


def _unpaired(analysis: Analysis) -> list[str]:
    runs = analysis.runs
    unpaired = int((~runs.paired & runs.control_loss.notna()).sum())
    if not unpaired:
        return []
    return [
        f"{plural(unpaired, 'run')} without a control of their own seed: compared with the "
        "mean control of their size."
    ]


EFFECTIVE_PARAMS = Finding(
    "effective params",
    question=Question.LARGE,
    tables={
        "runs": lambda analysis: memorised(analysis.study, effective_params(analysis.study)),
        "cells": lambda analysis: mean_cells(analysis.runs),
    },
    notes=_unpaired,
)
"""The repeated runs beside their controls, and their means over seeds."""
