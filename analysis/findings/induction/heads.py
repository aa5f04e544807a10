"""Induction heads: which heads, when, and what they look at."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.figures.chart import Axis, Chart, Heat, Panel
from analysis.findings.finding import Analysis, Finding, Question
from analysis.findings.induction.shown import runs_to_show
from analysis.words import count


def head_map(analysis: Analysis) -> Chart | None:
    """Prefix matching of every head over training, a panel a run."""
    heads, panels, shown = analysis.study.details["heads"], [], []
    for run_id, title, keys in runs_to_show(analysis, heads):
        own = heads[heads.run_id == run_id].sort_values(["layer", "head", "tokens"])
        shown.append(own.assign(run=title))
        grid = own.pivot(index=["layer", "head"], columns="tokens", values="prefix_matching")
        heat = Heat(
            [count(tokens) for tokens in grid.columns.to_numpy(float)],
            [f"{layer}.{head}" for layer, head in grid.index],
            grid.to_numpy(),
            [[""] * grid.shape[1]] * grid.shape[0],
            "prefix matching",
            [[[run_id]] * grid.shape[1]] * grid.shape[0],
            axes="head %{y} at %{x} tokens, %{z:.2f}",
            log=False,
        )
        panels.append(Panel(title, heat=heat, keys=keys))
    if not panels:
        return None
    return Chart(
        key="head-map",
        title="Which heads, and when",
        caption="Prefix matching of every head (layer.head) at each evaluation, one panel a run.",
        reading="A row that lights up is a head becoming an induction head.",
        table=pd.concat(shown),
        panels=panels,
        x=Axis("training tokens"),
        y=Axis("layer.head"),
    )


def attention_patterns(analysis: Analysis) -> Chart | None:
    """Where the most induction-like head of each shown run looks, on repeated random tokens."""
    details, panels, shown = analysis.study.details, [], []
    heads, patterns = details["heads"], details["patterns"]
    for run_id, title, keys in runs_to_show(analysis, patterns):
        last = heads[(heads.run_id == run_id) & (heads.step == heads.step.max())]
        own = patterns[patterns.run_id == run_id].merge(
            last[["layer", "head", "prefix_matching"]], on=["layer", "head"]
        )
        if own.empty:
            continue
        own = own[own.prefix_matching == own.prefix_matching.max()]
        layer, head, score = own.iloc[0][["layer", "head", "prefix_matching"]]
        side = int(own[["query", "key"]].to_numpy().max()) + 1
        weights = np.zeros((side, side))
        weights[own["query"], own["key"]] = own.weight
        shown.append(own.assign(run=title))
        heat = Heat(
            [str(place) for place in range(side)],
            [str(place) for place in range(side)],
            weights,
            [[""] * side] * side,
            "attention",
            [[[run_id]] * side] * side,
            axes="from %{y} to %{x}, %{z:.2f}",
            log=False,
        )
        name = f"{title}, head {layer:.0f}.{head:.0f} ({score:.2f})"
        panels.append(Panel(name, heat=heat, keys=keys))
    if not panels:
        return None
    return Chart(
        key="attention-patterns",
        title="What the strongest head looks at",
        caption="Attention of the head with the most prefix matching (in brackets) at the end of "
        "training, on random tokens that are repeated four times. Weights below 0.001 are left out.",
        reading="Stripes along the diagonal, one token after each earlier occurrence, are an "
        "induction head's; without them the model has none.",
        table=pd.concat(shown)[["run", "layer", "head", "query", "key", "weight", "run_id"]],
        panels=panels,
        x=Axis("attended token"),
        y=Axis("attending token"),
    )


HEADS = Finding(
    "heads", question=Question.ELSE, needs={"heads": ("prefix_matching",)}, charts=(head_map,)
)
PATTERNS = Finding(
    "attention patterns",
    question=Question.ELSE,
    needs={"heads": ("prefix_matching",), "patterns": ("query", "key", "weight")},
    charts=(attention_patterns,),
)
