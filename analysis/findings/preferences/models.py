"""Preference models after repetition: how well they rank, and with how many pairs others rank as well.

Askell et al. 2021 and Bai et al. 2022 begin with a pre-trained language model. Pairs that a model
begun from a control needs for the accuracy of one begun otherwise, over the latter's own, are its
pairs multiplier.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError
from analysis.figures.chart import Axis, Chart, Panel, Series, errors, markers, ramp
from analysis.findings.finding import Analysis, Finding, Question
from analysis.laws import Interpolation
from analysis.rows import groups_of, rows_of, run_ids_of
from analysis.study import Study
from analysis.words import count

STAGES = ("preference_model", "imitation")
SCRATCH, CONTROL = "scratch", "control"
RANKED, BINARISED = ", ranked preferences", ", binarised preferences"
"""What follows the name of an init that has been pre-trained on preferences since."""
LIKE = ["comparisons", "temperature", "learning_rate"]
_CELL = ["stage", "params", *LIKE, "epochs", "init", "pairs"]


def models(study: Study) -> pd.DataFrame:
    """One row a finished preference model or imitator, with what it began with.

    `init`: scratch, control or x400 (the repeats of the run it began with), and what preferences it was
    trained on before, if any; `origin`, `init_repeats`, `init_test_loss` (nats per token): the language
    model that it comes from, none from scratch.
    """
    runs = pd.concat([study.stages[name] for name in STAGES if name in study.stages])
    language = study.results.set_index("run_id")
    none = pd.DataFrame({"run_id": [], "of": [], "binarised": []})
    begun = study.stages.get("preference_pretraining", none)
    origin = runs["of"].replace(dict(zip(begun.run_id, begun["of"], strict=True)))
    repeats = origin.map(language.repeats)
    init = np.where(repeats.isna(), SCRATCH, np.where(repeats == 0, CONTROL, ""))
    losses = origin.map(language.test_loss)
    runs = runs.assign(origin=origin, init=init, init_repeats=repeats, init_test_loss=losses)
    named = "x" + repeats.fillna(0).astype(int).astype(str)
    runs["init"] = runs.init.where(runs.init != "", named)
    ways = np.where(begun.binarised.astype(bool), BINARISED, RANKED)
    before = dict(zip(begun.run_id, ways, strict=True))
    runs["init"] += [before.get(of, "") for of in runs["of"]]
    kept = ["run_id", "of", "origin", "seed", *_CELL, "init_repeats", "init_test_loss", "accuracy"]
    more = ["preference_loss", "gold_accuracy", "gold_correlation", "accuracy_less_unconditional"]
    more += ["rms_ce", "rms_ce_floor", "confidence_gap", "pool_accuracy", "pool_preference_loss"]
    found = runs.reindex(columns=[*kept, *more])
    return found.sort_values([*_CELL, "seed"], ignore_index=True)


def cells(runs: pd.DataFrame) -> pd.DataFrame:
    """Means over seeds with `*_se`, and the pairs multiplier; runs: as `models` makes them.

    `effective_pairs`: those at which the curve of models begun from controls, interpolated in the
    logarithms of pairs and of the share that is ranked wrong, has this accuracy; `pairs_multiplier`
    over `pairs`, `extrapolated` where the accuracy lies beyond it. NaN where there is no such curve.
    """
    measures = [
        "accuracy",
        "preference_loss",
        "gold_correlation",
        "init_test_loss",
        "pool_accuracy",
    ]
    grouped = runs.groupby(_CELL, dropna=False)
    table = grouped[measures].mean().join(grouped[["accuracy"]].sem().add_suffix("_se"))
    table["seeds"], table["run_ids"] = grouped.size(), run_ids_of(grouped)
    table = table.reset_index()
    table["effective_pairs"], table["extrapolated"] = np.nan, False
    like = ["stage", "params", *LIKE, "epochs"]
    for _, own in groups_of(table, like):
        scan = own[(own.init == CONTROL) & (own.accuracy < 1)]
        known = own[own.accuracy < 1]
        try:
            curve = Interpolation.through(scan.pairs, 1 - scan.accuracy)
        except AnalysisError:
            continue
        wrong = 1 - known.accuracy
        table.loc[known.index, "effective_pairs"] = curve.invert(wrong)
        table.loc[known.index, "extrapolated"] = curve.extrapolates(wrong)
    table["pairs_multiplier"] = table.effective_pairs / table.pairs
    return table


def in_pairs(low: float, high: float) -> str:
    """'250 to 16,000 pairs'."""
    return f"{low:,.0f} pairs" if low == high else f"{low:,.0f} to {high:,.0f} pairs"


def in_short(init: str) -> str:
    """An init in a chart's words: 'control, ranked'."""
    return init.removesuffix(" preferences")


def panel_title(params: float, comparisons: str, temperature: float) -> str:
    """'N = 24.6k, samples', with the temperature of labels that are drawn."""
    noise = f", temperature {temperature:g}" if temperature else ""
    return f"N = {count(params)}, {comparisons}{noise}"


def accuracy_chart(analysis: Analysis) -> Chart | None:
    """Accuracy against pairs, a panel a size and a line an init."""
    table = analysis.preference_cells
    shown = table[(table.stage == "preference_model") & (table.epochs == 1)]
    if shown.empty:
        return None
    inks, marks = ramp(range(shown.init.nunique())), markers(range(shown.init.nunique()))
    places = {init: place for place, init in enumerate(sorted(shown.init.unique()))}
    panels = []
    for (params, kind, temperature), own in groups_of(
        shown, ["params", "comparisons", "temperature"]
    ):
        series = [
            Series(
                in_short(init),
                line.pairs.to_numpy(float),
                line.accuracy.to_numpy(),
                inks[places[init]],
                marks[places[init]],
                error=errors(line.accuracy_se),
                run_ids=list(line.run_ids),
            )
            for init, line in groups_of(own, "init")
        ]
        title = panel_title(params, kind, temperature)
        panels.append(Panel(title, series, keys={"params": int(params)}))
    return Chart(
        key="preference_accuracy",
        title="Preference models against what they begin with",
        caption="Share of held-out comparisons that are ranked as they were labelled, after one epoch; "
        "means and standard errors over seeds.",
        reading="A line further right reaches an accuracy with more pairs: the distance to the control's "
        "is the pairs multiplier.",
        table=table.drop(columns="run_ids"),
        panels=panels,
        x=Axis("pairs", log=True, counts=True),
        y=Axis("accuracy", low=0.5),
        legend="begun from",
    )


def _notes(analysis: Analysis) -> list[str]:
    learnt = [row for row in rows_of(analysis.preference_cells) if row.accuracy < 0.52]
    return (
        [f"{len(learnt)} cells of preference models rank hardly better than a coin (below 0.52)."]
        if learnt
        else []
    )


PREFERENCE_MODELS = Finding(
    "preference_models",
    question=Question.ELSE,
    needs={"preference_model": ("accuracy", "pairs", "epochs")},
    tables={
        "preference_models": lambda analysis: models(analysis.study),
        "preference_cells": lambda analysis: cells(analysis.preference_models),
    },
    notes=_notes,
    charts=(accuracy_chart,),
)
