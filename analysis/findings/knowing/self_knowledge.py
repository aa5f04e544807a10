"""Does a model know what it knows? P(IK) and P(True) against the truth (Kadavath et al. 2022).

P(IK): what a head on the frozen trunk foresees, before there is an answer. P(True): what a model that is
fine-tuned to grade says of its own answers. Each beside what needs no training: the highest probability of
a value, or the answer's own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.figures.chart import ALERT, NEUTRAL, Axis, Chart, Panel, Series, errors
from analysis.figures.choice import size_panels, with_labels
from analysis.findings import seeds
from analysis.findings.finding import Analysis, Finding, Question
from analysis.findings.knowing.told import CELL, NEVER, beside_control, of_scan
from analysis.findings.seeds import cells_over_seeds
from analysis.rows import groups_of, highest, rows_of
from analysis.study import Study
from analysis.study.scans import in_brackets
from analysis.words import count


@dataclass(frozen=True)
class Asked:
    """A stage, the predictor that it trains, its baseline (and what that is), and the condition under which
    the predictor is told of."""

    name: str
    predictor: str
    baseline: str
    beside: str
    condition: dict[str, object]
    truth: str
    """Column of the table by exposures that the prediction is held against."""


_STAGES = {
    "p_ik": Asked(
        "P(IK)",
        *("head", "confidence", "the highest probability"),
        {"target": "exact", "trained_on": "all"},
        "probability",
    ),
    "p_true": Asked(
        "P(True)",
        *("p_true", "probability", "the answer's own probability"),
        {"shown": 5},
        "accuracy",
    ),
}
_FIGURES = ["auroc", "gain", "change", "n", "rms_ce", "rms_ce_floor", "brier", "confidence_gap"]
_BY = ["stage", *CELL, "predictor", "group", "after"]


def self_knowledge(analysis: Analysis) -> pd.DataFrame:
    """One row a (stage, cell of the runs that are measured, predictor, group of entities, passage before the
    question): means over seeds with their intervals. `gain` is the AUROC less that of the baseline of the
    same run, `change` that less the one after the control of the same seed."""
    found = [judged(analysis.study, stage) for stage in _STAGES]
    rows = pd.concat(found, ignore_index=True) if found else pd.DataFrame()
    return cells_over_seeds(rows, _BY, _FIGURES) if len(rows) else pd.DataFrame()


def judged(study: Study, stage: str) -> pd.DataFrame:
    """The rows of a stage's table under the condition that is told of, a row a (measured run, predictor,
    group, after); empty without."""
    rows = _of_measured(study, stage, stage)
    if rows.empty:
        return rows
    asked = _STAGES[stage]
    rows = rows.assign(stage=stage, after=rows.get("after", "nothing"))
    same = ["run_id", "group", "after"]
    baseline = rows[rows.predictor == asked.baseline].set_index(same).auroc.rename("baseline")
    rows = rows.join(baseline[~baseline.index.duplicated()], on=same)
    rows["gain"] = rows.auroc - rows.baseline
    rows = beside_control(rows, ["predictor", "group", "after"], ["auroc"])
    return rows.assign(change=rows.auroc - rows.control_auroc)


def _of_measured(study: Study, stage: str, table: str) -> pd.DataFrame:
    """The rows of a stage's table, its predictor's under the condition alone, with the cell and seed of the
    run that is measured."""
    runs, details = study.stages.get(stage), study.details.get(table)
    if runs is None or details is None:
        return pd.DataFrame()
    measured = study.results[["run_id", *CELL, "seed"]].rename(columns={"run_id": "of"})
    rows = details.merge(runs[["run_id", "of"]].merge(measured, on="of"), on="run_id")
    asked = _STAGES[stage]
    told = pd.concat([rows[column] == one for column, one in asked.condition.items()], axis=1)
    return rows[told.all(axis=1) | (rows.predictor != asked.predictor)]


def self_knowledge_sentences(analysis: Analysis) -> list[str]:
    """Of all entities, at the largest size that is measured: AUROC beside the baseline's without repetition,
    and where repetition changes it most."""
    table, sentences = analysis.self_knowledge, list[str]()
    table = table[(table.group == "all") & (table.after == "nothing")] if len(table) else table
    for scan in rows_of(analysis.study.scans) if len(table) else ():
        for stage, own in groups_of(of_scan(table, scan), "stage"):
            asked = _STAGES[stage]
            own = own[(own.predictor == asked.predictor) & (own.params == own.params.max())]
            control = own[own.repeats == 0]
            if control.empty:
                continue
            row = control.iloc[0]
            where = f"N = {count(row.params)}{in_brackets(scan.label, fraction=True)}"
            text = (
                f"{asked.name} tells what is known with an AUROC of {row.auroc:.3f}"
                f"{seeds.told(row.auroc_low, row.auroc_high, '.3f')} at {where}, {row.gain:+.3f}"
                f"{seeds.told(row.gain_low, row.gain_high, '+.3f', 0.0)} on {asked.beside}; RMS-CE "
                f"{row.rms_ce:.3f} (floor {row.rms_ce_floor:.3f}, n {row.n:,.0f})"
            )
            repeated = own[own.repeats > 0].dropna(subset=["change"])
            if len(repeated):
                most = highest(repeated.assign(far=repeated.change.abs()), "far")
                text += (
                    f"; after a pool that is seen {most.repeats:,.0f} times {most.auroc:.3f}, "
                    f"{most.change:+.3f}{seeds.told(most.change_low, most.change_high, '+.3f', 0.0)}"
                )
            sentences.append(f"{text}.")
    return sentences


def auroc_against_repeats(analysis: Analysis) -> Chart | None:
    """AUROC over repeats beside the baseline's, a panel a (stage, scan, size)."""
    table, panels = analysis.self_knowledge, []
    table = table[(table.group == "all") & (table.after == "nothing")] if len(table) else table
    if table.empty or not (table.repeats > 0).any():
        return None
    for stage, cells in groups_of(table, "stage"):
        asked, series_of = _STAGES[stage], {}
        series_of[asked.predictor] = (asked.name, ALERT, "s")
        series_of[asked.baseline] = (asked.beside, NEUTRAL, "o")
        for scan, params, name in size_panels(analysis.study.scans, cells[cells.repeats > 0]):
            own, series = of_scan(cells, scan, params), []
            for predictor, (told, ink, marker) in series_of.items():
                line = own[(own.predictor == predictor) & (own.repeats > 0)]
                ends = np.array([line.repeats.min() / 1.5, line.repeats.max() * 1.5])
                for row in rows_of(own[(own.predictor == predictor) & (own.repeats == 0)]):
                    level = np.full(2, row.auroc)
                    series.append(
                        Series(
                            *(f"{told}, control", ends, level, ink, None, "dashed"),
                            in_legend=False,
                            run_ids=[row.run_ids],
                        )
                    )
                series.append(
                    Series(
                        *(told, line.repeats.to_numpy(float), line.auroc.to_numpy(), ink, marker),
                        error=errors(line.auroc_high - line.auroc),
                        keys={"params": int(params)},
                        run_ids=line.run_ids.to_list(),
                    )
                )
            panels.append(Panel(f"{asked.name}, {name}", series))
    return Chart(
        key="self-knowledge",
        title="Does it know what it knows?",
        caption="How well P(IK) (will the answer be right?) and P(True) (is this answer right?) tell what is "
        "known from what is not, against repeats, each beside what needs no training. One half is luck. "
        "Dashed: the control. Bars: 95 % over seeds.",
        reading="A red line above the black one has learned something of the model's knowledge that its own "
        "probabilities do not say.",
        table=with_labels(table, analysis.study.scans),
        panels=panels,
        x=Axis("repeats E", log=True),
        y=Axis("AUROC", high=1.0),
        legend="predicted by",
    )


def predictions(analysis: Analysis) -> pd.DataFrame:
    """One row a (stage, cell, exposures): mean `prediction` of P(IK) or P(True) and the `truth`, p(correct) or
    the share that is right; over seeds with their intervals."""
    found = []
    for stage, asked in _STAGES.items():
        rows = _of_measured(analysis.study, stage, f"{stage}_exposures")
        if len(rows):
            rows = rows[rows.predictor == asked.predictor]
            rows = rows[rows.after == "nothing"] if "after" in rows else rows
            found.append(rows.assign(stage=stage, truth=rows[asked.truth]))
    if not found:
        return pd.DataFrame()
    rows = pd.concat(found, ignore_index=True)
    return cells_over_seeds(rows, ["stage", *CELL, "exposures"], ["prediction", "truth"])


def foreseen_against_exposures(analysis: Analysis) -> Chart | None:
    """What is foreseen and what is true over exposures, control and the repeat count that leaves least, a panel
    a (stage, scan, size)."""
    table, panels = analysis.predictions, []
    if table.empty:
        return None
    for stage, cells in groups_of(table, "stage"):
        for scan, params, name in size_panels(analysis.study.scans, cells):
            own, series = of_scan(cells, scan, params), []
            least = own[own.repeats > 0].groupby("repeats").truth.mean().nsmallest(1)
            shown = [0.0, *least.index]
            for repeats, line in groups_of(own[own.repeats.isin(shown)], "repeats"):
                told, ink = (f"E = {repeats:,.0f}", ALERT) if repeats else ("control", NEUTRAL)
                x = line.exposures.clip(lower=NEVER).to_numpy(float)
                for measure, way, style, marker in (
                    ("prediction", "foreseen", "solid", "o"),
                    ("truth", "true", "dashed", "s"),
                ):
                    series.append(
                        Series(
                            f"{way}, {told}",
                            *(x, line[measure].to_numpy(), ink, marker, style),
                            error=errors(line[f"{measure}_high"] - line[measure]),
                            keys={"params": int(params), "repeats": repeats},
                            run_ids=line.run_ids.to_list(),
                        )
                    )
            panels.append(Panel(f"{_STAGES[stage].name}, {name}", series))
    return Chart(
        key="foreseen",
        title="What it says it knows, and what it does",
        caption="Mean P(IK) and P(True) of entities that neither was trained on, and the truth (p(correct) of "
        "the question; the share of the answers that is right), over the times that facts were stated; the "
        "leftmost points are facts that never were. Bars: 95 % over seeds.",
        reading="Where a solid line lies above its dashed one, the model claims to know more than it does.",
        table=with_labels(table, analysis.study.scans),
        panels=panels,
        x=Axis("exposures (leftmost: never)", log=True, counts=True),
        y=Axis("probability", low=0.0, high=1.0),
        legend="answers",
    )


SELF_KNOWLEDGE = Finding(
    "self-knowledge",
    question=Question.KNOWS,
    tables={"self_knowledge": self_knowledge, "predictions": predictions},
    sentences=self_knowledge_sentences,
    charts=(auroc_against_repeats, foreseen_against_exposures),
)
