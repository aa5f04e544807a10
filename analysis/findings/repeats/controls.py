"""The controls, runs without repetition: their mean loss, and the law of it in params."""

from __future__ import annotations

import pandas as pd

from analysis.errors import AnalysisError
from analysis.findings.finding import Analysis, Finding, Question
from analysis.laws import PowerLaw
from analysis.rows import groups_of, run_ids_of
from analysis.study import Study
from analysis.study.scans import in_brackets

_MOST_LABELS = 3


def smallest_control(analysis: Analysis, scan: int) -> float:
    """The params of the smallest control of a scan: no effective params can be read off below them."""
    scans, controls = analysis.study.scans.set_index("scan"), analysis.study.controls
    return float(controls.params[controls.setting == scans.setting[scan]].min())


def control_curves(study: Study) -> tuple[dict[int, PowerLaw], list[str]]:
    """The control law of every setting that has one, and a sentence for each reason that others have none."""
    laws: dict[int, PowerLaw] = {}
    without: dict[str, list[str]] = {}
    for setting, controls in groups_of(study.controls, "setting"):
        try:
            laws[setting] = PowerLaw.through(controls.params, controls.test_loss)
        except AnalysisError as error:
            labels = study.scans.label[study.scans.setting == setting]
            without.setdefault(str(error), []).extend(labels)
    notes = []
    for reason, labels in without.items():
        more = len(labels) - _MOST_LABELS
        named = "; ".join(labels[:_MOST_LABELS]) + (f"; and {more} more" if more > 0 else "")
        notes.append(f"No multiplier for {named}: {reason}. Damage in nats is computed.")
    return laws, notes


def mean_controls(study: Study) -> pd.DataFrame:
    """Mean test loss of the controls over seeds: one row a (setting, params)."""
    grouped = study.controls.groupby(["setting", "params"])
    losses = grouped[["test_loss", "ood_loss", "unique_loss"]].mean()
    losses["test_loss_se"], losses["seeds"] = grouped.test_loss.sem(), grouped.size()
    return losses.assign(run_ids=run_ids_of(grouped)).reset_index()


def control_sentences(analysis: Analysis) -> list[str]:
    """How the loss falls with size where nothing is repeated, one sentence a law."""
    study, sentences = analysis.study, []
    for setting, law in analysis.laws.items():
        where = in_brackets(study.setting_labels[setting], fraction=False)
        sizes = study.controls[study.controls.setting == setting].params.nunique()
        sentences.append(
            f"Without repetition{where}, test loss falls with params as N^-{law.alpha:.3f} "
            f"({sizes} sizes)."
        )
    return sentences


CONTROLS = Finding(
    "controls",
    question=Question.LARGE,
    tables={"controls": lambda analysis: mean_controls(analysis.study)},
    sentences=control_sentences,
    notes=lambda analysis: (
        control_curves(analysis.study)[1] if len(analysis.study.repeated) else []
    ),
)
