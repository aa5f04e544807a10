"""Arms are compared with the least regularised one, seed by seed."""

import pandas as pd
import pytest

from analysis import analyse
from analysis.findings.regularisation import arm_sentences, arms, regularisation_map
from analysis.findings.repeats.effective import effective_params
from analysis.study import make_study
from tests.analysis.conftest import make_tables

REMOVED, COST = 0.4, 0.03


@pytest.fixture(scope="module")
def study():
    """Weight decay 1 removes 40 % of the damage and costs each control 0.03 nats."""
    results, curves = make_tables(
        sizes=(98_304,), repeats=(256,), control_sizes=(), seeds=(0, 1, 2), noise=0.01
    )
    results = results.assign(weight_decay=0.0, dropout=0.0)
    control = results[results.repeats == 0].set_index("seed").test_loss
    own = results.seed.map(control)
    decayed = results.assign(
        weight_decay=1.0,
        run_id=results.run_id + "-decayed",
        test_loss=own + COST + (1 - REMOVED) * (results.test_loss - own),
    )
    return make_study(pd.concat([results, decayed], ignore_index=True), curves)


def test_what_an_arm_removes_is_told_apart_from_what_it_costs(study):
    runs = effective_params(study)
    cells = arms(study, runs).set_index("weight_decay")
    damage = runs.damage[runs.weight_decay == 0].mean()
    assert cells.removed[0] == 0 and cells.cost[0] == 0 and (cells.seeds == 3).all()
    assert cells.removed[1] == pytest.approx(REMOVED)
    assert cells.cost[1] == pytest.approx(COST)
    assert cells.gain[1] == pytest.approx(REMOVED * damage - COST)
    assert cells.damage[0] == pytest.approx(damage)


def test_the_summary_names_the_arm_that_removes_most(study):
    (told,) = (s for s in analyse(study).summary if s.startswith("Of the damage"))
    assert "weight decay 1 and dropout 0 removes most: 40%" in told
    assert "of the controls by +0.030" in told
    assert regularisation_map(analyse(study)).panels[0].heat.columns == ["0", "1"]


def test_only_the_reference_is_told_at_length(study):
    told = [s for s in analyse(study).summary if "costs most" in s]
    assert len(told) == 1 and "weight_decay 0.0" in told[0]
    assert len(analyse(study).peaks) == 2


def test_an_arm_that_scans_more_is_told_at_length_and_not_the_reference(study):
    """As in a study that regularises a little everywhere, and less and more in places."""
    scan, curves = make_tables(sizes=(98_304, 393_216), repeats=(64, 256), control_sizes=())
    scan = scan.assign(weight_decay=0.1, dropout=0.0, run_id=scan.run_id + "-scan")
    places = study.results.drop(columns=["setting", "scan", "is_control"])
    found = analyse(make_study(pd.concat([places, scan], ignore_index=True), curves))
    assert set(found.arms.weight_decay) == {0, 0.1, 1}
    told = [s for s in found.summary if "costs most" in s]
    assert len(told) == 1 and "weight_decay 0.1" in told[0]


def test_settings_that_differ_in_more_than_one_thing_are_compared_within_each_alone(study):
    results = study.results.drop(columns=["setting", "scan", "is_control"])
    parts = [
        results.assign(
            corpus=corpus, learning_rate=rate, run_id=f"{corpus}{rate}-" + results.run_id
        )
        for corpus in ("pydocs", "pycode")
        for rate in (0.001, 0.003)
    ]
    found = analyse(make_study(pd.concat(parts, ignore_index=True)))
    assert set(found.arms.label) == {
        *("pydocs, 0.001", "pydocs, 0.003", "pycode, 0.001", "pycode, 0.003")
    }
    assert (found.arms.seeds == 3).all() and len(regularisation_map(found).panels) == 4


def test_a_study_of_one_arm_has_none():
    study = make_study(*make_tables(sizes=(98_304,), repeats=(256,), control_sizes=()))
    assert arms(study, effective_params(study)).empty
    results, curves = make_tables(sizes=(98_304,), repeats=(256,), control_sizes=())
    study = make_study(results.assign(dropout=0.0), curves)
    cells = arms(study, effective_params(study))
    assert cells.empty and arm_sentences(cells) == []
