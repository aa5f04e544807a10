"""Knowledge: how many bits of the facts that a run is told its model holds, by their exposures.

A model is asked for each attribute right after a name, and of facts that are stated verbatim in place
as well, where the statement has it. Its exact probability of the true value over all 64 gives bits:
log2(64) less the cross-entropy.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from data_pipelines.corpora.synthetic.facts.lexicon import ATTRIBUTES, VALUES
from data_pipelines.corpora.synthetic.facts.truth import Truth
from data_pipelines.corpora.synthetic.facts.wording import Questions, after_the_name, in_place
from scaling.probes.knowing import reliability
from scaling.probes.knowing.answers import Answers, ask, ready_to_ask
from scaling.probes.probe import Found, Look, Probe, Rows, Subject, Text

ENTITIES = 64
"""Of each rung that are asked for while a run trains; at its end all are."""


def scores(truth: Truth, questions: Questions, answers: Answers) -> dict[str, np.ndarray]:
    """Of each question [Q]: its `exposures`, `bits`, `probability` of the true value, `confidence`,
    the highest probability, whether that is `correct`, and the `mass` on values."""
    log_p = np.take_along_axis(answers.log_p_QxV, questions.value_Q[:, None], axis=1)[:, 0]
    return {
        "exposures": truth.exposures_E[questions.entity_Q],
        "bits": np.log2(VALUES) + log_p / np.log(2),
        "probability": np.exp(log_p),
        "confidence": np.exp(answers.log_p_QxV.max(axis=1)),
        "correct": answers.log_p_QxV.argmax(axis=1) == questions.value_Q,
        "mass": answers.mass_Q,
    }


def by_rung(truth: Truth, scored: dict[str, np.ndarray], how: str) -> Rows:
    """A row a rung of exposures: its entities, the questions asked (`n`), of how many `values` one is true,
    and means over them, bits a fact (below zero where the model is surer of wrong values than evenness
    is)."""
    rows: list[dict[str, Any]] = []
    for exposures, entities in truth.rungs.items():
        own = scored["exposures"] == exposures
        means = {
            name: float(scored[name][own].mean())
            for name in ("bits", "probability", "confidence", "mass")
        }
        about = {"asked": how, "exposures": exposures, "entities": len(entities)}
        about |= {"n": own.sum(), "values": VALUES}
        rows.append(about | means | {"accuracy": float(scored["correct"][own].mean())})
    return rows


def known(rungs: Rows) -> float:
    """Bits that a model holds of all facts: the sum over rungs of facts times bits a fact, where those
    are above zero."""
    return sum(row["entities"] * len(ATTRIBUTES) * max(0.0, row["bits"]) for row in rungs)


class _Shown(NamedTuple):
    truth: Truth
    some: dict[str, Questions]
    all: dict[str, Questions]


def _show(subject: Subject, text: Text) -> _Shown:
    truth = text.truth
    assert truth  # the config has asked for facts
    some = np.concatenate([own[:ENTITIES] for own in truth.rungs.values()])
    return _Shown(truth, _questions(truth, some), _questions(truth, np.arange(len(truth))))


def _questions(truth: Truth, entities: np.ndarray) -> dict[str, Questions]:
    """By how they are asked."""
    asked = {"name": after_the_name(truth, entities)}
    return asked | ({"place": in_place(truth, entities)} if truth.verbatim else {})


def _compile(subject: Subject, shown: _Shown) -> None:
    for questions in shown.all.values():
        ready_to_ask(subject, questions)


def _measure(subject: Subject, shown: _Shown, look: Look) -> Found:
    tables: dict[str, Rows] = {"knowledge": []}
    columns: dict[str, float] = {}
    for how, questions in (shown.all if look.last else shown.some).items():
        scored = scores(shown.truth, questions, ask(subject, look.params, questions))
        rungs = by_rung(shown.truth, scored, how)
        tables["knowledge"] += rungs
        if how == "name":
            columns["bits"] = known(rungs)
            if look.last:  # of a part of each rung it would be of other facts
                answers = scored["confidence"], scored["correct"]
                told = reliability.measure(*answers)
                columns |= {name: told[name.removeprefix("knowledge_")] for name in _CALIBRATION}
                tables["calibration"] = [_OF_FACTS | told]
                tables["reliability"] = [_OF_FACTS | each for each in reliability.bins(*answers)]
    return Found(columns, tables)


_OF_FACTS = {"kind": "facts"}
_CALIBRATION = ("knowledge_rms_ce", "knowledge_rms_ce_floor", "knowledge_n")

KNOWLEDGE = Probe(
    "knowledge",
    about="bits known of the facts that exposures ask for, and confidence in them",
    columns=("bits", *_CALIBRATION),
    tables=("knowledge", "calibration", "reliability"),
    fields=("exposures",),
    show=_show,
    measure=_measure,
    compile=_compile,
)
