"""Induction heads: which heads, when, what they look at, and where their model goes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.figures.chart import Axis, Chart, Heat, Panel, Series, ramp
from analysis.figures.choice import runs_told
from analysis.trajectories import trajectories
from analysis.words import count

_MOST_RUNS = 4


def head_map(analysis) -> Chart | None:
    """Prefix matching of every head over training, a panel a run."""
    heads, panels, shown = analysis.study.details.get("heads"), [], []
    for run_id, title, keys in _runs_to_show(analysis, heads):
        own = heads[heads.run_id == run_id].sort_values(["layer", "head", "tokens"])
        shown.append(own.assign(run=title))
        grid = own.pivot(index=["layer", "head"], columns="tokens", values="prefix_matching")
        heat = Heat(
            [count(tokens) for tokens in grid.columns],
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


def attention_patterns(analysis) -> Chart | None:
    """Where the most induction-like head of each shown run looks, on repeated random tokens."""
    patterns, panels, shown = analysis.study.details.get("patterns"), [], []
    heads = analysis.study.details.get("heads")
    if heads is None:
        return None
    for run_id, title, keys in _runs_to_show(analysis, patterns):
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


def loss_trajectories(analysis) -> Chart | None:
    """The ways of runs through the space of per-token losses: two principal components."""
    vectors, series = analysis.study.details.get("vectors"), []
    chosen = _runs_to_show(analysis, vectors)
    if not chosen:
        return None
    vectors = vectors[vectors.run_id.isin([run_id for run_id, *_ in chosen])]
    if vectors.vector.map(len).nunique() > 1:
        return None  # of several held-out sets, which have no axes in common
    ways = trajectories(vectors.assign(all=0), ["all"])
    inks = ramp(range(len(chosen)))
    for number, (run_id, title, keys) in enumerate(chosen):
        own = ways[ways.run_id == run_id].sort_values("tokens")
        series.append(
            Series(
                *(title, own["first"].to_numpy(), own["second"].to_numpy()),
                inks[number],
                hover=[f"{title}, {count(tokens)} tokens" for tokens in own.tokens],
                keys=keys,
                run_ids=[[run_id]] * len(own),
            )
        )
    return Chart(
        key="loss-trajectories",
        title="Ways through loss space",
        caption="First two principal components of the losses at fixed held-out tokens, one point "
        f"an evaluation; they hold {ways.explained.iloc[0]:.0%} of the variance.",
        reading="Runs leave together; where one turns and others go on, it has begun to learn "
        "something that they do not: with induction heads, to copy.",
        table=ways,
        panels=[Panel("", series)],
        x=Axis("first component (nats)"),
        y=Axis("second component (nats)"),
        legend="run",
    )


def _runs_to_show(analysis, details: pd.DataFrame | None) -> list[tuple[str, str, dict]]:
    """(run_id, title, keys) of few runs that `details` has: at the size and seed where repetition
    costs most the control and the repeats tried; without repetition, a control a size and setting."""
    if details is None or details.empty:
        return []
    runs = runs_told(analysis)
    runs = runs[runs.run_id.isin(details.run_id)]
    runs = runs[runs.seed == runs.seed.min()].sort_values(["params", "repeats", "run_id"])
    runs = runs.drop_duplicates(["setting", "params", "repeats"])
    if len(runs) > _MOST_RUNS:
        runs = runs.iloc[np.linspace(0, len(runs) - 1, _MOST_RUNS).round().astype(int)]
    shown = []
    for row in runs.itertuples():
        if len(analysis.peaks):
            title = f"E = {row.name}" if row.repeats else row.name
        else:
            title = f"N = {count(row.params)}" + (f", {row.name}" if row.name else "")
        shown.append((row.run_id, title, {"params": int(row.params), "repeats": row.repeats}))
    return shown
