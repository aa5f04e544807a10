"""The multiplier by any probe: OOD loss, copying loss, prefix matching, each by its own control curve.

A probe that is damaged more than test loss has a smaller multiplier than test loss has (Hernandez
et al. 2022, figures 5, 6 and 10).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import linregress

from analysis.errors import AnalysisError
from analysis.laws import Interpolation
from analysis.tables import Study

_NOT_PROBES = ("test_loss", "pool_loss", "unique_loss", "repeated_loss", "train_loss")
_SIGNIFICANT = 0.05  # a slope of mere noise would turn any change of score into a huge multiplier


def find_probes(study: Study) -> list[str]:
    """The columns that measure something besides test loss: `*_loss`, and scores `*_score`."""
    return [
        name
        for name in study.results
        if name.endswith(("_loss", "_score"))
        and name not in _NOT_PROBES
        and pd.api.types.is_numeric_dtype(study.results[name])
        and study.results[name].notna().any()
    ]


def probe_multipliers(study: Study, runs: pd.DataFrame, probes: list[str]) -> pd.DataFrame:
    """One row a (repeated run, probe): `multiplier` by the probe beside `by_test_loss`.

    runs: as `effective.effective_params` makes them. Losses are inverted on the controls'
    interpolation, scores (higher is better) on a straight line in log N, as in the paper. Runs are
    compared with the control of their own seed where there is one. A probe that does not improve
    with size among the controls (a score: beyond its noise) has no multiplier and is left out.
    """
    tables = []
    for probe in probes:
        for setting, own in runs.groupby("setting"):
            controls = study.controls[study.controls.setting == setting].dropna(subset=[probe])
            means = controls.groupby("params")[probe].mean()
            paired = controls.groupby(["params", "seed"])[probe].mean().rename("control")
            own = own.dropna(subset=[probe]).join(paired, on=["params", "seed"])
            mean = own.params.map(means)
            value = mean + own[probe] - own.control.fillna(mean)
            invert = _inverse(probe, controls)
            if invert is None or own.empty:
                continue
            table = own[
                ["run_id", "scan", "setting", "params", "repeated_fraction", "repeats", "seed"]
            ]
            tables.append(
                table.assign(
                    probe=probe,
                    multiplier=invert(value.to_numpy()) / invert(mean.to_numpy()),
                    by_test_loss=own.multiplier,
                )
            )
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _inverse(probe: str, controls: pd.DataFrame):
    """A function from the probe's value to params, or None where it does not improve with size."""
    if controls.params.nunique() < 2:
        return None
    if probe.endswith("_loss"):
        try:
            return Interpolation.through(controls.params, controls[probe]).invert
        except AnalysisError:
            return None
    line = linregress(np.log(controls.params), controls[probe], alternative="greater")
    if not (line.slope > 0 and (len(controls) < 3 or line.pvalue < _SIGNIFICANT)):
        return None
    return lambda value: np.exp((value - line.intercept) / line.slope)
