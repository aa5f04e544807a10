"""What a model loses without a head: causal evidence for what its heads do (Olsson et al. 2022)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.figures.chart import NEUTRAL, QUIET, Axis, Chart, Panel, Series, ramp
from analysis.findings.finding import Analysis, Finding, Question
from analysis.findings.induction.shown import runs_told
from analysis.rows import rows_of

_MODES = {"full": "full ablation", "pattern": "patterns preserved"}
_CHANGES = {
    "test_change": "test loss",
    "in_context_change": "in-context-learning score",
    "copying_change": "loss on later copies of random tokens",
}


def ablated_heads(analysis: Analysis) -> Chart | None:
    """What copying loses without each head over how well the head matches prefixes, one panel a mode."""
    found, heads = _ablations_told(analysis), analysis.study.details.get("heads")
    if found.empty or heads is None:
        return None
    found = found[found.kind == "head"]
    last = heads[heads.step == heads.groupby("run_id").step.transform("max")]
    scores = last[["run_id", "layer", "head", "prefix_matching"]]
    found = found.merge(scores, on=["run_id", "layer", "head"])
    panels = [
        Panel(
            title,
            _points(
                found[found["mode"] == mode],
                *("prefix_matching", "copying_change"),
                lambda row: f"head {row.layer}.{row.head}",
            ),
        )
        for mode, title in _MODES.items()
    ]
    return Chart(
        key="ablated-heads",
        title="Heads ablated one by one",
        caption="What is added to the loss on later copies of random tokens when a head's output is "
        "zeroed, over its prefix matching; one point a head of a run at the end of its training. With "
        "patterns preserved later heads look where they did, so that only values are lost.",
        reading="Heads to the right that stand high are the ones that copy; a head that stands high on "
        "the left in full ablation alone is one that others build on.",
        table=found.drop(columns=["step", "tokens"]),
        panels=panels,
        x=Axis("prefix matching of the head"),
        y=Axis("change of copying loss (nats)"),
        legend=_legend(analysis),
    )


def induction_against_random(analysis: Analysis) -> Chart | None:
    """What is lost without the most induction-like heads over what is lost without as many others."""
    keys = ["run_id", "name", "repeats", "params"]
    found = _ablations_told(analysis)
    if found.empty:
        return None
    found = found[found["mode"] == "full"]
    induction, random = (found[found.kind == kind] for kind in ("induction", "random"))
    mean = random.groupby("run_id")[list(_CHANGES)].mean().add_suffix("_random")
    found = induction[[*keys, *_CHANGES]].join(mean, on="run_id")
    panels = []
    for change, title in _CHANGES.items():
        both = found[[change, f"{change}_random"]].to_numpy()
        ends = np.array([min(0.0, both.min()), both.max() * 1.05])
        series = _points(found, f"{change}_random", change, lambda row: "")
        panels.append(Panel(title, [Series("alike", ends, ends, QUIET, None, "dashed"), *series]))
    return Chart(
        key="induction-against-random",
        title="Induction heads ablated together",
        caption="What is added when the heads that match prefixes best (half of all, at most three) "
        "are zeroed together, over the mean of as many drawn at random from the others; one point a "
        "run at the end of its training.",
        reading="Above the dashed line the induction heads matter more than as many others do.",
        table=found,
        panels=panels,
        x=Axis("change without random heads (nats)"),
        y=Axis("without induction heads (nats)"),
        legend=_legend(analysis),
    )


def _ablations_told(analysis: Analysis) -> pd.DataFrame:
    """The ablations in all seeds of `runs_told`, with the runs' `name`."""
    ablations = analysis.study.details["ablations"]
    runs = runs_told(analysis)[["run_id", "name", "repeats", "params", "seed"]]
    return ablations.drop(columns="index_changes", errors="ignore").merge(runs, on="run_id")


def _legend(analysis: Analysis) -> str:
    """What the names of `runs_told` are."""
    return "repeats E" if len(analysis.peaks) else "setting"


def _points(found: pd.DataFrame, x: str, y: str, told) -> list[Series]:
    order = found.drop_duplicates("name").sort_values(["repeats", "name"]).name.tolist()
    inks = ramp(range(len(order)))
    return [
        Series(
            name or "runs",
            *(own[x].to_numpy(), own[y].to_numpy()),
            NEUTRAL if name == "control" else inks[number],
            line=None,
            hover=[f"{name} {told(row)}: {getattr(row, y):+.3f} nats" for row in rows_of(own)],
            keys={"params": int(own.params.iloc[0])},
            run_ids=[[run] for run in own.run_id],
        )
        for number, name in enumerate(order)
        if len(own := found[found.name == name])
    ]


ABLATION = Finding(
    "ablated heads",
    question=Question.ELSE,
    needs={"ablations": ("kind", "mode", *_CHANGES)},
    charts=(ablated_heads, induction_against_random),
)
