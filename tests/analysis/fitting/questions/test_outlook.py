"""What a fit is asked for: the best size, the next model's loss, and how far off that is."""

import numpy as np
import pandas as pd
import pytest

from analysis.errors import AnalysisError
from analysis.fitting import fit_table
from analysis.fitting.questions.outlook import exponents, optimum, points_of, predicted
from analysis.laws import LAWS, Chinchilla, DataConstrained, Kaplan
from tests.analysis.fitting.test_tables import LAW, TABLE, surface


@pytest.fixture(scope="module")
def found():
    return fit_table("chinchilla", TABLE)


@pytest.mark.parametrize(
    "law",
    [
        Chinchilla(1.8172, 482.01, 2085.43, 0.3478, 0.3658),
        Kaplan(6.4e13, 1.8e13, 0.076, 0.103),
        DataConstrained(1.869, 520.8, 1487.7, 0.35, 0.36, 15.4, 5.3),
    ],
    ids=lambda law: law.name,
)
def test_an_optimum_is_the_least_loss_at_its_compute_and_grows_by_its_exponents(law):
    params, tokens = law.optimum(np.array([1e20, 1e22]))
    assert 6 * params * tokens == pytest.approx([1e20, 1e22])
    around = params[0] * np.geomspace(0.5, 2, 101)
    budget = 1e20 / 6 / around
    losses = law.predict(params=around, tokens=budget, unique_tokens=budget)
    assert np.argmin(losses) == 50
    a, b = law.exponents
    assert (params[1] / params[0], tokens[1] / tokens[0]) == pytest.approx((100**a, 100**b))
    assert a + b == pytest.approx(1)


def test_the_optimum_of_a_table_has_the_truth_in_its_interval(found):
    (row,) = optimum(found, 1e22).to_dict("records")
    params, tokens = LAW.optimum(1e22)
    truth = {"params": params, "tokens": tokens, "tokens_per_param": tokens / params}
    truth["loss"] = LAW.predict(params=params, tokens=tokens)
    for name, value in truth.items():
        assert row[f"{name}_low"] < value < row[f"{name}_high"]
        assert row[f"{name}_low"] < row[name] < row[f"{name}_high"]
    assert row["outside"].startswith("compute 5.95 times the largest measured (1.68e+21)")
    low, high = exponents(found)["a"][1:]
    assert low < LAW.exponents[0] < high


def test_the_next_model_up_is_foreseen(found):
    table = predicted(
        found, points_of(found, ["params=13B,tokens=5T", {"params": 1e9, "tokens": 2e10}])
    )
    truth = LAW.predict(params=table.params, tokens=table.tokens)
    assert table.loss.to_numpy() == pytest.approx(truth, rel=0.02)
    assert ((table.low < truth) & (truth < table.high)).all()
    assert table.outside[0] == (
        "params 4.64 times the largest measured (2.8B); tokens 50 times the largest measured (100B)"
    )
    assert table.outside[1] == ""


def test_points_may_be_a_table(found, tmp_path):
    (tmp_path / "points.csv").write_text("N;D\n13B;5T\n1,3B;20B\n")
    points = points_of(
        found, [str(tmp_path / "points.csv"), pd.DataFrame({"N": [7e9], "D": [1e12]})]
    )
    assert points.params.tolist() == [13e9, 1.3e9, 7e9] and points.tokens.tolist()[2] == 1e12


@pytest.mark.slow
def test_points_that_lack_what_follows():
    flops = points_of(fit_table("compute", TABLE, bootstrap=0), ["params=1e9,tokens=2e10"])
    assert flops.flops.tolist() == [1.2e20]
    table = TABLE.assign(unique_tokens=TABLE.tokens / np.tile([1, 2, 4], 12))
    base = {"E": 1.8172, "A": 482.01, "B": 2085.43, "alpha": 0.3478, "beta": 0.3658}
    found = fit_table("data-constrained", table, bootstrap=0, fixed=base)
    assert points_of(found, ["params=1e9,tokens=2e10"]).unique_tokens.tolist() == [2e10]
    assert np.isnan(predicted(found, points_of(found, ["params=1e9,tokens=2e10"])).low).all()


@pytest.mark.parametrize(
    ("point", "message"),
    [
        ("params=13B", "at: tokens missing; write --at params=1e9,tokens=1e9"),
        ("params=big,tokens=1", "at: 'params=big'; write params=13e9"),
        ("params=-1,tokens=1", "at: params: -1; give a positive number"),
        ("params=1,tokens=1,epochs=2", "at: chinchilla has no epochs; it has params, tokens"),
        ("13B", "13B: no such table; write params=13e9"),
    ],
)
def test_points_at_fault_are_named(found, point, message):
    with pytest.raises(AnalysisError, match=message):
        points_of(found, [point])


def test_a_law_without_an_optimum_says_so(found):
    with pytest.raises(AnalysisError, match="compute: power has no compute-optimal size"):
        optimum(fit_table("power", TABLE, bootstrap=0), 1e22)
    with pytest.raises(AnalysisError, match="compute: 0; give a positive number"):
        optimum(found, 0.0)
    assert {name for name, law in LAWS.items() if hasattr(law, "optimum")} == {
        *("kaplan", "chinchilla", "additive-penalty"),
        *("data-constrained", "data-constrained-geometric"),
    }


@pytest.mark.slow
def test_on_one_line_the_loss_is_told_and_the_optimum_is_not():
    params = np.geomspace(7e7, 3e9, 25)
    table = pd.DataFrame({"params": params, "tokens": 20 * params})
    noise = np.exp(0.002 * np.random.default_rng(0).normal(size=25))
    found = fit_table("chinchilla", table.assign(loss=LAW.predict(**table) * noise))
    assert any("lie on one line (D = 20 N)" in warning for warning in found.warnings)
    assert exponents(found) == {}
    with pytest.raises(AnalysisError, match=r"lie on one line \(D = 20 N\)"):
        optimum(found, 1e22)
    on, off = predicted(
        found, points_of(found, ["params=13B,tokens=260B", "params=13B,tokens=5T"])
    ).to_dict("records")
    assert on["loss"] == pytest.approx(LAW.predict(params=13e9, tokens=260e9), rel=0.01)
    assert (
        "off the line" not in on["outside"] and "19.2 times off the line D = 20 N" in off["outside"]
    )


def test_a_quadratic_loss_and_another_delta(found):
    squares = fit_table("chinchilla", TABLE, bootstrap=0, delta=np.inf)
    assert squares.objective == pytest.approx(np.sum(squares.residuals**2) / 2)
    assert "half the square" in squares.objective_is and "not the mean" in squares.objective_is
    wide = fit_table("chinchilla", TABLE, bootstrap=0, delta=1.0)
    assert wide.constants == pytest.approx(squares.constants, rel=1e-6)
    assert squares.as_dict()["delta"] is None and "delta 0.001" in found.objective_is
    with pytest.raises(AnalysisError, match="delta: 0; give a positive number"):
        fit_table("chinchilla", TABLE, delta=0)


def test_intervals_come_by_themselves(found):
    assert len(found.samples) == 256 and set(found.intervals()) == set(found.constants)
    with pytest.raises(AnalysisError, match="0 resamples give no interval"):
        fit_table("power", surface(), bootstrap=0).predict_interval(params=1e9)
