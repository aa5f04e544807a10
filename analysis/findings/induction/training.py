"""What a model learns of its context while it trains, by repeats: heads, copying, the phase change."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.figures.chart import NEUTRAL, QUIET, Axis, Chart, Panel, Series, errors, ramp
from analysis.figures.choice import size_panels
from analysis.findings.finding import Analysis, Finding, Question
from analysis.findings.induction.phase import convex_minorant, slope
from analysis.rows import groups_of, run_ids_of
from analysis.study import Study

_LINES = {
    "prefix_matching_score": (
        "Induction heads while training",
        "Prefix matching of the best head: its attention to what followed earlier occurrences of "
        "the current token, on repeated random tokens (Olsson et al. 2022)",
        "A step up is the formation of induction heads; a curve that steps later, lower or not at "
        "all tells what repetition does to them.",
        "prefix matching of the best head",
    ),
    "in_context_score": (
        "In-context learning while training",
        "Loss late in the context less loss early in it",
        "Lower is more learned from the context; where it falls at the tokens at which heads form, "
        "they are its cause. Its height compares with others' only where a corpus is alike at every "
        "position, as `echo` is; on `markov` later tokens are harder in themselves.",
        "in-context-learning score (nats per token)",
    ),
    "in_context_slope": (
        "When in-context learning sets in",
        "Derivative of the in-context-learning score by the logarithm of training tokens (Olsson et "
        "al. 2022)",
        "A dip is the phase change: there the model learns, within few tokens, to use its context.",
        "slope of the score (nats by ln tokens)",
    ),
    "train_loss": (
        "The bump of the training loss",
        "Training loss, beside the highest convex curve below the control's (dotted)",
        "Learning slows down smoothly, but for a bump above the dotted curve: the phase change, at "
        "the tokens at which induction heads form.",
        "training loss (nats per token)",
    ),
    "random_copying_loss": (
        "Copying while training",
        "Loss on later copies of random tokens that are repeated in the context",
        "Nothing but copying helps here: a curve that stays up is a model that cannot copy.",
        "loss on later copies (nats per token)",
    ),
}


def heads_while_training(analysis: Analysis) -> Chart | None:
    """Prefix matching over training tokens, one line a repeat count, one panel a (scan, size)."""
    return _while_training(analysis, "prefix_matching_score")


def in_context_while_training(analysis: Analysis) -> Chart | None:
    """The in-context-learning score over training tokens, likewise."""
    return _while_training(analysis, "in_context_score")


def in_context_slope(analysis: Analysis) -> Chart | None:
    """Its derivative by the logarithm of training tokens, likewise."""
    return _while_training(analysis, "in_context_slope")


def training_loss_bump(analysis: Analysis) -> Chart | None:
    """The training loss over training tokens, likewise, where heads were measured, with what it would
    be without its bump."""
    if analysis.formations.empty:
        return None
    return _while_training(analysis, "train_loss")


def copying_while_training(analysis: Analysis) -> Chart | None:
    """The loss on copies of random tokens over training tokens, likewise."""
    return _while_training(analysis, "random_copying_loss")


def _while_training(analysis: Analysis, column: str) -> Chart | None:
    curves = _means(analysis.study, column)
    if curves.empty:
        return None
    title, caption, reading, label = _LINES[column]
    inks, panels, shown = ramp(curves.repeats), [], []
    controls = analysis.controls.merge(analysis.study.scans[["scan", "setting"]], on="setting")
    cells = analysis.cells if len(analysis.cells) else controls
    for scan, params, name in size_panels(analysis.study.scans, cells):
        own = curves[(curves.setting == scan.setting) & (curves.params == params)]
        own = own[own.repeated_fraction.isin([0, scan.repeated_fraction])]
        if own.empty:  # not measured there
            continue
        shown.append(own.assign(scan=scan.scan))
        series = [
            Series(
                f"{repeats:,.0f}" if repeats else "control",
                *(curve.tokens.to_numpy(), curve[column].to_numpy()),
                inks[repeats] if repeats else NEUTRAL,
                None,
                "solid" if repeats else "dashed",
                error=errors(curve.se),
                keys={"params": int(params), "repeats": repeats},
                run_ids=[curve.run_ids.iloc[0]],
            )
            for repeats, curve in groups_of(own, "repeats")
        ]
        without = own[own.repeats == 0] if column == "train_loss" else own[:0]
        if len(without):
            tokens = without.tokens.to_numpy(float)
            minorant = convex_minorant(tokens, without[column].to_numpy())
            series.append(Series("convex", tokens, minorant, QUIET, None, "dotted"))
        panels.append(Panel(name, [*series[1:], *series[:1]]))
    if not panels:
        return None
    table = pd.concat(shown)[
        ["scan", "params", "repeats", "tokens", column, "se", "seeds", "run_ids"]
    ]
    return Chart(
        key=column.replace("_", "-"),
        title=title,
        caption=f"{caption}, mean over seeds; bars: one standard error; colour: repeats E. "
        "Dashed: the control.",
        reading=reading,
        table=table,
        panels=panels,
        x=Axis("training tokens", counts=True),
        y=Axis(label),
        legend="repeats E",
    )


def _means(study: Study, column: str) -> pd.DataFrame:
    curves = _with_slope(study.curves) if column == "in_context_slope" else study.curves
    cell = ["setting", "params", "repeated_fraction", "repeats"]
    curves = curves.merge(study.results[["run_id", *cell]], on="run_id")
    grouped = curves[curves.setting >= 0].dropna(subset=column).groupby([*cell, "tokens"])
    found = grouped[column].agg(["mean", "sem", "size"])
    found.columns = [column, "se", "seeds"]
    return found.assign(run_ids=run_ids_of(grouped)).reset_index()


def _with_slope(curves: pd.DataFrame) -> pd.DataFrame:
    """The curves with `in_context_slope`, where the score was measured."""
    curves = curves[curves.tokens > 0].dropna(subset="in_context_score")
    curves = curves.sort_values(["run_id", "tokens"])
    slopes = [
        slope(own.tokens.to_numpy(float), own.in_context_score.to_numpy())
        for _, own in groups_of(curves, "run_id")
    ]
    return curves.assign(in_context_slope=np.concatenate(slopes)) if slopes else curves


COPYING = Finding(
    "copying while training",
    question=Question.ELSE,
    needs={"curves": ("random_copying_loss",)},
    charts=(copying_while_training,),
)
IN_CONTEXT = Finding(
    "in-context learning while training",
    question=Question.ELSE,
    needs={"curves": ("in_context_score",)},
    charts=(in_context_while_training, in_context_slope),
)
BUMP = Finding(
    "bump of the training loss",
    question=Question.ELSE,
    needs={"curves": ("train_loss",)},
    charts=(training_loss_bump,),
)
