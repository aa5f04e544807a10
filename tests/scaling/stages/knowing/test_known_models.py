"""Heads and baselines on models whose answers are known."""

import numpy as np
import pytest

from data_pipelines.corpora.synthetic.facts.ladder import Ladder
from data_pipelines.corpora.synthetic.facts.lexicon import VALUES
from data_pipelines.corpora.synthetic.facts.truth import Truth
from data_pipelines.corpora.synthetic.facts.wording import after_the_name
from scaling.probes.knowing.answers import Answers
from scaling.stages.knowing import grading, heads
from scaling.stages.knowing.questions import halves
from scaling.stages.knowing.told import Asked

TRUTH = Truth.draw(Ladder.parse("400x0_400x100-templates"))


def model(entities, sure: float, unsure: float, features) -> Asked:
    """It holds the true value of the told with probability `sure`, of the never told a wrong one with
    `unsure`; the rest is even. features: of each question, by whether it is told."""
    questions = after_the_name(TRUTH, entities)
    exposures = TRUTH.exposures_E[questions.entity_Q]
    told, held = exposures > 0, questions.value_Q.copy()
    held[~told] = (held[~told] + 1) % VALUES
    top = np.where(told, sure, unsure)
    p = np.repeat((1 - top)[:, None] / (VALUES - 1), VALUES, axis=1)
    p[np.arange(len(p)), held] = top
    answers = Answers(np.log(p), np.ones(len(p)), features(told))
    return Asked(questions, exposures, answers)


def truth_beside_noise(told):
    noise = np.random.default_rng(len(told)).normal(size=(len(told), 5))
    return np.column_stack([noise, told + noise[:, 0] / 10])


def noise(told):
    return np.random.default_rng(len(told) + 1).normal(size=(len(told), 5))


def rows_of(features, sure=0.9, unsure=0.9):
    judges, asked = halves(TRUTH)
    judged = model(judges, sure, unsure, features)
    own = model(asked, sure, unsure, features)
    found = heads.predictions(judged, {"nothing": own}, 30, seed=0)
    told = heads.tables("p_ik", found)
    return {(r["predictor"], r["target"], r["trained_on"], r["group"]): r for r in told["p_ik"]}


def test_a_head_reads_what_the_trunk_holds_where_confidence_says_nothing():
    rows = rows_of(truth_beside_noise)
    for target in ("exact", "samples"):
        head = rows["head", target, "all", "all"]
        assert head["auroc"] == pytest.approx(1)
        assert head["known_share"] == 0.5 and head["n"] == 1600
        assert head["accuracy"] == pytest.approx(0.45, abs=0.03)
        assert head["rms_ce"] < 2 * head["rms_ce_floor"] < 0.1
        assert rows["head", target, "all", "never_seen"]["brier"] < 0.01
    # As sure of what it does not know: nothing is told apart, and on those it is wrong by all it says.
    confidence = rows["confidence", "none", "nothing", "all"]
    assert confidence["auroc"] == 0.5
    assert rows["confidence", "none", "nothing", "told"]["rms_ce"] < 0.03
    never = rows["confidence", "none", "nothing", "never_seen"]
    assert never["rms_ce"] == pytest.approx(0.9, abs=0.01)


def test_a_head_on_a_trunk_that_holds_nothing_says_how_often_it_is_right():
    rows = rows_of(noise, unsure=0.2)
    assert rows["head", "exact", "all", "all"]["auroc"] == pytest.approx(0.5, abs=0.05)
    assert rows["confidence", "none", "nothing", "all"]["auroc"] == 1
    assert rows["agreement", "none", "nothing", "all"]["auroc"] == 1
    # From the told alone it has learnt that all is known.
    assert rows["head", "exact", "told", "never_seen"]["rms_ce"] > 0.8


def test_answers_are_drawn_as_they_are_probable_and_their_own_probability_tells_them_apart():
    _, asked = halves(TRUTH)
    own = grading.Own.drawn(model(asked, 0.9, 0.2, noise), seed=[0])
    told = own.asked.exposures_Q > 0
    assert own.right_Q[told].mean() == pytest.approx(0.9, abs=0.03)
    assert own.right_Q[~told].mean() == pytest.approx(0.8 / 63, abs=0.012)
    found = grading.predictions(own, {5: own.right_Q.astype(float), 0: np.full(len(told), 0.5)})
    rows = {
        (r["predictor"], r["shown"]): r
        for r in grading.tables("p_true", found)["p_true"]
        if r["group"] == "all"
    }
    assert rows["p_true", 5]["auroc"] == 1 and rows["p_true", 5]["brier"] == 0
    assert rows["p_true", 0]["auroc"] == 0.5 and rows["p_true", 0]["brier"] == 0.25
    assert rows["probability", 0]["auroc"] > 0.95
    assert rows["agreement", 5]["auroc"] > 0.9
