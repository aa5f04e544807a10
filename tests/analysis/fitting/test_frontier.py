"""Compute-optimal params by the first two of Hoffmann's approaches."""

import numpy as np
import pandas as pd
import pytest

from analysis.errors import AnalysisError
from analysis.fitting import fit_table
from analysis.fitting.frontier import envelope, isoflop
from analysis.fitting.questions.compare import compare_on_table
from analysis.laws import Chinchilla, OptimalParams

LAW = Chinchilla(E=1.8172, A=482.01, B=2085.43, alpha=0.3478, beta=0.3658)
EXPONENT = LAW.beta / (LAW.alpha + LAW.beta)


def profiles(noise=0.0):
    """Nine sizes about the best at each of six computes."""
    flops = np.repeat(np.geomspace(1e18, 1e21, 6), 9)
    params = np.tile(np.geomspace(0.3, 3, 9), 6) * LAW.optimum(flops)[0]
    loss = LAW.predict(params=params, tokens=flops / 6 / params)
    loss = loss * np.exp(noise * np.random.default_rng(0).normal(size=len(loss)))
    return pd.DataFrame({"params": params, "flops": flops, "loss": loss})


def curves():
    """Forty sizes, evaluated two hundred times each."""
    axes = [np.geomspace(1e6, 1e9, 40), np.geomspace(1e8, 1e11, 200)]
    grid = pd.MultiIndex.from_product(axes, names=["params", "tokens"]).to_frame(index=False)
    return grid.assign(loss=LAW.predict(params=grid.params, tokens=grid.tokens))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("approach", "table", "tolerance"),
    [("approach-1", curves, 0.05), ("approach-2", profiles, 0.01)],
)
def test_both_approaches_give_the_laws_exponent(tmp_path, approach, table, tolerance):
    table().to_csv(tmp_path / "t.csv", index=False)
    found = fit_table(approach, tmp_path / "t.csv")
    assert found.law.a == pytest.approx(EXPONENT, abs=tolerance)
    params, tokens = LAW.optimum(1e20)
    assert found.predict(flops=1e20) == pytest.approx(params, rel=0.2)
    assert found.law.invert(params) == pytest.approx(6 * params * tokens, rel=0.3)


def test_the_exponents_interval_holds_it_under_noise(tmp_path):
    table = profiles(noise=0.002)
    table["flops"] *= np.random.default_rng(1).uniform(0.98, 1.02, len(table))  # as runs have them
    table.rename(columns={"flops": "C"}).to_csv(tmp_path / "t.csv", index=False)
    found = fit_table("approach-2", tmp_path / "t.csv", {"flops": "C"}, bootstrap=200)
    assert len(found.loss) == 6
    low, high = found.intervals()["a"]
    assert low < EXPONENT < high and high - low < 0.2


def test_a_profile_without_a_bottom_is_left_out(tmp_path):
    flops, params = np.repeat([1e18, 1e21], 5), np.tile(np.geomspace(1e6, 1e7, 5), 2)
    loss = LAW.predict(params=params, tokens=flops / 6 / params)
    assert 1e21 not in set(isoflop(params, flops, loss).flops)
    table = pd.DataFrame({"params": params, "flops": flops, "loss": loss})
    table.to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(AnalysisError, match="3 are needed: at least three sizes"):
        fit_table("approach-2", tmp_path / "t.csv")


def test_approaches_are_told_apart_from_laws(tmp_path):
    profiles().to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(AnalysisError, match="cluster: approach-2 resamples"):
        fit_table("approach-2", tmp_path / "t.csv", cluster="params")
    with pytest.raises(AnalysisError, match="approach-1: fitted to optimal params, not to losses"):
        compare_on_table(["approach-1", "chinchilla"], tmp_path / "t.csv")


def test_the_envelope_leaves_out_the_outermost_sizes():
    found = envelope(curves())
    assert found.params.between(1e6, 1e9, inclusive="neither").all()


def test_params_and_compute_are_each_others_inverse():
    law = OptimalParams(k=0.1, a=0.5)
    assert law.invert(law.predict(flops=3e19)) == pytest.approx(3e19)
