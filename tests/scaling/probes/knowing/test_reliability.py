"""Calibration of predictions whose calibration is known."""

import numpy as np
import pytest

from scaling.probes.knowing import reliability


def drawn(n, seed=0):
    """Confidences, and correctness with just that probability."""
    generator = np.random.default_rng(seed)
    p = generator.beta(2, 2, n)
    return p, generator.random(n) < p


@pytest.mark.parametrize("n", [1000, 8000, 50_000])
def test_the_floor_is_what_a_perfectly_calibrated_model_shows(n):
    p, _ = drawn(n)
    floor = reliability.measure(p, p > 0.5)["rms_ce_floor"]
    assert floor == pytest.approx(np.sqrt(15 * np.mean(p * (1 - p)) / n), rel=1e-3)
    redrawn = np.random.default_rng(1).random((60, n)) < p
    shown = [reliability.measure(p, right)["rms_ce"] ** 2 for right in redrawn]
    assert np.sqrt(np.mean(shown)) == pytest.approx(floor, rel=0.08)


def test_who_is_right_half_as_often_as_said_is_off_by_half():
    p, half = np.full(10_000, 0.8), np.arange(10_000) % 10 < 4
    found = reliability.measure(p, half)
    assert [found[name] for name in ("rms_ce", "ece", "confidence_gap")] == pytest.approx([0.4] * 3)
    assert found["accuracy"] == 0.4 and found["n"] == 10_000
    assert found["brier"] == pytest.approx(0.4 * 0.2**2 + 0.6 * 0.8**2)


def test_errors_of_both_signs_leave_no_gap_but_an_error():
    p = np.repeat([0.2, 0.6], 5000)
    right = np.tile(np.arange(10) < 4, 1000)  # 40 % in either half
    found = reliability.measure(p, right)
    assert found["confidence_gap"] == pytest.approx(0, abs=1e-12)
    assert [found["rms_ce"], found["ece"]] == pytest.approx([0.2, 0.2])


def test_equal_confidences_are_in_one_bin_whatever_their_order():
    p = np.repeat([0.1, 0.5, 0.9], [600, 300, 100])
    right = np.sort(np.random.default_rng(0).random(1000) < 0.5)
    rows = reliability.bins(p, right)
    assert [row["n"] for row in rows] == [600, 300, 100]
    assert [row["confidence"] for row in rows] == pytest.approx([0.1, 0.5, 0.9])
    shuffled = np.random.default_rng(1).permutation(1000)
    assert reliability.measure(p[shuffled], right[shuffled]) == pytest.approx(
        reliability.measure(p, right)
    )


def test_different_confidences_fill_fifteen_bins_evenly():
    rows = reliability.bins(*drawn(1000))
    assert len(rows) == 15 and {row["n"] for row in rows} <= {66, 67}
    assert [row["confidence"] for row in rows] == sorted(row["confidence"] for row in rows)


def test_a_single_prediction_is_measured():
    assert reliability.measure(np.array([0.25]), np.array([True]))["rms_ce"] == 0.75
