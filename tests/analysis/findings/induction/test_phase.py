"""Bumps, minorants and falls of curves whose shape is known."""

import numpy as np
import pytest

from analysis.findings.induction.phase import bump, convex_minorant, slope, steepest_fall

TOKENS = np.linspace(1e5, 2e6, 40)


def falling(tokens):
    """A convex loss curve, as of a run in which nothing happens."""
    return 2 + 3 * np.exp(-tokens / 1.5e5)


def with_step(tokens, at=1.2e6, height=0.3, width=5e4):
    """The same, with a phase change at `at`."""
    return falling(tokens) - height / (1 + np.exp(-(tokens - at) / width))


def test_a_convex_curve_is_its_own_minorant_and_has_no_bump():
    np.testing.assert_allclose(convex_minorant(TOKENS, falling(TOKENS)), falling(TOKENS))
    found = bump(TOKENS, falling(TOKENS))
    assert np.isnan(found.tokens) and found.height == pytest.approx(0, abs=1e-12)


def test_the_minorant_is_convex_and_nowhere_above():
    loss = with_step(TOKENS) + 0.01 * np.random.default_rng(0).standard_normal(len(TOKENS))
    minorant = convex_minorant(TOKENS, loss)
    assert (minorant <= loss + 1e-12).all()
    assert (np.diff(minorant, 2) >= -1e-9).all()


@pytest.mark.parametrize("at", [1.0e6, 1.2e6, 1.6e6])
def test_the_bump_is_where_the_phase_changes(at):
    found = bump(TOKENS, with_step(TOKENS, at))
    assert found.tokens == pytest.approx(at, abs=1e5) and 0.1 < found.height < 0.3


def test_noise_of_the_batches_is_no_bump():
    noise = 0.01 * np.random.default_rng(1).standard_normal(len(TOKENS))
    assert np.isnan(bump(TOKENS, falling(TOKENS) + noise).tokens)


def test_curves_of_few_points_have_no_bump():
    for n in (0, 1, 2):
        assert np.isnan(bump(TOKENS[:n], falling(TOKENS[:n])).tokens)
    assert np.isnan(bump(TOKENS, np.full(len(TOKENS), 2.0)).tokens)


def test_the_slope_of_a_logarithm_is_one_everywhere():
    np.testing.assert_allclose(slope(TOKENS, np.log(TOKENS)), 1)


def test_a_score_falls_steepest_where_it_drops_and_noise_falls_nowhere():
    tokens = np.concatenate([[0.0], TOKENS])
    score = -0.4 / (1 + np.exp(-(tokens - 1.2e6) / 5e4))
    assert steepest_fall(tokens, score) == pytest.approx(1.2e6, abs=1e5)
    assert np.isnan(steepest_fall(tokens, 0.1 * score))
    assert np.isnan(steepest_fall(tokens, tokens / 1e6))
