"""The band's edges as power laws of N."""

import numpy as np
import pandas as pd
import pytest

from analysis.findings.repeats.band import PUBLISHED, band_edges


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
