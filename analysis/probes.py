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
from analysis.words import share

_NOT_PROBES = ("test_loss", "pool_loss", "unique_loss", "repeated_loss", "train_loss")
_TOLD = {
    "copying_loss": "copying of text",
    "random_copying_loss": "copying of random tokens",
    "prefix_matching_score": "prefix matching",
    "ood_loss": "out-of-distribution loss",
}
_NO_DIFFERENCE = 0.05  # of log multipliers
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


def probe_sentences(table: pd.DataFrame, study: Study) -> list[str]:
    """Whether repetition hurts each probe of `_TOLD` more than test loss, one sentence a probe.

    table: as `probe_multipliers` makes it, with several seeds. Told for the size and scan where test
    loss is hurt most, at each repeat count: more or less where the mean log ratio of both
    multipliers is beyond two standard errors. Multipliers below the smallest control count as its.
    """
    if table.empty or table.seed.nunique() < 2:
        return []
    worst = table.loc[table.by_test_loss.idxmin()]
    table = table[(table.scan == worst.scan) & (table.params == worst.params)]
    smallest = study.controls[study.controls.setting == worst.setting].params.min() / worst.params
    return [
        sentence
        for probe, name in _TOLD.items()
        if (sentence := _told(table[table.probe == probe], name, smallest))
    ]


def _told(own: pd.DataFrame, name: str, smallest: float) -> str:
    verdicts: dict[str, list[str]] = {"more than": [], "less than": [], "about as much as": []}
    for repeats, runs in own.groupby("repeats"):
        mine, other = (
            np.log(runs[column].clip(lower=smallest)) for column in ("multiplier", "by_test_loss")
        )
        difference, noise = (mine - other).mean(), (mine - other).sem()
        if not noise >= 0:
            continue
        sure = abs(difference) > max(2 * noise, _NO_DIFFERENCE)
        verdict = "about as much as" if not sure else "more than" if difference < 0 else "less than"
        shown = (_share(np.exp(values.mean()), smallest) for values in (mine, other))
        verdicts[verdict].append(f"E = {repeats:,.0f} ({' against '.join(shown)})")
    parts = [f"{how} test loss at {', '.join(at)}" for how, at in verdicts.items() if at]
    return f"In effective params (multiplier), repetition hurts {name} {'; '.join(parts)}." * bool(
        parts
    )


def _share(multiplier: float, smallest: float) -> str:
    """A multiplier, or that it lies below the smallest control."""
    return f"<{share(smallest)}" if multiplier <= smallest * 1.001 else share(multiplier)
