"""Effective params: the multiplier that a study was made with is the one that is read off."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.errors import AnalysisError
from analysis.findings.repeats.effective import effective_params, mean_cells
from analysis.laws import Interpolation, PowerLaw
from analysis.study import make_study


def truth(runs):
    from math import log

    centre = np.log10(4e4 * runs.params**-0.5)
    depth = log(0.3) * runs.repeated_fraction / 0.5
    return np.exp(depth * np.exp(-((np.log10(runs.repeats) - centre) ** 2) / 0.5))


@pytest.mark.parametrize("measure", ["multiplier", "multiplier_by_law"])
def test_the_known_multiplier_is_recovered(tables, measure):
    runs = effective_params(make_study(*tables(fractions=(0.1, 0.5))))
    np.testing.assert_allclose(runs[measure], truth(runs), rtol=1e-6)


def test_noise_that_a_run_shares_with_its_control_falls_out(tables):
    study = make_study(*tables(noise=0.02, seeds=range(4)))
    cells = mean_cells(effective_params(study))
    np.testing.assert_allclose(cells.multiplier_by_law, truth(cells), rtol=0.05)
    assert (cells.multiplier_by_law - truth(cells)).abs().max() > 1e-4  # the noise was there


def test_a_loss_above_every_control_is_flagged_as_extrapolated(tables):
    runs = effective_params(make_study(*tables(control_sizes=())))
    smallest_control = runs.groupby("seed").control_loss.transform("max")
    assert runs.extrapolated.any()
    pd.testing.assert_series_equal(
        runs.extrapolated, runs.test_loss > smallest_control * (1 + 1e-9), check_names=False
    )


def test_one_size_of_control_gives_damage_but_no_multiplier(tables):
    runs = effective_params(make_study(*tables(sizes=(98_304,), control_sizes=())))
    assert runs.multiplier.isna().all()
    assert (runs.damage > 0).all()


def test_a_study_without_controls_gives_neither(tables):
    results, curves = tables()
    runs = effective_params(make_study(results[results.repeats > 0], curves))
    assert runs.damage.isna().all() and runs.multiplier.isna().all()


def test_a_run_without_a_control_of_its_seed_is_compared_with_the_others(tables):
    results, curves = tables(noise=0.01)
    orphan = (results.repeats == 0) & (results.seed == 1) & (results.params == 98_304)
    runs = effective_params(make_study(results[~orphan], curves))
    lone = runs[(runs.seed == 1) & (runs.params == 98_304)]
    mean = results[(results.repeats == 0) & (results.seed == 0) & (results.params == 98_304)]
    assert not lone.paired.any() and runs.paired.sum() == len(runs) - len(lone)
    assert lone.control_loss.unique() == pytest.approx([mean.test_loss.item()])


@given(st.floats(1.0, 6.0), st.floats(0.02, 0.5))
def test_both_curves_invert_what_they_predict(scale, alpha):
    params = np.geomspace(1e4, 1e7, 6)
    loss = scale * (params / 1e6) ** -alpha
    for law in (PowerLaw, Interpolation):
        curve = law.through(params, loss)
        sizes = np.geomspace(2e3, 5e7, 30)
        np.testing.assert_allclose(curve.predict(params=params), loss, rtol=1e-9)
        np.testing.assert_allclose(curve.invert(curve.predict(params=sizes)), sizes, rtol=1e-6)


def test_controls_out_of_order_by_noise_still_give_a_monotone_curve():
    curve = Interpolation.through([1e4, 1e5, 1e6, 1e7], [3.0, 2.5, 2.51, 2.0])
    sizes = np.geomspace(1e4, 1e7, 50)
    assert (np.diff(curve.predict(params=sizes)) < 0).all()


@pytest.mark.parametrize("law", [PowerLaw, Interpolation])
def test_controls_that_do_not_improve_with_size_are_refused(law):
    with pytest.raises(AnalysisError, match="does not fall with params"):
        law.through([1e4, 1e5, 1e6], [2.0, 2.1, 2.2])


def test_a_loss_that_all_but_stays_has_no_law():
    """N_c of N^-0.001 is beyond the largest number, and with it every prediction."""
    with pytest.raises(AnalysisError, match="all but stays with params"):
        PowerLaw.through([6e3, 2.5e4, 1e5], [4.61, 4.604, 4.6])
