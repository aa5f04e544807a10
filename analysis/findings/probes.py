"""The multiplier by any probe: OOD loss, copying loss, prefix matching, each by its own control curve.

A probe that is damaged more than test loss has a smaller multiplier than test loss has (Hernandez
et al. 2022, figures 5, 6 and 10).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import linregress

from analysis.errors import AnalysisError
from analysis.figures.chart import QUIET, Axis, Chart, Panel, Series, errors, markers, ramp
from analysis.figures.choice import with_labels
from analysis.findings.finding import Analysis, Finding, Question
from analysis.laws import Interpolation
from analysis.rows import groups_of, lowest, rows_of, run_ids_of
from analysis.study import Study
from analysis.words import count, plural, share

_NOT_PROBES = ("test_loss", "pool_loss", "unique_loss", "repeated_loss", "train_loss")
_TOLD = {
    "copying_loss": "copying of text",
    "random_copying_loss": "copying of random tokens",
    "prefix_matching_score": "prefix matching",
    "ood_loss": "out-of-distribution loss",
}
_OF_RUN = ["run_id", "scan", "setting", "params", "repeated_fraction", "repeats", "seed"]
_CELL = ["scan", "probe", "params", "repeated_fraction", "repeats"]
_FURTHEST = 1e3  # a multiplier beyond this factor is an inversion gone astray, not a finding
_MOST_AVERAGES = 8
_NO_DIFFERENCE = 0.05  # of log multipliers
_SIGNIFICANT = 0.05  # a slope of mere noise would turn any change of score into a huge multiplier


def find_probes(study: Study) -> list[str]:
    """The columns that measure something besides test loss: `*_loss`, and scores `*_score`."""
    return [
        name
        for name in map(str, study.results)
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
        for setting, own in groups_of(runs, "setting"):
            controls = study.controls[["setting", "params", "seed", probe]].dropna(subset=[probe])
            controls = controls[controls.setting == setting]
            means = controls.groupby("params")[probe].mean()
            paired = controls.groupby(["params", "seed"])[probe].mean().rename("control")
            own = own[[*_OF_RUN, "multiplier", probe]].dropna(subset=[probe])
            own = own.join(paired, on=["params", "seed"])
            mean = own.params.map(means)
            value = mean + own[probe] - own.control.fillna(mean)
            invert = _inverse(probe, controls)
            if invert is None or own.empty:
                continue
            tables.append(
                own[_OF_RUN].assign(
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
    worst = lowest(table, "by_test_loss")
    table = table[(table.scan == worst.scan) & (table.params == worst.params)]
    smallest = study.controls[study.controls.setting == worst.setting].params.min() / worst.params
    sentences: list[str] = []
    for probe, name in _TOLD.items():
        if parts := _told(table[table.probe == probe], smallest):
            opening = "It" if sentences else "In effective params (multiplier), repetition"
            sentences.append(f"{opening} hurts {name} {'; '.join(parts)}.")
    return sentences


def _told(own: pd.DataFrame, smallest: float) -> list[str]:
    verdicts: dict[str, list[str]] = {"more than": [], "less than": [], "about as much as": []}
    for repeats, runs in groups_of(own, "repeats"):
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
    return [f"{how} test loss at {', '.join(at)}" for how, at in verdicts.items() if at]


def _share(multiplier: float, smallest: float) -> str:
    """A multiplier, or that it lies below the smallest control."""
    return f"<{share(smallest)}" if multiplier <= smallest * 1.001 else share(multiplier)


def probes_against_test(analysis: Analysis) -> Chart | None:
    """The multiplier by each probe over the multiplier by test loss, one panel a probe."""
    table = analysis.probes
    if table.empty:
        return None
    cells = probe_cells(table)
    drawn = cells[cells.multiplier.between(1 / _FURTHEST, _FURTHEST)]
    if drawn.empty:
        return None
    inks, shapes, panels = ramp(drawn.params, "magma"), markers(drawn.params), []
    both = drawn[["multiplier", "by_test_loss"]]
    ends = np.array([both.min().min() / 1.1, max(1.05, both.max().max())])
    for probe, own in groups_of(drawn, "probe"):
        series = [Series("as test loss", ends, ends, QUIET, None, "dashed")]
        for params, dots in groups_of(own, "params"):
            series.append(
                Series(
                    count(params),
                    *(dots.by_test_loss.to_numpy(), dots.multiplier.to_numpy()),
                    *(inks[params], shapes[params]),
                    line=None,
                    error=errors(dots.multiplier_se),
                    hover=[
                        f"N = {count(params)}, f = {row.repeated_fraction:g}, E = {row.repeats:,.0f}: "
                        f"{row.multiplier:.3f} by {probe}, {row.by_test_loss:.3f} by test loss"
                        for row in rows_of(dots)
                    ],
                    keys={"params": int(params)},
                    run_ids=dots.run_ids.to_list(),
                )
            )
        panels.append(Panel(str(probe).replace("_", " "), series))
    return Chart(
        key="probes-against-test",
        title="What else is damaged",
        caption="Multiplier by each probe's own control curve against the multiplier by test loss, "
        f"one point a cell; bars: one standard error over seeds. {_averages(drawn)}"
        f"{_left_out(len(cells) - len(drawn))}",
        reading="Below the dashed line, repetition damages the probe more than it damages test loss.",
        table=with_labels(cells, analysis.study.scans),
        panels=panels,
        x=Axis("multiplier by test loss", log=True),
        y=Axis("multiplier by the probe", log=True),
        legend="params N",
    )


def probe_cells(table: pd.DataFrame) -> pd.DataFrame:
    """Means over seeds, one row a (scan, probe, params, repeats), with `multiplier_se` and `seeds`.

    table: as `probes.probe_multipliers` makes it.
    """
    grouped = table.dropna(subset=["multiplier", "by_test_loss"]).groupby(_CELL)
    cells = grouped[["multiplier", "by_test_loss"]].mean()
    cells["multiplier_se"] = grouped.multiplier.sem()
    cells["seeds"] = grouped.size()
    cells["run_ids"] = run_ids_of(grouped)
    return cells.reset_index()


def _averages(cells: pd.DataFrame) -> str:
    """Fig. 10's numbers: the multiplier at the worst repeats, mean over sizes, worst probes first."""
    worst = cells.loc[cells.groupby(["scan", "probe", "params"]).by_test_loss.idxmin()]
    grouped = worst.groupby(["probe", "repeated_fraction"]).multiplier
    told = pd.DataFrame({"mean": grouped.mean(), "se": grouped.sem()}).sort_values("mean")
    parts = []
    for row in rows_of(told.head(_MOST_AVERAGES).reset_index()):
        spread = f" ± {share(row.se)}" if row.se > 0 else ""
        name = str(row.probe).replace("_", " ")
        parts.append(f"{name} {share(row.mean)}{spread} at f = {row.repeated_fraction:g}")
    more = f"; {len(told) - _MOST_AVERAGES} more in the table" if len(told) > _MOST_AVERAGES else ""
    return f"At the repeats worst for test loss, mean over sizes: {'; '.join(parts)}{more}."


def _left_out(cells: int) -> str:
    return f" {plural(cells, 'cell')} beyond a factor of 1,000 in the table only." if cells else ""


def _without_multiplier(analysis: Analysis) -> list[str]:
    silent = sorted(set(find_probes(analysis.study)) - set(analysis.probes.get("probe", ())))
    if not (silent and len(analysis.runs) and analysis.laws):
        return []
    return [
        f"No multiplier by {', '.join(silent)}: among the controls there is no improvement "
        "with size to read one off."
    ]


PROBES = Finding(
    "what else is damaged",
    question=Question.ELSE,
    tables={
        "probes": lambda analysis: probe_multipliers(
            analysis.study, analysis.runs, find_probes(analysis.study)
        )
    },
    sentences=lambda analysis: probe_sentences(analysis.probes, analysis.study),
    notes=_without_multiplier,
    charts=(probes_against_test,),
)
