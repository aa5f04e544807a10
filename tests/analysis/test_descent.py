"""Rises of test loss within a run."""

import numpy as np
import pandas as pd
import pytest

from analysis.descent import rise_by_cell, rises
from analysis.tables import make_study


def study_with(tables, shape, seeds=(0, 1, 2)):
    results, _ = tables(sizes=(98_304,), repeats=(64,), seeds=seeds, control_sizes=())
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
    runs = rises(study_with(tables, bump))
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
    cell = rise_by_cell(runs).iloc[0]
    assert cell.seeds == 3 and cell.p_value < 0.001


def test_noise_alone_is_not_significant(tables):
    cell = rise_by_cell(rises(study_with(tables, lambda step: 0 * step))).iloc[0]
    assert cell.rise < 0.01 and cell.p_value > 0.05


def test_one_seed_has_no_significance(tables):
    cell = rise_by_cell(rises(study_with(tables, bump, seeds=(0,)))).iloc[0]
    assert np.isnan(cell.p_value) and cell.rise > 0.2


def test_a_study_without_curves_has_no_rises(tables):
    assert rises(make_study(tables()[0])).empty


def test_a_curve_that_only_falls_has_no_rise(tables):
    runs = rises(make_study(*tables()))
    assert (runs.rise == 0).all() and runs.peak_tokens.isna().all()
