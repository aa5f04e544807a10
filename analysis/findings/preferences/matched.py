"""At equal held-out loss, does gold turn sooner by a model whose pairs were repeated?"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from analysis.figures.chart import Axis, Chart, Panel, Series, markers, ramp
from analysis.findings import seeds
from analysis.findings.finding import Analysis, Finding, Question
from analysis.findings.preferences.turning import NEEDS
from analysis.rows import groups_of, rows_of
from analysis.words import count, plural

NEAR = 0.01
"""Nats per comparison, within which two held-out losses are equal."""
_ABOUT = ["run_id", "seed", "turn", "turned", *(f"judge_{n}" for n in ("init", "pairs", "epochs"))]


def matched(turns: pd.DataFrame) -> pd.DataFrame:
    """One row a couple of preference models of one size and seed with held-out losses within `NEAR` of one
    another and unequal epochs: those of the one with `more` epochs and of the one with `fewer`, `sooner`
    (gold turns at a smaller d by the one with more; NaN where it has turned by neither, or at one d) and
    `difference` of their d* (NaN but where it has turned by both). turns: `turning.turns`."""
    rows = []
    for params, own in groups_of(turns.dropna(subset=["judge_preference_loss"]), "judge_params"):
        for one, other in combinations(rows_of(own), 2):
            apart = abs(one.judge_preference_loss - other.judge_preference_loss)
            if one.judge_epochs == other.judge_epochs or apart >= NEAR or one.seed != other.seed:
                continue
            fewer, more = sorted((one, other), key=lambda run: run.judge_epochs)
            ends = [run.turn if run.turned else np.inf for run in (more, fewer)]
            sides = {"more": more, "fewer": fewer}
            row = {"params": params, "difference": np.nan, "sooner": np.nan}
            row |= {f"{side}_{n}": getattr(run, n) for side, run in sides.items() for n in _ABOUT}
            if ends[0] != ends[1]:
                row["sooner"] = float(ends[0] < ends[1])
            if np.isfinite(ends).all():
                row["difference"] = ends[0] - ends[1]
            rows.append(row)
    about = [f"{side}_{name}" for side in ("more", "fewer") for name in _ABOUT]
    return pd.DataFrame(rows, columns=["params", *about, "sooner", "difference"])


def by_seed(couples: pd.DataFrame) -> pd.Series:
    """Mean difference of d* of each seed's couples, which share models and are not independent."""
    return couples.dropna(subset=["difference"]).groupby("more_seed").difference.mean()


def sentences(table: pd.DataFrame) -> list[str]:
    """Over how many couples, how often sooner, and by how much."""
    if table.empty:
        return []
    told, differ = table.dropna(subset=["sooner"]), by_seed(table)
    text = (
        f"Of {plural(len(table), 'couple')} of preference models that differ in epochs and by less than "
        f"{NEAR:g} nats in held-out loss, gold turns sooner by the one with more epochs in "
        f"{int(told.sooner.sum())} and later in {int((1 - told.sooner).sum())}"
    )
    if len(differ):
        value, low, high = seeds.over_seeds(differ)
        text += f"; d* differs by {value:+.2f}{seeds.told(low, high, '+.2f', 0)}, means of seeds"
    return [f"{text}."]


def chart(analysis: Analysis) -> Chart | None:
    """d* against held-out loss, a colour an epoch count and a marker a number of pairs."""
    table = analysis.turns.dropna(subset=["judge_preference_loss"])
    shown = table[table.turned == 1]
    if shown.judge_epochs.nunique() < 2:
        return None
    inks, marks = ramp(shown.judge_epochs), markers(shown.judge_pairs)
    panels = []
    for params, own in groups_of(shown, "judge_params"):
        series = []
        for (epochs, pairs), points in groups_of(own, ["judge_epochs", "judge_pairs"]):
            places = points.judge_preference_loss.to_numpy(), points.turn.to_numpy()
            hover = [
                f"from {run.judge_init}, {run.judge_pairs:,.0f} pairs x {run.judge_epochs:g}, seed "
                f"{run.seed}: d* {run.turn:.2f} ({run.turn_low:.2f} to {run.turn_high:.2f})"
                for run in rows_of(points)
            ]
            ids = [[run] for run in points.run_id]
            name = f"{pairs:,.0f} x {epochs:g}"
            ink, mark = inks[epochs], marks[pairs]
            series.append(Series(name, *places, ink, mark, None, hover=hover, run_ids=ids))
        panels.append(Panel(f"N = {count(params)}", series, keys={"params": int(params)}))
    return Chart(
        key="turn_over_loss",
        title="Where gold turns, at equal held-out loss",
        caption="d at which the best of n by a preference model turns against gold, against the model's "
        "loss on held-out comparisons; where gold has turned within what was sampled.",
        reading="Points above one another have one held-out loss: colours apart there say that epochs "
        "matter beyond it.",
        table=shown.reset_index(drop=True),
        panels=panels,
        x=Axis("held-out loss, nats per comparison"),
        y=Axis("d* where gold turns"),
        legend="pairs x epochs",
    )


MATCHED = Finding(
    "turns_at_equal_loss",
    question=Question.ELSE,
    needs=NEEDS,
    tables={"turns_at_equal_loss": lambda analysis: matched(analysis.turns)},
    sentences=lambda analysis: sentences(analysis.turns_at_equal_loss),
    charts=(chart,),
)
