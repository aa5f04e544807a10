"""Calibration of models that are known to be calibrated, and over-confident by a known temperature."""

import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from scaling.probes.knowing import reliability
from scaling.probes.knowing.calibration import CALIBRATION, measure, row, shown
from scaling.probes.probe import Look, Text


@pytest.fixture(scope="module")
def chain(small):
    """Logits of a chain over 40 tokens, padding never drawn, and sequences of it [120, 65]."""
    generator = np.random.default_rng(3)
    table = generator.normal(0, 2, (40, 40))
    table[:, 0] = -30
    p = softmax(table, axis=1)
    tokens = np.full((120, 65), 7)
    for t in range(1, 65):
        draws = generator.random(120)[:, None]
        tokens[:, t] = (draws > p[tokens[:, t - 1]].cumsum(axis=1)[:, :-1]).sum(axis=1)
    return table, tokens


def found(small, table, tokens):
    program, params = small
    return row(measure(program, params(table), shown(tokens, tokens[:, 1:] != 0, 128)))


def test_a_model_that_is_the_process_is_calibrated(small, chain):
    told = found(small, *chain)
    assert told["n"] == 120 * 64 and told["temperature_n"] == 60 * 64 == told["tempered_n"]
    assert told["temperature"] == pytest.approx(1, abs=0.03)
    assert told["rms_ce"] < 1.4 * told["rms_ce_floor"]
    assert abs(told["confidence_gap"]) < 0.02


@pytest.mark.parametrize("temperature", [0.5, 2.0, 4.0])
def test_a_known_temperature_is_found_and_undone(small, chain, temperature):
    table, tokens = chain
    told = found(small, temperature * table, tokens)
    assert told["temperature"] == pytest.approx(temperature, rel=0.03)
    before = tokens[:, :-1].ravel()
    said = softmax(temperature * table, axis=1).max(axis=1)[before]
    true = softmax(table, axis=1).max(axis=1)[before]  # the probability that it is right
    expected = reliability.measure(said, true)
    assert told["rms_ce"] == pytest.approx(expected["rms_ce"], abs=told["rms_ce_floor"])
    assert told["confidence_gap"] == pytest.approx(expected["confidence_gap"], abs=0.02)
    assert told["rms_ce"] > 3 * told["rms_ce_floor"]
    assert told["tempered_rms_ce"] < 1.5 * told["tempered_rms_ce_floor"]
    assert told["accuracy"] == pytest.approx(true.mean(), abs=0.02)


def test_it_is_the_temperature_of_the_least_loss(small, chain):
    table, tokens = chain
    wrong = 2 * (table + np.random.default_rng(5).normal(size=table.shape))
    told = found(small, wrong, tokens)  # no temperature makes it right
    half = tokens[:60]
    losses = [
        -log_softmax(wrong / t, axis=1)[half[:, :-1], half[:, 1:]].mean()
        for t in told["temperature"] * np.array([0.99, 1, 1.01])
    ]
    assert losses[1] < min(losses[0], losses[2]) and told["temperature"] > 2


def test_who_is_better_off_with_no_belief_gets_the_hottest_temperature(small, chain):
    table, tokens = chain
    assert found(small, -table, tokens)["temperature"] == 64


def test_padding_does_not_count(small, chain):
    table, tokens = chain
    cut = tokens.copy()
    cut[:, 40:] = 0
    assert found(small, table, cut)["n"] == 120 * 39


@pytest.mark.slow
def test_each_kind_of_text_has_its_row_its_floor_and_its_number(small, chain):
    program, params = small
    table, tokens = chain
    text = Text(tokens, np.arange(3, 40), {"test": tokens, "pool": tokens[:7], "ood": tokens[:1]})
    for last in (False, True):
        look = Look(params(table), np.zeros((1, 1)), last, {})
        told = CALIBRATION.measure(program, CALIBRATION.show(program, text), look)
        rows = {each["kind"]: each for each in told.tables["calibration"]}
        assert [*rows] == ["test", "pool", "copies"]  # of a single sequence no half is left
        assert rows["pool"]["n"] == 7 * 64 and rows["pool"]["temperature_n"] == 3 * 64
        assert rows["test"]["n"] == (120 if last else 32) * 64
        assert rows["copies"]["n"] % 56 == 0  # all of eight copies but the first
        assert set(told.columns) == set(CALIBRATION.columns)
        assert told.columns["rms_ce"] == rows["test"]["rms_ce"]
        assert ("reliability" in told.tables) == last
    assert sum(each["n"] for each in told.tables["reliability"]) == sum(
        r["n"] for r in rows.values()
    )
