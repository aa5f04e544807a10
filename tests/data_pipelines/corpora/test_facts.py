"""`facts`: what is stated is true, as often as asked, in words that can be read back."""

from collections import Counter

import numpy as np
import pytest

from data_pipelines.corpora.synthetic.facts.corpus import Facts
from data_pipelines.corpora.synthetic.facts.ladder import Ladder
from data_pipelines.corpora.synthetic.facts.lexicon import (
    FIRST_ATTRIBUTE,
    FIRST_VALUE,
    TOKENS,
    VALUE_TOKENS,
    WORDINGS,
    WORDS,
)
from data_pipelines.corpora.synthetic.facts.truth import Truth
from data_pipelines.corpora.synthetic.facts.wording import (
    after_the_name,
    in_place,
    stated,
    statements,
)
from data_pipelines.corpora.synthetic.zipf import ZipfProcess
from data_pipelines.errors import OstinatoError

LADDER = Ladder.parse("5x0_4x1_3x20-templates")
START = 1


@pytest.fixture
def truth():
    return Truth.draw(LADDER)


def rows(words_NxW):
    """A row of tokens a statement: START, its words, the end of it."""
    tokens = [[START, *TOKENS[row[row >= 0]], 1] for row in words_NxW]
    return np.array([row + [0] * (20 - len(row)) for row in tokens], np.uint16)


def test_every_word_is_one_and_no_word_of_zipf():
    assert len(set(WORDS)) == len(WORDS) and not any(" " in word for word in WORDS)
    assert not set(WORDS) & set(ZipfProcess(words=2000).lexicon)


def test_names_differ_and_values_are_uniform():
    many = Truth.draw(Ladder.parse("4096x100-templates"))
    assert len(np.unique(many.names_ExN, axis=0)) == 4096
    counts = np.bincount(many.values_ExA.ravel())
    assert len(counts) == 64 and abs(counts - 256).max() < 6 * 16


def test_what_is_stated_is_read_back_in_any_wording(truth):
    entities = np.repeat(np.arange(len(truth)), WORDINGS)
    words = statements(truth, entities, np.tile(np.arange(WORDINGS), len(truth)))
    lengths = (words >= 0).sum(axis=1)
    assert (lengths.min(), lengths.max()) == (11, 13)
    assert len(np.unique(words[:WORDINGS], axis=0)) == WORDINGS
    found, broken = stated(rows(words))
    assert broken == 0 and np.array_equal(found, truth.contents_ExF[entities])


@pytest.mark.parametrize(
    ("place", "word"), [(1, 40), (4, FIRST_ATTRIBUTE + 9), (5, FIRST_ATTRIBUTE), (6, FIRST_VALUE)]
)
def test_what_is_no_whole_statement_is_counted_as_broken(truth, place, word):
    said = rows(statements(truth, np.array([0, 1]), np.array([0, 0])))
    said[0, place] = TOKENS[word]
    found, broken = stated(said)
    assert broken == 1 and np.array_equal(found, truth.contents_ExF[1:2])
    assert stated(said[:1, :9])[1] == 1  # cut off
    assert stated(np.full((2, 9), 300))[1] == 0  # says nothing of anyone


def test_a_question_ends_with_the_attribute_and_its_answer_is_the_truth(truth):
    asked = after_the_name(truth, np.array([2, 7]))
    assert len(asked.entity_Q) == 8
    for row, place, entity, value in zip(*asked[1:], strict=True):
        tokens = asked.tokens_NxL[row]
        assert tokens[0] == START and not tokens[place + 1 :].any()
        assert tokens[1:4].tolist() == TOKENS[truth.names_ExN[entity]].tolist()
        attribute = np.flatnonzero(tokens[place] == TOKENS)[0] - FIRST_ATTRIBUTE
        assert truth.values_ExA[entity, attribute] == value
    assert set(asked.place_Q) == {4, 5}  # without and with an opening


def test_asked_in_place_the_next_token_of_the_statement_is_the_answer(truth):
    entities = np.arange(len(truth))
    asked = in_place(truth, entities)
    whole = rows(statements(truth, entities, truth.wording_E))
    assert np.array_equal(np.bincount(asked.entity_Q), np.full(len(truth), 4))
    answers = whole[asked.row_Q, asked.place_Q + 1]
    assert np.array_equal(answers, VALUE_TOKENS[asked.value_Q])


def test_the_truth_is_kept_in_a_table(truth, tmp_path):
    place = tmp_path / "tfds" / "facts" / "5x0_4x1_3x20-templates" / "1.0.0"
    place.mkdir(parents=True)
    truth.write(place / "truth.parquet")
    again = Truth.read("facts/5x0_4x1_3x20-templates", tmp_path)
    for name in ("exposures_E", "names_ExN", "values_ExA", "wording_E"):
        assert np.array_equal(getattr(again, name), getattr(truth, name))
    assert not again.verbatim
    assert {e: len(own) for e, own in again.rungs.items()} == {0: 5, 1: 4, 20: 3}


def test_a_truth_that_is_gone_is_named(tmp_path):
    with pytest.raises(OstinatoError, match=r"facts/8x3-verbatim has no truth\.parquet"):
        Truth.read("facts/8x3-verbatim", tmp_path)


@pytest.mark.parametrize("how", ["templates", "verbatim"])
def test_each_entity_is_stated_as_often_as_its_rung_says(tmp_path, how):
    corpus = Facts(f"5x0_4x1_3x20-{how}", tmp_path)
    texts: dict[str, list[str]] = {}
    for document in corpus.documents("train"):
        texts.setdefault(document.source, []).append(document.text)
    assert Counter(map(len, texts.values())) == {1: 4, 20: 3}
    ways = [len(set(said)) for said in texts.values() if len(said) == 20]
    assert min(ways) > 5 if how == "templates" else set(ways) == {1}


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("64-templates", "facts/64-templates is none; write entities x exposures"),
        ("64x10", "is none"),
        ("40000x10-templates", "40,000 are more than the 32,768 names"),
        ("64x0-templates", "states nothing"),
    ],
)
def test_a_ladder_that_is_none_is_refused(tmp_path, name, line):
    with pytest.raises(OstinatoError, match=line):
        Facts(name, tmp_path)
