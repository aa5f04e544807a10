"""Hallucination: what share of the facts that a model states, sampled at temperature 1, is false.

Statements of its own accord, and of entities whose names it is given. What was never stated has a
truth as well, which can only be guessed: 1 in 64 is right.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from data_pipelines.corpora.synthetic.facts.lexicon import NAME_TOKENS, TOKENS
from data_pipelines.corpora.synthetic.facts.truth import Truth
from data_pipelines.corpora.synthetic.facts.wording import LONGEST, START, stated
from scaling.probes.probe import Found, Look, Probe, Rows, Subject, Text
from scaling.sampling import ready_to_sample, sample

FREE = 512
"""Documents that are sampled without a name."""
NAMED = 32
"""Entities of each rung whose statement is sampled, at most."""

NOBODY = -1
"""What stands for the exposures of a name that is no entity's."""

_SEED = 5


class Judged(NamedTuple):
    """Whole statements among samples."""

    exposures_S: np.ndarray
    """Of whom they are; NOBODY of a name that is none."""
    false_S: np.ndarray
    """Facts that are false in each: all of them of nobody."""
    broken: int
    """Documents that speak of somebody and are no statement."""


def judge(truth: Truth, tokens_NxL: np.ndarray) -> Judged:
    """Of documents that begin with START, all that follows their end left out."""
    ended = np.cumsum(tokens_NxL[:, 1:] == START, axis=1) - (tokens_NxL[:, 1:] == START)
    documents = tokens_NxL.copy()
    documents[:, 1:][ended > 0] = 0
    found, broken = stated(documents)
    number = {tuple(name): entity for entity, name in enumerate(truth.names_ExN.tolist())}
    entity = np.array([number.get(tuple(n), -1) for n in found[:, :NAME_TOKENS].tolist()], int)
    wrong = found[:, NAME_TOKENS:] != truth.values_ExA[entity]
    nobody = entity < 0
    return Judged(
        np.where(nobody, NOBODY, truth.exposures_E[entity]),
        np.where(nobody, wrong.shape[1], wrong.sum(axis=1)),
        broken,
    )


def by_rung(judged: Judged, facts_each: int, prompt: str, samples: int) -> Rows:
    """A row for each number of exposures that was spoken of: statements, facts in them (`n`), and the
    share of those that is false; beside them all samples, and those that broke off."""
    rows: list[dict[str, Any]] = []
    for exposures in np.unique(judged.exposures_S):
        own = judged.exposures_S == exposures
        about = {"prompt": prompt, "samples": samples, "broken": judged.broken}
        counts = {"exposures": int(exposures), "statements": int(own.sum())}
        n = int(own.sum()) * facts_each
        rows.append(about | counts | {"n": n, "false_share": judged.false_S[own].sum() / n})
    return rows


class Shown(NamedTuple):
    """Rows to be filled: FREE of them begin with START alone, those after them with a name as well."""

    truth: Truth
    tokens_NxL: np.ndarray
    given_N: np.ndarray
    """How many tokens of each."""


def _show(subject: Subject, text: Text) -> Shown:
    truth = text.truth
    assert truth  # the config has asked for facts
    named = np.concatenate([own[:NAMED] for own in truth.rungs.values()])
    tokens = np.zeros((FREE + len(named), LONGEST + 2), np.int32)
    tokens[:, 0] = START
    tokens[FREE:, 1 : 1 + NAME_TOKENS] = TOKENS[truth.names_ExN[named]]
    return Shown(truth, tokens, np.where(np.arange(len(tokens)) < FREE, 1, 1 + NAME_TOKENS))


def _compile(subject: Subject, shown: Shown) -> None:
    ready_to_sample(subject, shown.tokens_NxL, shown.given_N)


def _measure(subject: Subject, shown: Shown, look: Look) -> Found:
    truth, tokens, given = shown
    drawn = sample(subject, look.params, tokens, given, _SEED).tokens_NxL
    facts = truth.values_ExA.shape[1]
    rows: Rows = []
    columns = dict.fromkeys(_COLUMNS, np.nan)
    for prompt, documents in {"none": drawn[:FREE], "name": drawn[FREE:]}.items():
        judged = judge(truth, documents)
        rows += by_rung(judged, facts, prompt, len(documents))
        if prompt == "none":
            groups = {"": judged.exposures_S == judged.exposures_S}
        else:
            groups = {"told_": judged.exposures_S > 0, "never_seen_": judged.exposures_S == 0}
        for name, own in groups.items():
            n = int(own.sum()) * facts
            columns[f"{name}false_n"] = n
            columns[f"{name}false_share"] = judged.false_S[own].sum() / n if n else np.nan
    return Found(columns, {"hallucination": rows})


_COLUMNS = tuple(
    f"{of}{name}" for of in ("", "told_", "never_seen_") for name in ("false_share", "false_n")
)

HALLUCINATION = Probe(
    "hallucination",
    about="share of facts stated at temperature 1 that is false, at the end",
    columns=_COLUMNS,
    tables=("hallucination",),
    fields=("exposures",),
    show=_show,
    measure=_measure,
    last=True,
    compile=_compile,
)
"""Its columns: of what is stated unasked, of entities that were stated, of those that never were."""
