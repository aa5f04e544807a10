"""Rises of test loss within a run."""

import numpy as np
import pandas as pd
import pytest

from analysis.findings.descent import descent_sentences, rise_by_cell, rises
from analysis.study import make_study


def study_with(tables, shape, seeds=(0, 1, 2), repeats=(64,)):
    results, _ = tables(sizes=(98_304,), repeats=repeats, seeds=seeds, control_sizes=())
    step = np.arange(1, 41)
    curves = []
    for row in results.itertuples():
        loss = 3 - 0.3 * np.log(step) + (shape(step) if row.repeats else 0)
        loss = loss + 0.001 * np.random.default_rng(row.seed).normal(size=len(step))
        pool = 3 / step
        curves.append(
            pd.DataFrame(
                {"run_id": row.run_id, "tokens": step * 1e5, "test_loss": loss, "pool_loss": pool}
            )
        )
    return make_study(results, pd.concat(curves))


def bump(step):
    return 0.6 * np.exp(-((step - 20) ** 2) / (2 * 3**2))


def test_a_rise_is_measured_placed_and_significant(tables):
    study = study_with(tables, bump)
    runs = rises(study)
    repeated = runs[runs.repeats > 0]
    curve = 3 - 0.3 * np.log(np.arange(1, 41)) + bump(np.arange(1, 41))
    inner = curve[10:]
    assert repeated.rise.to_numpy() == pytest.approx(
        inner.max() - inner[: inner.argmax()].min(), abs=0.01
    )
    assert repeated.peak_tokens.between(19e5, 22e5).all()
    assert (
        repeated.minimum_tokens.lt(repeated.peak_tokens).all()
        and (repeated.second_descent > 0.2).all()
    )
    assert repeated.pool_loss_at_peak.to_numpy() == pytest.approx(
        3e5 / repeated.peak_tokens.to_numpy()
    )
    cells = rise_by_cell(runs)
    assert cells.seeds[0] == 3 and cells.p_value[0] < 0.001
    (told,) = descent_sentences(cells, study)
    assert f"E = 64: after {cells.minimum_tokens[0] / 1e6:.3g}M tokens" in told
    assert f"pool loss there {cells.pool_loss_at_peak[0]:.2f}" in told and "over 3 seeds" in told


def test_what_rises_to_the_end_is_not_said_to_descend_twice(tables):
    study = study_with(tables, lambda step: 0.05 * np.maximum(0, step - 20))
    (told,) = descent_sentences(rise_by_cell(rises(study)), study)
    assert "rises again at" in told and "and does not fall again (p = " in told


def test_the_more_cells_are_tested_the_less_one_tells(tables):
    cells = rise_by_cell(rises(study_with(tables, bump, repeats=(4, 64, 256))))
    assert cells.p_corrected.to_numpy() == pytest.approx(3 * cells.p_value.to_numpy())


def test_noise_alone_is_not_significant(tables):
    study = study_with(tables, lambda step: 0 * step)
    cells = rise_by_cell(rises(study))
    assert cells.rise[0] < 0.01 and cells.p_value[0] > 0.05
    assert "nowhere rises" in descent_sentences(cells, study)[0]


def test_one_seed_has_no_significance(tables):
    study = study_with(tables, bump, seeds=(0,))
    cells = rise_by_cell(rises(study))
    assert np.isnan(cells.p_value[0]) and cells.rise[0] > 0.2
    assert not descent_sentences(cells, study)


def test_a_study_without_curves_has_no_rises(tables):
    assert rises(make_study(tables()[0])).empty


def test_a_curve_that_only_falls_has_no_rise(tables):
    runs = rises(make_study(*tables()))
    assert (runs.rise == 0).all() and runs.peak_tokens.isna().all()
