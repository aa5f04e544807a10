"""A run as its way through the space of per-token losses (Olsson et al. 2022).

The first two principal components over all snapshots of all runs show where their ways turn.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.figures.chart import Axis, Chart, Panel, Series, ramp
from analysis.findings.finding import Analysis, Finding, Question
from analysis.findings.induction.shown import runs_to_show
from analysis.words import count


def trajectories(vectors: pd.DataFrame, groups: list[str]) -> pd.DataFrame:
    """`first` and `second` principal component of each snapshot, and the variance they `explain`.

    `vectors` has `run_id`, `step`, `tokens`, `vector` (a list) and the columns `groups`: snapshots
    with equal values there, whose held-out sequences are the same, share their components.
    """
    found = []
    for _, own in vectors.groupby(groups, dropna=False):
        points = np.stack(own["vector"].to_list())
        centred = points - points.mean(axis=0)
        left, size, _ = np.linalg.svd(centred, full_matrices=False)
        first_two = np.zeros((len(own), 2))
        first_two[:, : min(2, len(size))] = (left * size)[:, :2]
        whole = (size**2).sum()
        explained = (size[:2] ** 2).sum() / whole if whole else 0.0
        found.append(
            own[["run_id", "step", "tokens"]].assign(
                first=first_two[:, 0], second=first_two[:, 1], explained=explained
            )
        )
    return pd.concat(found, ignore_index=True)


def loss_trajectories(analysis: Analysis) -> Chart | None:
    """The ways of runs through the space of per-token losses: two principal components."""
    vectors, series = analysis.study.details["vectors"], []
    chosen = runs_to_show(analysis, vectors)
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


TRAJECTORIES = Finding(
    "ways through loss space",
    question=Question.ELSE,
    needs={"vectors": ("vector",)},
    charts=(loss_trajectories,),
)
