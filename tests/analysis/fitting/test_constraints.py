"""Constants that are given, or equal: through fit, bootstrap, profile, diagnosis and comparison."""

import numpy as np
import pandas as pd
import pytest

from analysis.errors import AnalysisError
from analysis.fitting import fit, fit_table, profile, profile_interval
from analysis.fitting.solving.constraints import constrain
from analysis.laws import Chinchilla, DataConstrained, Kaplan
from tests.analysis.fitting.test_tables import TABLE

BASE = {"E": 1.869, "A": 520.8, "B": 1487.7, "alpha": 0.3526596, "beta": 0.3526596}
R_D, R_N = 15.387756, 5.309743
"""Muennighoff et al. 2023 (2305.16264), section 6 and appendix A, on C4."""


def repeated(noise, rows=182, seed=0):
    """Runs about as theirs: 7M to 9B params, up to 178B unique tokens, some of hundreds of epochs."""
    generator = np.random.default_rng(seed)
    params = 10 ** generator.uniform(6.85, 9.95, rows)
    unique = 10 ** generator.uniform(8, 10.5, rows)
    tokens = unique * 10 ** generator.uniform(0, 2.5, rows)
    columns = {"params": params, "tokens": tokens, "unique_tokens": unique}
    loss = DataConstrained(**BASE, R_D=R_D, R_N=R_N).predict(**columns)
    return pd.DataFrame({**columns, "loss": loss * np.exp(noise * generator.normal(size=rows))})


def test_muennighoffs_constants_come_back_on_a_fixed_base():
    exact = fit_table("data-constrained", repeated(0.0), bootstrap=0, fixed=BASE)
    assert (exact.constants["R_D"], exact.constants["R_N"]) == pytest.approx((R_D, R_N), rel=1e-5)
    found = fit_table("data-constrained", repeated(0.005), fixed=BASE)
    assert set(found.intervals()) == {"R_D", "R_N"}
    for name, value in (("R_D", R_D), ("R_N", R_N)):
        low, high = found.intervals()[name]
        assert low < value < high and high / low < 1.5
    assert {name: found.constants[name] for name in BASE} == pytest.approx(BASE, rel=1e-12)
    assert not any("not determine" in warning for warning in found.warnings)
    assert found.as_dict()["fixed"] == BASE


def test_a_table_without_repetition_tells_nothing_of_it():
    table = repeated(0.005)
    table["unique_tokens"] = table.tokens
    found = fit_table("data-constrained", table, bootstrap=0, fixed=BASE)
    assert any("No row repeats its tokens" in warning for warning in found.warnings)


@pytest.mark.slow
def test_tied_constants_are_one():
    found = fit_table("chinchilla", TABLE, tied=[("alpha", "beta")])
    assert found.constants["alpha"] == found.constants["beta"]
    np.testing.assert_allclose(found.samples[:, 3], found.samples[:, 4], rtol=1e-9)
    free = fit_table("chinchilla", TABLE, bootstrap=0)
    assert found.objective > free.objective and len(found.held.free) == 4
    assert profile(found, "beta", [found.constants["beta"]])[0] == pytest.approx(found.objective)
    low, high = profile_interval(found, "alpha")
    assert low < found.constants["alpha"] < high


def test_a_tie_is_what_fitting_one_exponent_gives():
    columns = {"params": TABLE.params, "tokens": TABLE.tokens}
    tied = fit(Chinchilla, columns, TABLE.loss, tied=[("alpha", "beta")])
    at = [
        fit(Chinchilla, columns, TABLE.loss, fixed={"alpha": x, "beta": x}).objective
        for x in tied.law.alpha + np.array([-0.002, 0.0, 0.002])
    ]
    assert at[1] == pytest.approx(tied.objective, rel=1e-6) and at[0] > at[1] < at[2]


@pytest.mark.slow
def test_a_fixed_constant_is_never_called_undetermined():
    generator = np.random.default_rng(0)
    params, tokens = np.geomspace(1e7, 1.2e7, 12), np.geomspace(1e9, 1.1e9, 12)[::-1]
    loss = Chinchilla(1.8, 480, 2085, 0.35, 0.37).predict(params=params, tokens=tokens)
    loss = loss * np.exp(0.005 * generator.normal(size=12))
    for bootstrap in (0, 200):
        found = fit(
            Chinchilla,
            {"params": params, "tokens": tokens},
            loss,
            bootstrap,
            fixed={"A": 480.0, "alpha": 0.35},
        )
        (warning,) = (w for w in found.warnings if "not determine" in w)
        names = warning.split("determine ")[1].split(":")[0].split(", ")
        assert names and not {"A", "alpha"} & set(names)


def test_chained_ties_and_a_fixed_member():
    held = constrain(Kaplan, {"alpha_N": 0.1}, [("alpha_D", "alpha_N")])
    assert held.fixed == {"alpha_N": 0.1, "alpha_D": 0.1} and held.free == ("N_c", "D_c")
    held = constrain(DataConstrained, None, [("R_D", "R_N"), ("R_N", "beta")])
    assert held.groups == (("beta", "R_D", "R_N"),)
    np.testing.assert_allclose(held.moves() @ held.moves(), held.moves(), atol=1e-12)


@pytest.mark.parametrize(
    ("fixed", "tied", "message"),
    [
        ({"gamma": 1.0}, [], "fix: chinchilla has no constant gamma; it has E, A, B"),
        ({"E": -1.0}, [], "fix: E = -1; give a positive number"),
        ({"alpha": float("nan")}, [], "fix: alpha = nan; give a finite number"),
        ({}, [("alpha", "gamma")], "tie: chinchilla has no constant gamma"),
        ({}, [("E", "alpha")], "tie: E and alpha of chinchilla are of two kinds"),
        ({"alpha": 0.3, "beta": 0.4}, [("alpha", "beta")], "tied, and fixed to several values"),
        (dict(zip("EAB", (1.7, 400, 400), strict=True)) | {"alpha": 0.3, "beta": 0.3}, [], "all"),
    ],
)
def test_constraints_that_make_no_sense_are_refused(fixed, tied, message):
    with pytest.raises(AnalysisError, match=message):
        fit_table("chinchilla", TABLE, bootstrap=0, fixed=fixed, tied=tied)
