"""How facts are said: statements as words, questions as tokens, and what tokens state.

A wording is a number: its opening, its joint, and the order of the attributes. A statement is 11 to 13
words: a name, then each attribute and its value.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from data_pipelines.config.vocabulary_file import SPECIAL
from data_pipelines.corpora.synthetic.facts.lexicon import (
    ATTRIBUTES,
    FIRST_ATTRIBUTE,
    FIRST_OTHER,
    FIRST_VALUE,
    JOINTS,
    NAME_TOKENS,
    NAMES,
    NAMES_A_PLACE,
    OPENINGS,
    ORDERS,
    VALUES,
)
from data_pipelines.corpora.synthetic.facts.truth import Truth

START = 1
"""The end of the document before, which every row of facts and every question begins with."""

LONGEST = NAME_TOKENS + 2 * len(ATTRIBUTES) + 2
"""Words of a statement at most."""

_NONE = -1
_OPENING, _JOINT = FIRST_OTHER, FIRST_OTHER + len(OPENINGS) - 1
_CONTENT = NAME_TOKENS + 2 * len(ATTRIBUTES)


def statements(truth: Truth, entities: np.ndarray, wording: np.ndarray) -> np.ndarray:
    """Words of statements of `entities` [n], as places in `lexicon.WORDS`, the unused places -1:
    int64 [n, LONGEST]."""
    opening, joint, order = _parts(wording)
    words = np.full((len(entities), LONGEST), _NONE)
    words[:, :NAME_TOKENS] = truth.names_ExN[entities]
    words[:, NAME_TOKENS] = np.where(opening > 0, _OPENING + opening - 1, _NONE)
    at = NAME_TOKENS + 1 + 2 * np.arange(len(ATTRIBUTES))
    at[-1] += 1
    words[:, at] = FIRST_ATTRIBUTE + order
    values = np.take_along_axis(truth.values_ExA[entities], order, axis=1)
    words[:, at + 1] = FIRST_VALUE + values
    words[:, at[-1] - 1] = np.where(joint > 0, _JOINT + joint - 1, _NONE)
    return words


class Questions(NamedTuple):
    """Beginnings of statements, and where a value is asked for."""

    tokens_NxL: np.ndarray
    """Begins with START; padded with 0 after the last question."""
    row_Q: np.ndarray
    """Of `tokens_NxL`."""
    place_Q: np.ndarray
    """The attribute's place in the row: what is predicted there is the value."""
    entity_Q: np.ndarray
    value_Q: np.ndarray
    """The true one, 0..VALUES-1."""


def after_the_name(truth: Truth, entities: np.ndarray) -> Questions:
    """Each attribute of each entity, asked for right after the name, with the opening of the entity's
    own wording where it has one, else with all in turn."""
    entity, attribute = (a.ravel() for a in np.meshgrid(entities, range(len(ATTRIBUTES))))
    opening = _parts(truth.wording_E[entity])[0]
    if not truth.verbatim:
        opening = (entity + attribute) % len(OPENINGS)
    words = np.full((len(entity), NAME_TOKENS + 2), _NONE)
    words[:, :NAME_TOKENS] = truth.names_ExN[entity]
    words[:, NAME_TOKENS] = np.where(opening > 0, _OPENING + opening - 1, _NONE)
    words[:, -1] = FIRST_ATTRIBUTE + attribute
    place = NAME_TOKENS + 1 + (opening > 0)
    value = truth.values_ExA[entity, attribute]
    return Questions(_tokens(words), np.arange(len(entity)), place, entity, value)


def in_place(truth: Truth, entities: np.ndarray) -> Questions:
    """Each attribute of each entity, asked for where a statement of it in the entity's own wording has
    it, the true values before."""
    words = statements(truth, entities, truth.wording_E[entities])
    tokens = _tokens(words)[:, :-1]
    row, place = np.nonzero(
        (tokens >= SPECIAL + FIRST_ATTRIBUTE) & (tokens < SPECIAL + FIRST_VALUE)
    )
    attribute = tokens[row, place] - SPECIAL - FIRST_ATTRIBUTE
    entity = entities[row]
    return Questions(tokens, row, place, entity, truth.values_ExA[entity, attribute])


def stated(tokens_NxL: np.ndarray) -> tuple[np.ndarray, int]:
    """What whole statements among the documents of rows say: a name's words and the value of each
    attribute, int64 [n, N + A] in the order of the rows; and how many documents that hold words of
    facts are none."""
    words = np.concatenate([[START], tokens_NxL.ravel()]).astype(np.int64) - SPECIAL
    start = START - SPECIAL
    other = (words >= FIRST_OTHER) & (words < FIRST_OTHER + len(OPENINGS) + len(JOINTS) - 2)
    words = words[(words != -SPECIAL) & ~other]  # without padding
    starts = np.flatnonzero(words == start)
    lengths = np.diff(starts, append=len(words)) - 1
    whole = starts[lengths == _CONTENT][:, None] + 1 + np.arange(_CONTENT)
    found = words[whole]
    names = found[:, :NAME_TOKENS]
    attributes, values = found[:, NAME_TOKENS::2] - FIRST_ATTRIBUTE, found[:, NAME_TOKENS + 1 :: 2]
    sound = (names // NAMES_A_PLACE == np.arange(NAME_TOKENS)).all(axis=1)
    sound &= (np.sort(attributes, axis=1) == np.arange(len(ATTRIBUTES))).all(axis=1)
    values = values - FIRST_VALUE
    sound &= ((values >= 0) & (values < VALUES)).all(axis=1)
    order = np.argsort(attributes[sound], axis=1)
    values = np.take_along_axis(values[sound], order, axis=1)
    document = np.repeat(np.arange(len(starts)), lengths + 1)
    named = np.unique(document[(words >= 0) & (words < len(NAMES))])
    return np.concatenate([names[sound], values], axis=1), len(named) - int(sound.sum())


def _parts(wording: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Opening and joint [n], order of the attributes [n, A]."""
    rest, opening = np.divmod(wording, len(OPENINGS))
    order, joint = np.divmod(rest, len(JOINTS))
    return opening, joint, ORDERS[order]


def _tokens(words_NxW: np.ndarray) -> np.ndarray:
    """Tokens after START, without the unused places, padded: int32 [n, W + 1]."""
    order = np.argsort(words_NxW == _NONE, axis=1, kind="stable")
    words = np.take_along_axis(words_NxW, order, axis=1)
    tokens = np.where(words == _NONE, 0, words + SPECIAL)
    return np.pad(tokens, ((0, 0), (1, 0)), constant_values=START).astype(np.int32)
