"""The worst repeats of a damage curve, with and without a model."""

import numpy as np
import pytest

from analysis.findings.repeats.peak import find_peak

REPEATS = 2.0 ** np.arange(0, 14)


def bump(repeats, centre=60.0, height=0.3, width=0.6):
    return height * np.exp(-(np.log10(repeats / centre) ** 2) / (2 * width**2))


def test_a_gaussian_bump_is_recovered():
    peak = find_peak(REPEATS, bump(REPEATS))
    assert peak.gaussian_repeats == pytest.approx(60)
    assert peak.gaussian_height == pytest.approx(0.3)
    assert peak.gaussian_width == pytest.approx(0.6)
    assert peak.vertex == pytest.approx(60)


def test_the_model_free_peak_is_the_worst_measured_cell():
    peak = find_peak(REPEATS, bump(REPEATS))
    assert peak.repeats == 64 and peak.interior
    assert peak.damage == pytest.approx(bump(64.0))


def test_half_maximum_crossings_match_the_gaussian_width():
    dense = np.geomspace(1, 10_000, 400)
    peak = find_peak(dense, bump(dense))
    decades = np.sqrt(2 * np.log(2)) * 0.6
    assert peak.half_left == pytest.approx(60 / 10**decades, rel=0.01)
    assert peak.half_right == pytest.approx(60 * 10**decades, rel=0.01)


def test_damage_that_still_rises_at_the_end_has_no_interior_peak():
    peak = find_peak(REPEATS[:6], bump(REPEATS[:6]))
    assert not peak.interior and peak.repeats == REPEATS[5]
    assert np.isnan(peak.half_right) and peak.prominence == 0 and np.isnan(peak.vertex)


def test_order_of_the_cells_does_not_matter():
    shuffled = np.random.default_rng(0).permutation(len(REPEATS))
    assert find_peak(REPEATS[shuffled], bump(REPEATS)[shuffled]) == find_peak(
        REPEATS, bump(REPEATS)
    )


def test_three_cells_do_not_determine_a_gaussian():
    peak = find_peak([1, 10, 100], [0.0, 0.2, 0.1])
    assert peak.interior and np.isnan(peak.gaussian_repeats)


def test_no_damage_is_no_peak():
    peak = find_peak(REPEATS, -bump(REPEATS))
    assert np.isnan(peak.gaussian_repeats)
