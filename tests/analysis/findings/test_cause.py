"""What the worst repeat count is, from studies whose damage obeys one hypothesis or the other."""

import numpy as np
import pandas as pd
import pytest

from analysis import analyse
from analysis.findings import gallery
from analysis.findings.cause.exponents import HYPOTHESES
from analysis.findings.cause.located import Cells, locate
from analysis.findings.repeats.damage_law import fit_damage
from analysis.study import make_study

SIZES, BUDGETS, FRACTIONS = (1e4, 3e4, 1e5), (2e6, 8e6), (0.4, 0.6, 0.9)
CONSTANTS = {"count": (0.0, 0.0, 0.0), "frequency": (-0.5, 1.0, 0.0), "capacity": (-1.0, 1.0, 1.0)}


def study(a, b, g, noise=0.03, seeds=(0, 1)):
    """Damage that is a bump in log E with its top where the exponents say: 500 at N = 3e4, T = 4e6,
    f = 0.6."""
    generator = np.random.default_rng(0)
    rows = []
    for N in SIZES:
        for T in BUDGETS:
            control = 3 * (N / 1e4) ** -0.1
            for seed in seeds:
                rows.append((N, T, 0.0, 0, seed, control))
            for f in FRACTIONS:
                worst = 500 * (N / 3e4) ** a * (T / 4e6) ** b * (f / 0.6) ** g
                for E in np.round(worst * 1.6 ** np.arange(-5.0, 6) * 1.13):
                    for seed in seeds:
                        bump = 0.5 * f * np.exp(-(np.log(E / worst) ** 2) / 2)
                        loss = control + bump * np.exp(noise * generator.normal())
                        rows.append((N, T, f, E, seed, loss))
    names = ["params", "tokens", "repeated_fraction", "repeats", "seed", "test_loss"]
    table = pd.DataFrame(rows, columns=names).assign(pool_loss=1.0)
    return make_study(table.assign(run_id=[f"run{i}" for i in range(len(table))]))


def curve(repeats, damage):
    return Cells(np.asarray(repeats, float), [np.array([one]) for one in damage])


def test_the_top_of_a_bump_is_found_between_the_repeats_that_were_tried():
    repeats = np.array([10, 50, 150, 240, 400, 640, 1000, 4000.0])
    worst, height, points = locate(curve(repeats, 0.7 * np.exp(-(np.log(repeats / 300) ** 2) / 2)))
    assert worst == pytest.approx(300) and height == pytest.approx(0.7) and points == 4


@pytest.mark.parametrize(
    "damage",
    [
        [0.1, 0.2, 0.5, 0.7, 0.9],  # rises to its end
        [0.1, 0.2, 0.9, 0.3, 0.1],  # too few round the worst
        [-0.1, -0.2, -0.1, -0.3, -0.1],  # none
    ],
)
def test_without_a_top_inside_nothing_is_located(damage):
    worst, *_ = locate(curve([10.0, 30, 90, 270, 810], damage))
    assert np.isnan(worst)


@pytest.mark.slow
@pytest.mark.parametrize("truth", CONSTANTS)
def test_the_hypothesis_that_made_a_study_is_borne_out(truth):
    found = analyse(study(*CONSTANTS[truth]))
    measured = found.exponents.set_index("term")
    assert len(found.located) == 18
    for term, value in zip("NTf", CONSTANTS[truth], strict=True):
        row = measured.loc[term]
        assert row.low <= value <= row.high and row.high - row.low < 0.5
    told = found.hypotheses.set_index("hypothesis")
    assert told.weight.idxmax() == truth and told.within[truth]
    assert not told.within.drop(truth).any()
    assert list(HYPOTHESES) == found.hypotheses.hypothesis.tolist()


@pytest.mark.slow
def test_the_curves_fall_on_one_over_what_the_damage_depends_on():
    found = analyse(study(*CONSTANTS["capacity"]))
    spread = found.spreads.set_index("rescaling").spread
    assert spread["pool a param, f*T/(E*N)"] < 0.05
    assert spread["repeats E"] > 0.25
    keys = [chart.key for chart in gallery(found)]
    assert {"cause", "collapse"} <= set(keys)
    (sentence,) = [s for s in found.summary if s.startswith("The worst repeats of 18")]
    assert "95 %, bootstrap over runs" in sentence


@pytest.mark.slow
def test_a_study_of_one_budget_or_fraction_tells_nothing_of_it():
    whole = study(*CONSTANTS["count"])
    for one in ("tokens == 2e6", "repeated_fraction in (0, 0.6)"):
        own = whole.results.query(one).drop(
            columns=["setting", "scan", "is_control", "stage", "of"]
        )
        found = analyse(make_study(own))
        assert found.located.empty and found.exponents.empty and found.spreads.empty
        assert "cause" not in {chart.key for chart in gallery(found)}


@pytest.mark.slow
def test_what_a_mixture_costs_is_told_by_the_band_that_foresees_sizes_better():
    """One whose worst repeats move with budget and fraction, where they do."""
    moving = analyse(study(*CONSTANTS["capacity"], seeds=(0,)))
    assert set(moving.held_out.law) == {"moving-band"}
    error = np.log(moving.held_out.predicted / moving.held_out.multiplier).abs()
    assert error.mean() < 0.1
    band = fit_damage(moving, bootstrap=0).band.law
    assert (-band.a, band.b, band.g) == pytest.approx(CONSTANTS["capacity"], abs=0.1)
    few, many = (band.peak(3e4, tokens=T, repeated_fraction=0.6) for T in (2e6, 8e6))
    assert many == pytest.approx(4 * few, rel=0.2)

    still = analyse(study(*CONSTANTS["count"], seeds=(0,)))
    assert np.log(still.held_out.predicted / still.held_out.multiplier).abs().mean() < 0.1
    told = fit_damage(still, bootstrap=0).band
    columns = {"params": 3e4, "repeats": 500, "repeated_fraction": 0.6}
    near, far = (float(told.law.predict(**columns, tokens=T)) for T in (2e6, 8e6))
    assert near == pytest.approx(far, rel=0.02)
