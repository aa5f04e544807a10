"""Memorised bits, capacity, and the incentive bound."""

import numpy as np
import pytest

from analysis import analyse
from analysis.findings.repeats.effective import effective_params
from analysis.findings.repeats.memorisation import against_bound, incentive_bound, memorised
from analysis.study import make_study


def test_a_pool_known_by_heart_costs_its_entropy(tables):
    results, curves = tables(seeds=(0,))
    controls = results.repeats == 0
    results.loc[controls, "pool_loss"] = np.log(256)  # uniform bytes: 8 bits a token
    results.loc[~controls, "pool_loss"] = 0.0
    study = make_study(results, curves)
    runs = memorised(study, effective_params(study))
    assert runs.memorised_bits.to_numpy() == pytest.approx(8 * runs.pool_tokens.to_numpy())
    assert runs.capacity_share.to_numpy() == pytest.approx(
        runs.memorised_bits.to_numpy() / (3.6 * runs.params_total.to_numpy())
    )


def test_without_a_control_pool_the_reference_is_its_test_loss(tables):
    results, curves = tables(seeds=(0,))
    results.loc[results.repeats == 0, "pool_loss"] = np.nan
    study = make_study(results, curves)
    runs = memorised(study, effective_params(study))
    np.testing.assert_allclose(runs.reference_loss, runs.control_loss)


@pytest.mark.parametrize(
    ("fraction", "alpha", "bound"),
    [(0.03, 0.1375, 1.25), (0.1, 0.1375, 2.15), (0.5, 0.1375, 154), (0.1, 0.076, 4.0)],
)
def test_the_bound_has_the_worked_values(fraction, alpha, bound):
    assert incentive_bound(fraction, alpha) == pytest.approx(bound, rel=0.01)


def test_peaks_are_compared_with_their_bound(tables):
    analysis = analyse(make_study(*tables(fractions=(0.02, 0.5))))
    table = against_bound(analysis.peaks, analysis.study.scans, analysis.laws)
    assert table.bound.to_numpy() == pytest.approx(
        incentive_bound(table.repeated_fraction, 0.09), rel=1e-6
    )
    assert (table.within == (table.shrinkage <= table.bound)).all() and table.within.any()


def test_a_study_without_pool_loss_has_no_bits(tables):
    results, curves = tables()
    study = make_study(results.drop(columns="pool_loss"), curves.drop(columns="pool_loss"))
    assert memorised(study, effective_params(study)).memorised_bits.isna().all()
