"""Knowledge of a model that is made to know exactly k facts."""

import jax
import numpy as np
import pytest

from data_pipelines.corpora.synthetic.facts.ladder import Ladder
from data_pipelines.corpora.synthetic.facts.lexicon import (
    ATTRIBUTES,
    FIRST_ATTRIBUTE,
    TOKENS,
    VALUE_TOKENS,
)
from data_pipelines.corpora.synthetic.facts.truth import Truth
from data_pipelines.corpora.synthetic.facts.wording import after_the_name
from data_pipelines.errors import OstinatoError
from scaling.config import RunConfig
from scaling.probes.battery import Battery
from scaling.probes.knowing import reliability
from scaling.probes.knowing.answers import ask
from scaling.probes.knowing.knowledge import KNOWLEDGE, by_rung, known, scores
from scaling.probes.probe import Look, Text
from tests.scaling.compiling import noted

SURE, KNOWN, UNKNOWN = 0.9, 80, 320


@pytest.fixture(params=["templates", "verbatim"])
def truth(request):
    """All facts of the entities seen 100 times are those that the model believes of anyone, and none
    of the others'."""
    drawn = Truth.draw(Ladder.parse(f"{UNKNOWN}x0_{KNOWN}x100-{request.param}"))
    believed = np.arange(len(ATTRIBUTES)) + 10
    drawn.values_ExA[drawn.exposures_E == 100] = believed
    others = drawn.values_ExA[drawn.exposures_E == 0]
    others[others == believed] = 50
    drawn.values_ExA[drawn.exposures_E == 0] = others
    return drawn


@pytest.fixture
def believer(of_words):
    """After an attribute it holds one value with probability SURE, the others alike, whoever it is of."""
    _, params = of_words
    table = np.zeros((384, 384))
    table[:, VALUE_TOKENS] = 5
    rest = 5 + np.log((1 - SURE) / 63)
    for a in range(len(ATTRIBUTES)):
        attribute = TOKENS[FIRST_ATTRIBUTE + a]
        table[attribute, VALUE_TOKENS] = rest
        table[attribute, VALUE_TOKENS[10 + a]] = 5 + np.log(SURE)
    return params(table)


def test_bits_probability_and_calibration_come_out_as_they_are(of_words, believer, truth):
    program, _ = of_words
    shown = KNOWLEDGE.show(program, Text(np.zeros((2, 17)), np.arange(3), {}, truth))
    told = KNOWLEDGE.measure(program, shown, Look(believer, np.zeros((1, 1)), True, {}))
    facts, share = 4 * KNOWN, KNOWN / (KNOWN + UNKNOWN)
    assert told.columns["bits"] == pytest.approx(facts * (6 + np.log2(SURE)), rel=1e-4)
    assert told.columns["knowledge_rms_ce"] == pytest.approx(SURE - share, abs=1e-3)
    assert told.columns["knowledge_n"] == 4 * (KNOWN + UNKNOWN)
    (of_facts,) = told.tables["calibration"]
    assert of_facts["kind"] == "facts" and of_facts["rms_ce"] == told.columns["knowledge_rms_ce"]
    (only_bin,) = told.tables["reliability"]  # all answers are held with one confidence
    assert (
        only_bin["confidence"] == pytest.approx(SURE, abs=1e-3) and only_bin["n"] == of_facts["n"]
    )
    never, often = told.tables["knowledge"][:2]
    assert (never["exposures"], never["entities"], never["n"]) == (0, UNKNOWN, 4 * UNKNOWN)
    assert (often["accuracy"], never["accuracy"]) == (1, 0)
    assert often["probability"] == pytest.approx(SURE, abs=1e-3)
    assert never["bits"] == pytest.approx(6 + np.log2((1 - SURE) / 63), abs=1e-2)
    assert never["confidence"] == pytest.approx(SURE, abs=1e-3)
    mass = np.exp(5) / (np.exp(5) + 320)
    assert often["mass"] == pytest.approx(mass, abs=1e-2)
    asked = [row["asked"] for row in told.tables["knowledge"]]
    assert asked == (["name"] * 2 + ["place"] * 2 if truth.verbatim else ["name"] * 2)
    by_place = told.tables["knowledge"][-1]
    assert by_place["bits"] == pytest.approx(6 + np.log2(SURE), abs=1e-2)


def test_on_the_way_a_part_of_each_rung_stands_for_all_of_it(of_words, believer, truth):
    program, _ = of_words
    shown = KNOWLEDGE.show(program, Text(np.zeros((2, 17)), np.arange(3), {}, truth))
    told = KNOWLEDGE.measure(program, shown, Look(believer, np.zeros((1, 1)), False, {}))
    assert "knowledge_rms_ce" not in told.columns and set(told.tables) == {"knowledge"}
    assert [row["n"] for row in told.tables["knowledge"][:2]] == [4 * 64, 4 * 64]
    assert told.columns["bits"] == pytest.approx(4 * KNOWN * (6 + np.log2(SURE)), rel=1e-4)


def test_a_model_that_knows_nothing_holds_no_bits_and_says_so(of_words, truth):
    program, params = of_words
    asked = after_the_name(truth, np.arange(len(truth)))
    scored = scores(truth, asked, ask(program, params(np.zeros((384, 384))), asked))
    assert scored["bits"] == pytest.approx(0, abs=1e-2)
    assert scored["confidence"] == pytest.approx(1 / 64)
    assert known(by_rung(truth, scored, "name")) < 1e-2
    # It is right once in 64 by luck, as often as it says.
    told = reliability.measure(scored["confidence"], scored["correct"])
    assert told["rms_ce"] < 3 * told["rms_ce_floor"]


def test_it_is_refused_where_there_are_no_facts():
    with pytest.raises(OstinatoError, match="probes: knowledge needs exposures; give exposures"):
        RunConfig.parse({"d_model": 32, "tokens": 8192, "probes": ["knowledge"]})


def test_what_one_wording_asks_beside_the_other_is_compiled_before_its_run_too(of_words):
    program, _ = of_words
    params = program.init(0).params
    jax.clear_caches()  # of other tests' questions
    events, compiled = noted(), []
    text = {"test": np.arange(34).reshape(2, 17)}
    for wording in ("templates", "verbatim"):
        drawn = Truth.draw(Ladder.parse(f"{UNKNOWN}x0_{KNOWN}x100-{wording}"))
        battery = Battery([KNOWLEDGE.name], program, text, drawn)
        battery.compile()
        compiled.append(events.count("backend_compile_duration"))
        battery.measure(params, np.zeros((1, 1)), True)
        assert events.count("backend_compile_duration") == compiled[-1]
    assert compiled[0] < compiled[1]
