"""Fine-tuning after repetition: does a model learn another corpus better than one from scratch?

Hernandez et al. 2022, section 5.4 and figure 12: fine-tuned from the worst repeats, models did as
well as ones 1.6 times smaller that were trained from scratch.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError
from analysis.figures.chart import NEUTRAL, QUIET, Axis, Chart, Panel, Series, errors, ramp
from analysis.findings.finding import Analysis, Finding, Question
from analysis.laws import Interpolation
from analysis.rows import groups_of, lowest, rows_of, run_ids_of
from analysis.study import Study
from analysis.study.scans import FACTS, SETTINGS, SHAPE
from analysis.words import count, share

_TUNED = ("learning_rate", "warmup_fraction")  # what fine-tuning sets for itself
_CELL = ["corpus", "params", "pretrained_fraction", "pretrained_repeats"]
_SCRATCH, _CONTROL = -1.0, 0.0  # in place of the repeats before


def transfers(study: Study) -> pd.DataFrame:
    """One row a fine-tuned run beside the same model from scratch, on the same corpus and budget.

    `pretrained_fraction` and `pretrained_repeats` are those of the run it began with;
    `scratch_loss` (nats per token) of the run from scratch of its seed, else the mean of its size;
    `gain` = scratch_loss - test_loss; `effective_params` and `multiplier` by interpolation on the
    scan of runs from scratch, `extrapolated` where the loss lies beyond it. NaN where no run from
    scratch is there, and where there are fewer than two sizes.
    """
    tuned = study.fine_tuned
    if tuned.empty:
        return pd.DataFrame()
    before = study.results.set_index("run_id")[["repeated_fraction", "repeats"]]
    before = before.add_prefix("pretrained_").rename(
        columns={"pretrained_repeated_fraction": "pretrained_fraction"}
    )
    runs = tuned.join(before, on="of").reset_index(drop=True)
    equal = [name for name in (*SHAPE, *SETTINGS) if name in runs and name not in _TUNED]
    none = {
        name: "none" for name in FACTS if name in runs
    }  # what is missing meets nothing in a join
    runs, controls = runs.astype(dict.fromkeys(none, object)).fillna(none), study.controls
    controls = controls.astype(dict.fromkeys(none, object)).fillna(none)
    scratch = controls.groupby([*equal, "seed"], dropna=False).test_loss.mean()
    mean = controls.groupby(equal, dropna=False).agg(
        mean_scratch=("test_loss", "mean"), scratch_setting=("setting", "first")
    )
    runs = runs.join(scratch.rename("scratch_loss"), on=[*equal, "seed"]).join(mean, on=equal)
    runs["scratch_loss"] = runs.scratch_loss.fillna(runs.mean_scratch)
    runs["gain"] = runs.scratch_loss - runs.test_loss
    runs["effective_params"], runs["extrapolated"] = np.nan, False
    for setting, own in groups_of(runs, "scratch_setting"):
        scan = study.controls[study.controls.setting == setting]
        try:
            curve = Interpolation.through(scan.params, scan.test_loss)
        except AnalysisError:
            continue  # one size: no curve to lay a loss on
        loss = own.mean_scratch - own.gain
        at_own = curve.invert(own.mean_scratch)
        runs.loc[own.index, "effective_params"] = own.params * curve.invert(loss) / at_own
        runs.loc[own.index, "extrapolated"] = curve.extrapolates(loss)
    runs["multiplier"] = runs.effective_params / runs.params
    names = ["run_id", "of", *_CELL, "seed", "tokens", "test_loss", "scratch_loss"]
    names += ["gain", "effective_params", "multiplier", "extrapolated"]
    return runs[names]


def transfer_cells(runs: pd.DataFrame) -> pd.DataFrame:
    """Means over seeds of `transfers`, a row a (corpus, params, repetition before), with `*_se`."""
    if runs.empty:
        return runs
    measures = ["test_loss", "scratch_loss", "gain", "multiplier"]
    grouped = runs.groupby(_CELL)
    cells = grouped[measures].mean().join(grouped[measures].sem().add_suffix("_se"))
    cells["seeds"], cells["extrapolated"] = grouped.size(), grouped.extrapolated.any()
    cells["run_ids"] = run_ids_of(grouped)
    return cells.reset_index()


def transfer_sentences(cells: pd.DataFrame) -> list[str]:
    """What fine-tuning found: the worst repetition of each size against none and against scratch."""
    sentences: list[str] = []
    if cells.empty:
        return sentences
    for (corpus, params), own in groups_of(cells.dropna(subset=["gain"]), ["corpus", "params"]):
        told = [own[own.pretrained_fraction == 0], own[own.pretrained_fraction > 0]]
        rows = [lowest(part, "gain") for part in told if len(part)]
        parts = [f"{_before(row)} {_against_scratch(row)}" for row in rows]
        sentences.append(
            f"Fine-tuned on {corpus}, N = {count(params)}: {'; '.join(parts)} "
            "(published: 1.6 times smaller than from scratch; Hernandez et al. 2022)."
        )
    return sentences


def _before(row: pd.Series) -> str:
    if not row.pretrained_fraction:
        return "after pre-training without repetition"
    return f"after f = {row.pretrained_fraction:g}, E = {row.pretrained_repeats:,.0f} (the worst)"


def _against_scratch(row: pd.Series) -> str:
    spread = f" ± {row.gain_se:.3f}" if row.gain_se > 0 else ""
    text = f"{abs(row.gain):.3f}{spread} nats {'below' if row.gain > 0 else 'above'} scratch"
    if np.isnan(row.multiplier):
        return text
    beyond = ", extrapolated" if row.extrapolated else ""
    return f"{text} (multiplier {share(row.multiplier)}{beyond})"


def fine_tuning(analysis: Analysis) -> Chart | None:
    """Test loss over tokens of fine-tuning, one line a history, one panel a (corpus, size)."""
    curves = fine_tuning_curves(analysis)
    if curves.empty:
        return None
    inks, panels = ramp(curves.pretrained_repeats[curves.pretrained_repeats > 0]), []
    inks |= {_SCRATCH: QUIET, _CONTROL: NEUTRAL}
    for (corpus, params), own in groups_of(curves, ["corpus", "params"]):
        series = [
            Series(
                *(name, curve.tokens.to_numpy(), curve.test_loss.to_numpy()),
                inks[repeats],
                None,
                "dashed" if repeats <= 0 else "solid",
                error=errors(curve.test_loss_se),
                keys={"params": int(params)},
                run_ids=[curve.run_ids.iloc[0]],
            )
            for (repeats, name), curve in groups_of(own, ["pretrained_repeats", "pretraining"])
        ]
        panels.append(Panel(f"{corpus}, N = {count(params)}", series))
    return Chart(
        key="fine-tuning",
        title="Fine-tuning after repetition",
        caption="Test loss on the corpus of fine-tuning, mean over seeds; bars: one standard error; "
        "colour: repeats E before.",
        reading="A coloured curve above the dashed grey one has learned less from its pre-training "
        "than it was hindered by it; above the dashed black one, repetition has cost it something.",
        table=curves,
        panels=panels,
        x=Axis("tokens of fine-tuning", log=True, counts=True),
        y=Axis("test loss (nats per token)", log=True),
        legend="pre-training",
    )


def fine_tuning_curves(analysis: Analysis) -> pd.DataFrame:
    """Test loss over tokens, a row a (corpus, size, history, tokens): mean over seeds, `*_se`."""
    study, runs = analysis.study, analysis.transfers
    if runs.empty:
        return pd.DataFrame()
    before = runs[["run_id", "corpus", "params", "pretrained_fraction", "pretrained_repeats"]]
    fractions = before.pretrained_fraction[before.pretrained_fraction > 0].nunique()
    names = [
        f"f = {row.pretrained_fraction:g}, E = {row.pretrained_repeats:,.0f}" * (fractions > 1)
        or f"E = {row.pretrained_repeats:,.0f}"
        if row.pretrained_fraction
        else "control"
        for row in rows_of(before)
    ]
    places = runs[["corpus", "params", "tokens"]].drop_duplicates()
    scratch = study.controls.merge(places)[["run_id", "corpus", "params"]]
    scratch = scratch.assign(pretrained_repeats=_SCRATCH, pretraining="from scratch")
    histories = pd.concat([before.assign(pretraining=names), scratch])
    curves = study.curves[study.curves.tokens > 0].dropna(subset="test_loss")
    columns = ["corpus", "params", "pretrained_repeats", "pretraining", "tokens"]
    curves = curves[["run_id", "tokens", "test_loss"]].merge(histories, on="run_id")
    grouped = curves.groupby(columns)
    found = grouped.test_loss.agg(["mean", "sem"])
    found.columns = ["test_loss", "test_loss_se"]
    return found.assign(run_ids=run_ids_of(grouped)).reset_index()


TRANSFER = Finding(
    "fine-tuning after repetition",
    question=Question.ELSE,
    tables={
        "transfers": lambda analysis: transfers(analysis.study),
        "transfer": lambda analysis: transfer_cells(analysis.transfers),
    },
    sentences=lambda analysis: transfer_sentences(analysis.transfer),
    charts=(fine_tuning,),
)
