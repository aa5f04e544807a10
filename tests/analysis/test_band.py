"""The band's edges as power laws of N, and compute-optimal params."""

import numpy as np
import pandas as pd
import pytest

from analysis.band import PUBLISHED, band_edges
from analysis.errors import AnalysisError
from analysis.frontier import envelope, isoflop, optimal_exponent
from analysis.laws import Chinchilla

LAW = Chinchilla(E=1.8172, A=482.01, B=2085.43, alpha=0.3478, beta=0.3658)
EXPONENT = LAW.beta / (LAW.alpha + LAW.beta)


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


def test_isoflop_profiles_give_the_laws_exponent():
    flops = np.repeat([1e18, 1e19, 1e20, 1e21], 9)
    params = np.tile(np.geomspace(0.5, 2, 9), 4) * LAW.optimum(flops)[0]
    loss = LAW.predict(params=params, tokens=flops / 6 / params)
    frontier = isoflop(params, flops, loss)
    assert optimal_exponent(frontier)[1] == pytest.approx(EXPONENT, abs=0.01)


def test_a_profile_without_a_bottom_is_left_out():
    flops, params = np.repeat([1e18, 1e21], 5), np.tile(np.geomspace(1e6, 1e7, 5), 2)
    loss = LAW.predict(params=params, tokens=flops / 6 / params)
    assert 1e21 not in set(isoflop(params, flops, loss).flops)
    with pytest.raises(AnalysisError, match="at least 2"):
        optimal_exponent(isoflop(params, flops, loss).head(1))


def test_the_envelope_of_curves_gives_the_laws_exponent():
    params = np.geomspace(1e6, 1e9, 40)
    tokens = np.geomspace(1e8, 1e11, 200)
    grid = pd.MultiIndex.from_product([params, tokens], names=["params", "tokens"]).to_frame(
        index=False
    )
    grid["test_loss"] = LAW.predict(params=grid.params, tokens=grid.tokens)
    frontier = envelope(grid)
    inner = frontier[(frontier.params > 3e6) & (frontier.params < 3e8)]
    assert optimal_exponent(inner)[1] == pytest.approx(EXPONENT, abs=0.05)
