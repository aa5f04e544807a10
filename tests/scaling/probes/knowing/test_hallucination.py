"""Hallucination of a model that can state one biography alone."""

import numpy as np
import pytest

from data_pipelines.corpora.synthetic.facts.ladder import Ladder
from data_pipelines.corpora.synthetic.facts.lexicon import TOKENS, VALUES
from data_pipelines.corpora.synthetic.facts.truth import Truth
from data_pipelines.corpora.synthetic.facts.wording import START, statements
from scaling.probes.knowing.hallucination import FREE, HALLUCINATION, NAMED, NOBODY, judge
from scaling.probes.probe import Look, Text
from scaling.sampling import sample


@pytest.fixture
def truth():
    """Of the first entity, stated 10 times, all values differ, so that each word follows one other."""
    drawn = Truth.draw(Ladder.parse("40x0_50x10-templates"))
    drawn.values_ExA[40] = [3, 1, 4, 2]
    return drawn


def speaker(params, truth, entity):
    """The weights of a model that says one statement again and again, and its tokens."""
    words = statements(truth, np.array([entity]), np.array([0]))[0]
    said = [START, *TOKENS[words[words >= 0]], START]
    table = np.zeros((384, 384))
    table[said[:-1], said[1:]] = 40
    return params(table), said


def told(of_words, truth, entity):
    program, params = of_words
    weights, _ = speaker(params, truth, entity)
    shown = HALLUCINATION.show(program, Text(np.zeros((2, 17)), np.arange(3), {}, truth))
    return shown, lambda truth: HALLUCINATION.measure(
        program,
        shown._replace(truth=truth),
        Look(weights, np.zeros((1, 1)), True, {}),
    )


@pytest.mark.slow
def test_who_states_the_truth_hallucinates_nothing_and_who_errs_in_one_a_quarter(of_words, truth):
    _, measured = told(of_words, truth, 40)
    found = measured(truth)
    assert (found.columns["false_share"], found.columns["false_n"]) == (0, 4 * FREE)
    assert found.tables["hallucination"][0]["exposures"] == 10
    truth.values_ExA[40, 2] = (truth.values_ExA[40, 2] + 1) % VALUES
    assert measured(truth).columns["false_share"] == 0.25
    assert set(found.columns) == set(HALLUCINATION.columns)


@pytest.mark.slow
def test_what_is_given_is_kept_and_the_rest_is_drawn(of_words, truth):
    program, params = of_words
    weights, said = speaker(params, truth, 40)
    rows = np.zeros((300, 13), np.int32)
    rows[:, 0], rows[:, 1] = START, np.arange(300)
    given = np.where(np.arange(300) % 2, 1, 2)
    drawn = sample(program, weights, rows, given, 0).tokens_NxL
    assert drawn[1::2].tolist() == [said] * 150
    assert drawn[::2, 1].tolist() == [*range(0, 300, 2)]


@pytest.mark.slow
def test_even_odds_are_drawn_evenly(of_words):
    program, params = of_words
    table = np.full((384, 384), -30.0)
    table[:, 100:104] = np.log([0.1, 0.2, 0.3, 0.4])
    rows = np.full((1024, 6), START, np.int32)
    drawn = sample(program, params(table), rows, np.ones(1024), 7).tokens_NxL[:, 1:]
    shares = np.bincount(drawn.ravel(), minlength=104)[100:104] / drawn.size
    assert shares == pytest.approx([0.1, 0.2, 0.3, 0.4], abs=0.02)
    assert len(np.unique(drawn, axis=0)) > 400  # rows and blocks of rows differ


def test_statements_are_judged_by_whom_they_are_of(truth):
    words = statements(truth, np.array([0, 40, 41, 41]), np.arange(4) * 5)
    rows = [[START, *TOKENS[row[row >= 0]], START, 9, 9, 9, 9] for row in words]
    rows[2][1] = int(TOKENS[(truth.names_ExN[41, 0] + 1) % 32])  # another's, or nobody's
    rows[3] = rows[3][:8]  # breaks off
    tokens = np.array([row + [0] * (22 - len(row)) for row in rows])
    found = judge(truth, tokens)
    assert found.broken == 1
    assert found.exposures_S.tolist() == [0, 10, NOBODY]
    assert found.false_S.tolist() == [0, 0, 4]


def test_names_of_each_rung_are_prompts(of_words, truth):
    shown, _ = told(of_words, truth, 40)
    rows, given = shown.tokens_NxL[FREE:], shown.given_N[FREE:]
    assert (shown.given_N[:FREE] == 1).all() and not shown.tokens_NxL[:FREE, 1:].any()
    assert len(rows) == 2 * NAMED and (given == 4).all() and not rows[:, 4:].any()
    names = {tuple(TOKENS[name]) for name in truth.names_ExN[[*range(NAMED), *range(40, 72)]]}
    assert {tuple(row) for row in rows[:, 1:4]} == names
