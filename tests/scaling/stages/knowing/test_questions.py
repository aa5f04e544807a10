"""Who is asked and who is learnt from, and what stands in a row."""

import numpy as np

from data_pipelines.corpora.synthetic.facts.ladder import Ladder
from data_pipelines.corpora.synthetic.facts.lexicon import ATTRIBUTES, SPECIAL, VALUE_TOKENS, WORDS
from data_pipelines.corpora.synthetic.facts.truth import Truth
from data_pipelines.corpora.synthetic.facts.wording import after_the_name
from scaling.stages.knowing.questions import (
    PASSAGE,
    after_passages,
    answered,
    grading_tokens,
    halves,
)

TRUTH = Truth.draw(Ladder.parse("41x0_20x3_1x9-templates"))
SIZE = 400


def test_every_entity_is_a_judge_or_asked_and_none_is_both():
    judges, asked = halves(TRUTH)
    assert sorted([*judges, *asked]) == list(range(len(TRUTH)))
    for own in TRUTH.rungs.values():
        assert np.isin(judges, own).sum() - np.isin(asked, own).sum() in (0, 1)


def test_a_question_after_a_passage_is_the_question():
    questions = after_the_name(TRUTH, np.arange(5))
    passages = np.arange(3 * 30).reshape(3, 30) % 90 + 300
    after = after_passages(questions, passages, PASSAGE)
    for row, place in enumerate(after.place_Q):
        own = questions.tokens_NxL[row][questions.tokens_NxL[row] > 0]
        assert after.tokens_NxL[row, :PASSAGE].tolist() == passages[row % 3, :PASSAGE].tolist()
        assert after.tokens_NxL[row, PASSAGE : PASSAGE + len(own)].tolist() == own.tolist()
        attribute = WORDS[after.tokens_NxL[row, place] - SPECIAL]
        assert attribute == ATTRIBUTES[row // 5]


def test_an_answer_stands_behind_its_samples_or_behind_none():
    questions = after_the_name(TRUTH, np.arange(1))
    samples = np.array([[1, 2, 3, 4, 5], [-1] * 5, [7] * 5, [0] * 5])
    answer = np.array([60, 61, 62, 63])
    rows = answered(questions, samples, answer, SIZE)
    bar, mark, _, _ = grading_tokens(SIZE)
    assert bar == SIZE
    for row in range(4):
        question = questions.tokens_NxL[row][questions.tokens_NxL[row] > 0].tolist()
        shown = VALUE_TOKENS[samples[row][samples[row] >= 0]].tolist()
        expected = [*question, bar, *shown, bar, VALUE_TOKENS[answer[row]], mark]
        assert rows.tokens_NxL[row][rows.tokens_NxL[row] > 0].tolist() == expected
        assert rows.place_N[row] == len(expected) - 1
