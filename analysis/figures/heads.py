"""Induction heads while a model trains: their scores by repeats, which heads, and what they look at."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.figures.chart import NEUTRAL, Axis, Chart, Heat, Panel, Series, errors, ramp
from analysis.figures.choice import size_panels
from analysis.trajectories import trajectories
from analysis.words import count

_MOST_RUNS = 4
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
        "they are its cause.",
        "in-context-learning score (nats per token)",
    ),
    "random_copying_loss": (
        "Copying while training",
        "Loss on later copies of random tokens that are repeated in the context",
        "Nothing but copying helps here: a curve that stays up is a model that cannot copy.",
        "loss on later copies (nats per token)",
    ),
}


def heads_while_training(analysis) -> Chart | None:
    """Prefix matching over training tokens, one line a repeat count, one panel a (scan, size)."""
    return _while_training(analysis, "prefix_matching_score")


def in_context_while_training(analysis) -> Chart | None:
    """The in-context-learning score over training tokens, likewise."""
    return _while_training(analysis, "in_context_score")


def copying_while_training(analysis) -> Chart | None:
    """The loss on copies of random tokens over training tokens, likewise."""
    return _while_training(analysis, "random_copying_loss")


def _while_training(analysis, column: str) -> Chart | None:
    curves = _means(analysis.study, column)
    if curves.empty:
        return None
    title, caption, reading, label = _LINES[column]
    inks, panels, shown = ramp(curves.repeats), [], []
    controls = analysis.controls.merge(analysis.study.scans[["scan", "setting"]], on="setting")
    cells = analysis.cells if len(analysis.cells) else controls
    for scan, params, name in size_panels(analysis, cells):
        own = curves[(curves.setting == scan.setting) & (curves.params == params)]
        own = own[own.repeated_fraction.isin([0, scan.repeated_fraction])]
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
            for repeats, curve in own.groupby("repeats")
        ]
        panels.append(Panel(name, [*series[1:], *series[:1]]))
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


def _means(study, column: str) -> pd.DataFrame:
    if column not in study.curves:
        return pd.DataFrame()
    cell = ["setting", "params", "repeated_fraction", "repeats"]
    curves = study.curves.merge(study.results[["run_id", *cell]], on="run_id")
    grouped = curves[curves.setting >= 0].dropna(subset=column).groupby([*cell, "tokens"])
    found = grouped[column].agg(["mean", "sem", "size"])
    found.columns = [column, "se", "seeds"]
    return found.assign(run_ids=grouped.run_id.agg(list)).reset_index()


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
    results = analysis.study.results
    runs = results[results.run_id.isin(details.run_id) & (results.setting >= 0)]
    peaks = analysis.peaks
    if len(peaks):
        worst = peaks.loc[peaks.damage.idxmax()]
        scan = analysis.study.scans.set_index("scan").loc[worst.scan]
        runs = runs[(runs.setting == scan.setting) & (runs.params == worst.params)]
        runs = runs[runs.is_control | (runs.scan == worst.scan)]
    runs = runs[runs.seed == runs.seed.min()].sort_values(["params", "repeats", "run_id"])
    runs = runs.drop_duplicates(["setting", "params", "repeats"])
    if len(runs) > _MOST_RUNS:
        runs = runs.iloc[np.linspace(0, len(runs) - 1, _MOST_RUNS).round().astype(int)]
    labels = analysis.study.scans.drop_duplicates("setting").set_index("setting").label
    shown = []
    for row in runs.itertuples():
        if len(peaks):
            title = f"E = {row.repeats:,.0f}" if row.repeats else "control"
        else:
            named = labels[row.setting].removeprefix("no repetition").removeprefix(", ")
            title = f"N = {count(row.params)}" + (f", {named}" if named else "")
        shown.append((row.run_id, title, {"params": int(row.params), "repeats": row.repeats}))
    return shown
