"""How sure a model is of what it was never told, beside what it was told often."""

from __future__ import annotations

import pandas as pd

from analysis.figures.chart import ALERT, NEUTRAL, Axis, Chart, Panel, Series, errors
from analysis.figures.choice import size_panels, with_labels
from analysis.findings import seeds
from analysis.findings.finding import Analysis, Finding, Question
from analysis.findings.knowing.told import CELL, NEVER, at_the_end, beside_control, of_scan
from analysis.findings.seeds import cells_over_seeds
from analysis.rows import groups_of, highest, lowest, rows_of
from analysis.study.scans import in_brackets
from analysis.words import count


def unseen(analysis: Analysis) -> pd.DataFrame:
    """One row a cell: `confidence` in answers about facts that were never stated, the highest of the
    probabilities, and `accuracy`, the share of them that is right; `change` of the confidence from the
    control of the same seed; means over seeds with their intervals. `like` is the most exposures of a rung
    that is held with no more confidence."""
    rows = at_the_end(analysis.study, "knowledge")
    rows = beside_control(rows[rows.asked == "name"], ["exposures"], ["confidence"])
    never = rows[rows.exposures == 0]
    if never.empty:
        return pd.DataFrame()
    never = never.assign(change=never.confidence - never.control_confidence)
    cells = cells_over_seeds(never, CELL, ["n", "values", "confidence", "accuracy", "change"])
    rungs = rows.groupby([*CELL, "exposures"]).confidence.mean().rename("held").reset_index()
    rungs = rungs.merge(cells[[*CELL, "confidence"]], on=CELL)
    like = rungs[rungs.held <= rungs.confidence].groupby(CELL).exposures.max().rename("like")
    return cells.join(like, on=CELL)


def unseen_sentences(analysis: Analysis) -> list[str]:
    """How sure the largest size is of what it was never told, and where repetition changes that most."""
    table, sentences = analysis.unseen, list[str]()
    for scan in rows_of(analysis.study.scans) if len(table) else ():
        own = of_scan(table, scan)
        own = own[own.params == own.params.max()]
        control, repeated = own[own.repeats == 0], own[own.repeats > 0].dropna(subset=["change"])
        if control.empty:
            continue
        row = control.iloc[0]
        where = f"N = {count(row.params)}{in_brackets(scan.label, fraction=True)}"
        text = (
            f"Facts that were never stated are answered with a confidence of {row.confidence:.2f} and "
            f"right in {row.accuracy:.3f} of {row.n:,.0f} a run, by luck in {1 / row['values']:.3f}, at "
            f"{where}"
        )
        if row.like > 0:
            text += f"; facts stated {row.like:,.0f} times are held with no more confidence"
        if len(repeated):
            text += f"; {_changed(highest(repeated.assign(far=repeated.change.abs()), 'far'))}"
        sentences.append(f"{text}.")
    return sentences


def _changed(row) -> str:
    text = (
        f"beside a pool that is seen {row.repeats:,.0f} times with {row.confidence:.2f} and right in "
        f"{row.accuracy:.3f}, a change of confidence by {row.change:+.3f}"
    )
    return text + seeds.told(row.change_low, row.change_high, "+.3f", 0.0)


def sure_and_right(analysis: Analysis) -> Chart | None:
    """Confidence and accuracy over exposures, never among them: control, and the repeat count that leaves
    least known; a panel a (scan, size)."""
    known, panels = analysis.known, []
    known = known[known.asked == "name"] if len(known) else known
    known = (
        known[known.groupby("setting").exposures.transform("nunique") > 1] if len(known) else known
    )
    if known.empty or not (known.exposures == 0).any():
        return None
    for scan, params, name in size_panels(analysis.study.scans, known):
        own, series = of_scan(known, scan, params), []
        repeated = own[own.repeats > 0]
        shown = {0.0}
        if len(repeated):
            means = repeated.groupby("repeats").probability.mean().reset_index()
            shown.add(lowest(means, "probability").repeats)
        for repeats, line in groups_of(own[own.repeats.isin(shown)], "repeats"):
            told, ink = (f"E = {repeats:,.0f}", ALERT) if repeats else ("control", NEUTRAL)
            x = line.exposures.clip(lower=NEVER).to_numpy(float)
            for measure, way, line_style, marker in (
                ("confidence", "confidence", "solid", "o"),
                ("accuracy", "share right", "dashed", "s"),
            ):
                series.append(
                    Series(
                        f"{way}, {told}",
                        *(x, line[measure].to_numpy(), ink, marker, line_style),
                        error=errors(line[f"{measure}_high"] - line[measure]),
                        hover=[_hover(row) for row in rows_of(line)],
                        keys={"params": int(params), "repeats": repeats},
                        run_ids=line.run_ids.to_list(),
                    )
                )
        panels.append(Panel(name, series))
    return Chart(
        key="confidence-in-the-unseen",
        title="How sure of what was never said",
        caption="Confidence in answers about facts, the highest of the probabilities, and the share that "
        "is right, over the times that they were stated; the leftmost points are facts that never were. "
        "In colour: beside the pool that leaves least known. Bars: 95 % over seeds.",
        reading="A model that knew what it does not know would have both lines fall together on the left.",
        table=with_labels(known, analysis.study.scans),
        panels=panels,
        x=Axis("exposures (leftmost: never)", log=True, counts=True),
        y=Axis("confidence, share right", low=0.0, high=1.0),
        legend="answers",
    )


def _hover(row) -> str:
    often = f"stated {row.exposures:,} times" if row.exposures else "never stated"
    return f"{often}, E = {row.repeats:,.0f}: confidence {row.confidence:.2f}, right {row.accuracy:.3f}"


UNSEEN = Finding(
    "what was never said",
    question=Question.KNOWS,
    needs={"knowledge": ("asked", "exposures", "n", "values", "confidence", "accuracy")},
    tables={"unseen": unseen},
    sentences=unseen_sentences,
    charts=(sure_and_right,),
)
