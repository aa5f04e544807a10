"""The band's edges as power laws of N."""

import numpy as np
import pandas as pd
import pytest

from analysis.findings.repeats.band import PUBLISHED, band_edges, common_slope


def test_the_papers_edges_are_recovered_from_points_on_them():
    params = np.array([1.57e6, 1.26e7, 1.01e8, 8.05e8])
    published = PUBLISHED.set_index("edge")
    at = {edge: row.k * params**row.exponent for edge, row in published.iterrows()}
    peaks = pd.DataFrame({"params": params, "half_left": at["left edge"]})
    peaks = peaks.assign(half_right=at["right edge"], vertex=at["worst"])
    found = band_edges(peaks).set_index("edge")
    np.testing.assert_allclose(found.exponent, published.exponent[found.index])
    np.testing.assert_allclose(found.k, published.k[found.index])
    assert peaks.half_left[3] == pytest.approx(43, abs=1)  # 805M params: harm from 43 repeats


def test_two_points_have_no_interval_and_one_size_no_edge():
    peaks = pd.DataFrame(
        {"params": [1e5, 1e6], "half_left": [100.0, 30.0], "half_right": [np.nan, 1e4]}
    )
    found = band_edges(peaks)
    assert list(found.edge) == ["left edge"] and found.low.isna().all()


def test_scans_share_a_slope_and_have_levels_of_their_own():
    x = np.array([1.0, 2, 3, 1, 2, 3])
    y = -0.5 * x + np.array([0, 0, 0, 4, 4, 4]) + 0.01 * np.array([1, -2, 1, -1, 2, -1])
    found = common_slope(x, y, [0, 0, 0, 1, 1, 1])
    assert found.slope == pytest.approx(-0.5) and found.low < -0.5 < found.high
    assert found.points == 6 and found.high - found.low < 0.1 and found.level == pytest.approx(2)
    assert np.isnan(common_slope(x[:2], y[:2], [0, 0]).low)
    assert common_slope(x[:1], y[:1], [0]) is None
