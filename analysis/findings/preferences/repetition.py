"""Preferences seen again and again: nothing (Gao et al. 2023), harm (Zhu et al. 2024), or a gain
(Kopiczko et al. 2026)?

Gao et al. saw four epochs change nothing, Zhu et al. (2401.16335) harm after the first, Kopiczko et al.
(2602.11149) a gain.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from analysis.errors import AnalysisError
from analysis.figures.chart import Axis, Chart, Panel, Series, errors, ramp
from analysis.findings import seeds
from analysis.findings.finding import Analysis, Finding, Question
from analysis.findings.preferences.models import CONTROL, SCRATCH, in_pairs
from analysis.laws import RepeatedPairs
from analysis.rows import groups_of, highest, rows_of
from analysis.words import count, plural, share

PAPERS = {
    "nothing": "Gao et al. 2023",
    "harm": "Zhu et al. 2024",
    "gain": "Kopiczko et al. 2026",
}
"""Who reports what of preferences, or examples, that are seen again."""
NOTHING = 0.01
"""The difference in accuracy up to which epochs that are not significant do nothing."""
_LIKE = ["params", "comparisons", "temperature", "init"]
_CONSTANTS = ("U_0", "gamma", "R", "h")
_RESAMPLES = 500


def gains(runs: pd.DataFrame, by: list[str] = _LIKE) -> pd.DataFrame:
    """One row a (`by`, pairs, epochs above 1): `gain` in held-out accuracy over one epoch, paired by size
    and seed, with its interval, `p` (two-sided t) and `p_holm` among the epochs of these pairs, and
    `verdict`: gain or harm where that is below .05, nothing where the gain is within .01, else open.
    `loss_rise`: of held-out loss, nats per comparison, with its interval (`loss_low`, `loss_high`) and
    `loss_p_holm`; `overconfidence`: mean confidence less accuracy after so many epochs. runs:
    `models.models`.
    """
    runs = runs[(runs.stage == "preference_model") & runs.init.isin([CONTROL, SCRATCH])]
    rows = []
    for key, own in groups_of(runs, [*by, "pairs"]):
        tables = {
            name: own.pivot_table(index=["params", "seed"], columns="epochs", values=name)
            for name in ("accuracy", "preference_loss", "confidence_gap")
        }
        accuracy, loss = tables["accuracy"], tables["preference_loss"]
        found = []
        for epochs in accuracy.columns.drop([1]) if 1 in accuracy else ():
            row = dict(zip([*by, "pairs"], key, strict=True)) | {"epochs": epochs}
            gained = accuracy[epochs] - accuracy[1]
            row |= _tested(gained, ("gain", "low", "high", "p"))
            rose = loss[epochs] - loss[1]
            row |= _tested(rose, ("loss_rise", "loss_low", "loss_high", "loss_p"))
            row["overconfidence"] = float(tables["confidence_gap"][epochs].mean())
            ids = list(own.run_id[own.epochs.isin([1, epochs])])
            found.append(row | {"pairings": int(gained.notna().sum()), "run_ids": ids})
        for name in ("p", "loss_p"):
            for row, p in zip(found, seeds.holm([row[name] for row in found]), strict=True):
                row[f"{name}_holm"] = p
        rows += [row | {"verdict": _verdict(row["gain"], row["p_holm"])} for row in found]
    return pd.DataFrame(rows)


def _tested(values: pd.Series, names: tuple[str, str, str, str]) -> dict[str, float]:
    """Their mean with its interval, and the p of none (two-sided t), under these names."""
    known = values.dropna()
    p = stats.ttest_1samp(known, 0).pvalue if len(known) > 1 else np.nan
    return dict(zip(names, (*seeds.over_seeds(known), float(p)), strict=True))


def _verdict(gain: float, p: float) -> str:
    if p < 0.05:
        return "gain" if gain > 0 else "harm"
    return "nothing" if abs(gain) <= NOTHING else "open"


def fitted(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a (size, kind of comparison, init) with the constants of `RepeatedPairs` through the share
    that is ranked wrong and their intervals by a bootstrap over runs, `r2`, `cells` and `run_ids`; none
    where the cells of pairs and epochs are no more than its constants."""
    from analysis.fitting import fit  # brings JAX, a second that other studies save

    runs = runs[(runs.stage == "preference_model") & runs.init.isin([CONTROL, SCRATCH])]
    rows = []
    for key, own in groups_of(runs[runs.accuracy < 1], _LIKE):
        cells = own.groupby(["pairs", "epochs"]).ngroups
        if cells <= len(_CONSTANTS) or min(own.pairs.nunique(), own.epochs.nunique()) < 3:
            continue
        columns = {name: own[name].to_numpy(float) for name in RepeatedPairs.columns}
        try:
            found = fit(RepeatedPairs, columns, 1 - own.accuracy, _RESAMPLES, delta=np.inf)
        except AnalysisError:
            continue
        row = dict(zip(_LIKE, key, strict=True)) | found.constants
        for name, (low, high) in found.intervals().items():
            row |= {f"{name}_low": low, f"{name}_high": high}
        rows.append(row | {"r2": found.r2, "cells": cells, "run_ids": list(own.run_id)})
    return pd.DataFrame(rows)


def sentences(analysis: Analysis) -> list[str]:
    """In how many cells repetition gains, harms or does nothing, over all sizes and at each, which paper
    that bears out, by how much, and what epochs are worth."""
    found, table = list[str](), analysis.preference_gains
    for over, own in (("over all sizes", analysis.preference_gains_over_sizes), ("by size", table)):
        if not len(own) or own.p_holm.isna().all():
            continue
        cells = own.verdict.value_counts().reindex([*PAPERS, "open"], fill_value=0)
        told = ", ".join(f"{verdict} in {cells[verdict]} ({PAPERS[verdict]})" for verdict in PAPERS)
        found.append(
            f"Preferences seen again rather than once, {over}, in {plural(len(own), 'cell')} of pairs and "
            f"epochs: {told}; {cells['open']} cannot be told."
        )
    pooled = analysis.preference_gains_over_sizes
    if len(pooled) and pooled.loss_p_holm.notna().any():
        rises = pooled[(pooled.loss_p_holm < 0.05) & (pooled.loss_rise > 0)]
        falls = pooled[(pooled.loss_p_holm < 0.05) & (pooled.loss_rise < 0)]
        sure = highest(pooled, "overconfidence")
        found.append(
            f"Held-out loss, which counts how sure they are, rises in {len(rises)} of these "
            f"{plural(len(pooled), 'cell')} and falls in {len(falls)}, by {pooled.loss_rise.min():+.2f} to "
            f"{pooled.loss_rise.max():+.2f} nats; seen {sure.epochs:g} times {sure.pairs:,.0f} pairs leave "
            f"a model {sure.overconfidence:.2f} surer than it is right."
        )
    for (params, *_, init), own in groups_of(table, _LIKE) if len(table) else ():
        parts = [
            f"{cells.gain.min():+.3f} to {cells.gain.max():+.3f} after {epochs:g}"
            for epochs, cells in groups_of(own, "epochs")
        ]
        found.append(
            f"With {in_pairs(own.pairs.min(), own.pairs.max())} of preference models of N = {count(params)} from {init} accuracy "
            f"changes by {', '.join(parts)} epochs."
        )
    for row in rows_of(analysis.repeated_pairs):
        found.append(
            f"Seen again, the pairs of preference models of N = {count(row.params)} from {row.init} are "
            f"worth {share(row.R)} fresh copies at most{seeds.told(row.R_low, row.R_high, '.2g')}; each "
            f"e-fold of epochs changes the share ranked wrong by {row.h:+.1%} besides"
            f"{seeds.told(row.h_low, row.h_high, '+.1%', 0)}."
        )
    return found


def repetition_chart(analysis: Analysis) -> Chart | None:
    """Accuracy against epochs, a line a number of pairs, with the law of repeated pairs."""
    table = analysis.preference_cells
    shown = table[(table.stage == "preference_model") & table.init.isin([CONTROL, SCRATCH])]
    if shown.epochs.nunique() < 2:
        return None
    laws = {
        tuple(row[_LIKE]): RepeatedPairs(*(row[name] for name in _CONSTANTS))
        for _, row in analysis.repeated_pairs.iterrows()
    }
    panels = []
    for key, own in groups_of(shown, _LIKE):
        if own.epochs.nunique() < 2:
            continue
        title = f"N = {count(key[0])}, from {key[-1]}"
        kinds = shown.groupby(_LIKE[1:3]).ngroups
        panels.append(
            Panel(
                f"{title}, {key[1]}" if kinds > 1 else title,
                _series(own, laws.get(key), ramp(shown.pairs)),
                keys={"params": int(key[0])},
            )
        )
    return Chart(
        key="preference_epochs",
        title="Preferences seen again and again",
        caption="Accuracy on held-out comparisons against how often each pair was seen; means and "
        "standard errors over seeds"
        + (", and the law of repeated pairs through them (dashed)." if laws else "."),
        reading="A line that rises gains by repetition, one that falls is harmed by it.",
        table=table.drop(columns="run_ids"),
        panels=panels,
        x=Axis("epochs", log=True, counts=True),
        y=Axis("accuracy", low=0.5),
        legend="pairs",
    )


def _series(own: pd.DataFrame, law: RepeatedPairs | None, inks: dict) -> list[Series]:
    series = []
    for pairs, line in groups_of(own, "pairs"):
        epochs, ids = line.epochs.to_numpy(float), list(line.run_ids)
        accuracy, error = line.accuracy.to_numpy(), errors(line.accuracy_se)
        name, ink = f"{pairs:,.0f}", inks[pairs]
        style = None if law else "solid"
        series.append(Series(name, epochs, accuracy, ink, "o", style, error=error, run_ids=ids))
        if law and len(epochs) > 1:
            fine = np.geomspace(epochs.min(), epochs.max(), 30)
            told = 1 - law.predict(pairs=pairs, epochs=fine)
            series.append(Series(name, fine, told, ink, None, "dashed", in_legend=False))
    return series


REPEATED_PREFERENCES = Finding(
    "repeated_preferences",
    question=Question.ELSE,
    needs={"preference_model": ("accuracy", "pairs", "epochs")},
    tables={
        "preference_gains": lambda analysis: gains(analysis.preference_models),
        "preference_gains_over_sizes": lambda analysis: gains(
            analysis.preference_models, _LIKE[1:]
        ),
        "repeated_pairs": lambda analysis: fitted(analysis.preference_models),
    },
    sentences=sentences,
    charts=(repetition_chart,),
)
