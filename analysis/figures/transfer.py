"""Fine-tuning on another corpus: after repetition, without it, and from scratch (Fig. 12)."""

from __future__ import annotations

import pandas as pd

from analysis.figures.chart import NEUTRAL, QUIET, Axis, Chart, Panel, Series, errors, ramp
from analysis.transfer import transfer_sentences
from analysis.words import count

_SCRATCH, _CONTROL = -1.0, 0.0


def fine_tuning(analysis) -> Chart | None:
    """Test loss over tokens of fine-tuning, one line a history, one panel a (corpus, size)."""
    curves = fine_tuning_curves(analysis)
    if curves.empty:
        return None
    inks, panels = ramp(curves.pretrained_repeats[curves.pretrained_repeats > 0]), []
    inks |= {_SCRATCH: QUIET, _CONTROL: NEUTRAL}
    for (corpus, params), own in curves.groupby(["corpus", "params"]):
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
            for (repeats, name), curve in own.groupby(["pretrained_repeats", "pretraining"])
        ]
        panels.append(Panel(f"{corpus}, N = {count(params)}", series))
    told = " ".join(transfer_sentences(analysis.transfer))
    return Chart(
        key="fine-tuning",
        title="Fine-tuning after repetition",
        caption="Test loss on the corpus of fine-tuning, mean over seeds; bars: one standard error; "
        f"colour: repeats E before. {told}",
        reading="A coloured curve above the dashed grey one has learned less from its pre-training "
        "than it was hindered by it; above the dashed black one, repetition has cost it something.",
        table=curves,
        panels=panels,
        x=Axis("tokens of fine-tuning", log=True, counts=True),
        y=Axis("test loss (nats per token)", log=True),
        legend="pre-training",
    )


def fine_tuning_curves(analysis) -> pd.DataFrame:
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
        for row in before.itertuples()
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
    return found.assign(run_ids=grouped.run_id.agg(list)).reset_index()
