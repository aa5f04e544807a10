"""Laws predict what their papers printed, and invert what they predict."""

import numpy as np
import pytest

from analysis.laws import (
    LAWS,
    AdditivePenalty,
    Chinchilla,
    ComputeLaw,
    DamageBand,
    DataConstrained,
    DataConstrainedGeometric,
    FlooredPowerLaw,
    Kaplan,
    MovingBand,
    PowerLaw,
    RepeatedPairs,
)

MUENNIGHOFF = (1.869, 520.8, 1487.7, 0.3526596, 0.3526596, 15.387756, 5.309743)


def test_chudnovskys_compute_equivalent_loss_is_reproduced():
    law = ComputeLaw(E=2.365, A=6.647e5, alpha=0.317)
    flops = 1.42e19
    clean = law.predict(flops=flops)
    assert clean == pytest.approx(2.93, abs=0.005)
    worse = 2.365 + (clean - 2.365) * 0.640 / 0.564
    assert law.compute_equivalent_loss(worse, flops) == pytest.approx(0.33, abs=0.005)
    assert law.compute_equivalent_loss(clean, flops) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("epochs", "worth"), [(1, 1.0), (2, 1.97), (4, 3.73), (8, 6.62), (16, 10.6), (40, 15.2)]
)
def test_muennighoffs_effective_data_is_reproduced(epochs, worth):
    law = DataConstrained(*MUENNIGHOFF)
    assert law.effective_tokens(epochs * 1e8, 1e8) / 1e8 == pytest.approx(worth, rel=0.005)


def test_the_geometric_series_is_the_sum_of_its_terms():
    law = DataConstrainedGeometric(*MUENNIGHOFF)
    kept = law.R_D / (1 + law.R_D)
    worth = 1 + sum(kept**k for k in range(1, 8))
    assert law.effective_tokens(8e8, 1e8) / 1e8 == pytest.approx(worth)


def test_without_repetition_the_data_constrained_law_is_chinchillas():
    params, tokens = np.array([1e7, 1e8]), np.array([1e10, 1e11])  # below N_opt: no excess params
    constrained = DataConstrained(*MUENNIGHOFF).predict(
        params=params, tokens=tokens, unique_tokens=tokens
    )
    fresh = Chinchilla(*MUENNIGHOFF[:5]).predict(params=params, tokens=tokens)
    np.testing.assert_allclose(constrained, fresh)


def test_chinchillas_optimum_is_the_least_loss_at_its_compute():
    law = Chinchilla(E=1.8172, A=482.01, B=2085.43, alpha=0.3478, beta=0.3658)
    params, tokens = law.optimum(1e21)
    assert 6 * params * tokens == pytest.approx(1e21)
    around = params * np.geomspace(0.5, 2, 101)
    losses = law.predict(params=around, tokens=1e21 / 6 / around)
    assert np.argmin(losses) == 50
    assert tokens / params == pytest.approx(20, rel=0.35)  # Besiroglu et al. 2024


@pytest.mark.parametrize(
    "law", [PowerLaw(8.8e13, 0.076), FlooredPowerLaw(1.7, 400, 0.34)], ids=lambda law: law.name
)
def test_laws_of_params_invert(law):
    params = np.geomspace(1e4, 1e10, 20)
    np.testing.assert_allclose(law.invert(law.predict(params=params)), params)


@pytest.mark.parametrize(
    "law",
    [Chinchilla(1.8, 482, 2085, 0.35, 0.37), Kaplan(6.4e13, 1.8e13, 0.076, 0.103)],
    ids=lambda law: law.name,
)
def test_joint_laws_invert_at_fixed_tokens(law):
    params, tokens = np.geomspace(1e6, 1e10, 9), 1e10
    loss = law.predict(params=params, tokens=tokens)
    np.testing.assert_allclose(law.invert(loss, tokens), params)
    assert np.isnan(law.invert(0.1, tokens)) or law.name == "kaplan"


def test_a_loss_below_the_floor_has_no_size():
    assert np.isnan(FlooredPowerLaw(1.7, 400, 0.34).invert(1.6))


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_every_law_knows_its_equation_and_its_coordinates(law):
    values = np.linspace(0.3, 1.1, len(law.constant_names()))
    assert law.equation and law.source
    np.testing.assert_allclose(
        law.at(law(*values).coordinates()).coordinates(), law(*values).coordinates()
    )


def test_the_data_constrained_law_inverts():
    law = DataConstrained(*MUENNIGHOFF)
    for params in (1e6, 1e8, 3e9):
        loss = law.predict(params=params, tokens=1e10, unique_tokens=1e9)
        assert law.invert(float(loss), 1e10, 1e9) == pytest.approx(params, rel=1e-6)
    assert np.isnan(law.invert(1.0, 1e10, 1e9))


def test_the_additive_penalty_inverts_to_the_smaller_of_two_sizes():
    law = AdditivePenalty(1.8, 480.0, 2000.0, 0.35, 0.37, 0.02, 0.5, 0.4)
    at = {"tokens": 1e10, "unique_tokens": 1e8}
    assert law.predict(params=1e12, **at) > law.predict(params=1e8, **at)  # too large for its data
    for params in (1e6, 1e7):
        assert law.invert(float(law.predict(params=params, **at)), *at.values()) == pytest.approx(
            params, rel=1e-6
        )
    assert np.isnan(law.invert(1.0, *at.values()))


def test_a_band_of_damage_is_inverted_on_both_sides_of_its_peak():
    band = DamageBand(h=0.8, p=1.0, k=4e4, a=0.5, w=1.2, r=0.3)
    at = {"params": np.array([1e4, 1e6]), "repeated_fraction": 0.5}
    loss = np.exp(0.8 * 0.5 * np.array([0.5, 0.9]))
    fewest, most = band.invert(loss, **at)
    assert (fewest < band.peak(at["params"])).all() and (band.peak(at["params"]) < most).all()
    for repeats in (fewest, most):
        np.testing.assert_allclose(band.predict(repeats=repeats, **at), loss)
    fewest, most = band.invert(np.exp(0.8 * 0.5 * 0.2), params=1e4, repeated_fraction=0.5)
    assert fewest > 0 and np.isnan(most)  # a share of 0.3 of the worst stays for ever
    assert np.isnan(band.invert(2.0, params=1e4, repeated_fraction=0.5)).all()


def test_a_moving_band_is_a_band_whose_worst_repeats_go_with_the_pool():
    band = MovingBand(h=0.8, p=1.0, k=3e-3, a=1.0, w=1.2, r=0.3, b=1.0, g=1.0)
    at = {"params": 1e4, "repeated_fraction": np.array([0.4, 0.8]), "tokens": 4e6}
    worst = band.peak(**at)
    np.testing.assert_allclose(worst / at["repeated_fraction"], 3e-3 * 4e6 / 1e4)
    loss = band.predict(repeats=worst, **at)
    np.testing.assert_allclose(np.log(loss), 0.8 * at["repeated_fraction"])
    np.testing.assert_allclose(band.invert(loss**0.9, **at)[0] < worst, True)


def test_repeated_pairs_are_worth_no_more_than_their_fresh_copies():
    """Without harm epochs approach 1 + R times the pairs; with it they end above the least."""
    law = RepeatedPairs(U_0=500.0, gamma=0.1, R=3.0, h=0.0)
    assert law.predict(pairs=1e-6, epochs=1) == pytest.approx(0.5)
    assert law.predict(pairs=1000, epochs=1e6) == pytest.approx(law.predict(pairs=4000, epochs=1))
    harmed = RepeatedPairs(U_0=500.0, gamma=0.1, R=3.0, h=0.02).predict(
        pairs=1000, epochs=2.0 ** np.arange(9)
    )
    assert 0 < np.argmin(harmed) < 8
