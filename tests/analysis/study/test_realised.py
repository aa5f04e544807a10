"""What was trained on is what is computed with; what was asked for still names it."""

import numpy as np
import pandas as pd
import pytest

from analysis import analyse
from analysis.findings.repeats.memorisation import incentive_bound
from analysis.fitting.prepared import AsWritten
from analysis.fitting.table import prepare_for
from analysis.predict import fit_damage
from analysis.study import make_study
from analysis.study.realised import realised


def runs(**told):
    row = {"tokens": 1e6, "repeated_fraction": 0.1, "repeats": 100.0, "pool_tokens": 1000.0}
    return pd.DataFrame([row | told])


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ({}, (0.1, 100)),  # an older study's
        ({"realised_fraction": 0.1}, (0.1, 100)),
        ({"realised_fraction": 0.117, "pool_tokens": 1170.0}, (0.117, 100)),
        ({"realised_fraction": 0.117, "pool_tokens": 1300.0}, (0.117, 90)),
        ({"realised_fraction": np.nan}, (0.1, 100)),
        ({"repeated_fraction": 0.0, "repeats": 0.0, "realised_fraction": 0.0}, (0, 0)),
    ],
)
def test_the_realised_repetition_is_what_was_recorded(told, found):
    assert tuple(float(part.iloc[0]) for part in realised(runs(**told))) == pytest.approx(found)


def test_the_analysis_computes_with_it_and_names_by_what_was_asked(tables):
    results, curves = tables(noise=0.003)
    plain = analyse(make_study(results, curves))
    repeated = results.repeated_fraction > 0
    results.loc[repeated, "realised_fraction"] = np.where(results.repeats[repeated] > 100, 0.6, 0.5)
    results.loc[repeated, "pool_tokens"] = (
        results.realised_fraction * results.tokens / results.repeats
    )
    found = analyse(make_study(results, curves))
    pd.testing.assert_frame_equal(found.study.scans, plain.study.scans)
    pd.testing.assert_series_equal(found.cells.repeated_fraction, plain.cells.repeated_fraction)
    assert set(found.cells.realised_fraction.round(9)) == {0.5, 0.6}
    bound = found.bound
    assert set(bound.realised_fraction.round(9)) == {0.5, 0.6}
    alpha = next(iter(found.laws.values())).alpha
    assert bound.bound.to_numpy() == pytest.approx(incentive_bound(bound.realised_fraction, alpha))
    band = fit_damage(found, bootstrap=0)
    assert band.ranges["repeated_fraction"] == (0.5, pytest.approx(0.6))
    assert band.band.constants["p"] == 1.0  # one fraction was asked for
    assert band.band.constants["h"] < fit_damage(plain, bootstrap=0).band.constants["h"]


def test_a_law_of_repeated_data_has_the_realised_unique_tokens(tables):
    results, _ = tables(fractions=(0.1, 0.5))

    def unique_tokens(results):
        prepared = prepare_for("data-constrained", results, AsWritten())
        return prepared.table.unique_tokens.to_numpy()

    asked = unique_tokens(results)
    results["realised_fraction"] *= 0.9
    results["pool_tokens"] *= 0.9
    got = unique_tokens(results)
    tokens = results.tokens.to_numpy()
    repeated = (results.repeated_fraction > 0).to_numpy()
    assert (1 - got / tokens) == pytest.approx((1 - asked / tokens) * np.where(repeated, 0.9, 1))
