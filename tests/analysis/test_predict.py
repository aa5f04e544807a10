"""Predictions from a study's own fits."""

import json

import numpy as np
import pandas as pd
import pytest

from analysis import analyse
from analysis.errors import AnalysisError
from analysis.files import jsonable
from analysis.predict import Part, fit_damage, parts_of_histogram, predict
from analysis.study import make_study


@pytest.fixture(scope="module")
def damage(tables):
    study = make_study(*tables(noise=0.003, fractions=(0.1, 0.5)))
    return fit_damage(analyse(study), bootstrap=100)


def test_a_measured_cell_is_predicted(damage):
    found = predict(damage, 24_576, 4_194_304, [Part(0.5, 255)])
    assert found.multiplier == pytest.approx(0.3, rel=0.03)
    assert found.compute_wasted == 1 - found.multiplier and not found.warnings
    assert found.loss == pytest.approx(found.control_loss + found.penalty)
    low, high = found.multiplier_interval
    assert low <= found.multiplier <= high


@pytest.fixture(scope="module")
def budgets(tables):
    """Two budgets, half of the nats per token away at four times as many tokens."""
    few, curves = tables(seeds=(0,))
    columns = ["test_loss", "pool_loss", "tokens", "pool_tokens"]
    many = few.assign(run_id=few.run_id + "-more", **few[columns] * [1 / 2, 1 / 2, 4, 4])
    return analyse(make_study(pd.concat([few, many]), curves))


@pytest.mark.parametrize(("tokens", "share"), [(4_194_304, 1), (8_388_608, 0.5**0.5), (2e7, 0.5)])
def test_the_control_is_that_of_the_budget_that_was_asked_for(budgets, tokens, share):
    """Between two budgets in a straight line of the logarithms, beyond them that of the nearest."""
    parts = [Part(0.5, 255)]
    damage = fit_damage(budgets, bootstrap=20, at=(24_576, tokens))
    found = predict(damage, 24_576, tokens, parts)
    alone = predict(fit_damage(budgets, bootstrap=20), 24_576, 4_194_304, parts)
    assert found.control_loss == pytest.approx(alone.control_loss * share, rel=1e-6)
    assert found.multiplier == pytest.approx(0.3, rel=0.03)
    if tokens != 8_388_608:  # which is inside for a band that moves with the budget alone
        assert any("tokens" in told for told in found.warnings) == (tokens == 2e7)


def test_the_worst_part_is_the_one_in_the_bad_band(damage):
    found = predict(damage, 24_576, 4_194_304, [Part(0.2, 4), Part(0.2, 255), Part(0.2, 4000)])
    assert found.worst == Part(0.2, 255) and found.worst_share > 0.8
    assert "Worst part" in found.sentences()[0]
    json.dumps(jsonable(found.as_dict()))


def test_what_is_seen_once_costs_nothing(damage):
    assert predict(damage, 24_576, 4_194_304, [Part(1.0, 1)]).penalty == 0
    assert predict(damage, 24_576, 4_194_304, []).multiplier == 1


def test_leaving_the_measured_range_is_said(damage):
    warnings = predict(damage, 1e9, 1e12, [Part(0.9, 1e6)]).warnings
    assert [warning.split()[3] for warning in warnings] == [
        *("params", "tokens", "repeated_fraction", "repeats"),
    ]


@pytest.mark.parametrize(
    ("params", "parts", "message"),
    [
        (-1, [Part(0.1, 10)], "params: -1"),
        (1e5, [Part(0.7, 10), Part(0.7, 20)], "sum to 1.4"),
        (1e5, [Part(1.2, 10)], "fraction: 1.2; give more than 0 and at most 1"),
        (1e5, [Part(0.1, 0)], "repeats: 0; give 1 or more"),
        (1e5, [Part(0.1, 0.5)], "repeats: 0.5; give 1 or more"),
        (1e5, [Part(0.1, np.nan)], "repeats: nan; give 1 or more"),
    ],
)
def test_impossible_mixtures_are_refused(damage, params, parts, message):
    with pytest.raises(AnalysisError, match=message):
        predict(damage, params, 4e6, parts)


def test_a_histogram_becomes_parts():
    table = pd.DataFrame({"repeats": [1, 10], "tokens": [30, 10]})
    assert parts_of_histogram(table) == [Part(0.75, 1), Part(0.25, 10)]
    with pytest.raises(AnalysisError, match="needs the columns repeats"):
        parts_of_histogram(table.drop(columns="repeats"))
