"""Fine-tuning after repetition: does a model learn another corpus better than one from scratch?

Hernandez et al. 2022, section 5.4 and figure 12: fine-tuned from the worst repeats, models did as
well as ones 1.6 times smaller that were trained from scratch.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError
from analysis.laws import Interpolation
from analysis.scans import SETTINGS, SHAPE
from analysis.tables import Study
from analysis.words import count, share

_TUNED = ("learning_rate", "warmup_fraction")  # what fine-tuning sets for itself
_CELL = ["corpus", "params", "pretrained_fraction", "pretrained_repeats"]


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
    runs = tuned.join(before, on="pretrained_run").reset_index(drop=True)
    equal = [name for name in (*SHAPE, *SETTINGS) if name in runs and name not in _TUNED]
    scratch = study.controls.groupby([*equal, "seed"], dropna=False).test_loss.mean()
    mean = study.controls.groupby(equal, dropna=False)
    mean = mean.agg(mean_scratch=("test_loss", "mean"), scratch_setting=("setting", "first"))
    runs = runs.join(scratch.rename("scratch_loss"), on=[*equal, "seed"]).join(mean, on=equal)
    runs["scratch_loss"] = runs.scratch_loss.fillna(runs.mean_scratch)
    runs["gain"] = runs.scratch_loss - runs.test_loss
    runs["effective_params"], runs["extrapolated"] = np.nan, False
    for setting, own in runs.groupby("scratch_setting"):
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
    names = ["run_id", "pretrained_run", *_CELL, "seed", "tokens", "test_loss", "scratch_loss"]
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
    cells["run_ids"] = grouped.run_id.agg(list)
    return cells.reset_index()


def transfer_sentences(cells: pd.DataFrame) -> list[str]:
    """What fine-tuning found: the worst repetition of each size against none and against scratch."""
    sentences = []
    if cells.empty:
        return sentences
    for (corpus, params), own in cells.dropna(subset=["gain"]).groupby(["corpus", "params"]):
        told = [own[own.pretrained_fraction == 0], own[own.pretrained_fraction > 0]]
        rows = [part.loc[part.gain.idxmin()] for part in told if len(part)]
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
