"""Ways through the space of losses."""

import numpy as np
import pandas as pd
import pytest

from analysis.findings.induction.trajectories import trajectories


def test_a_straight_way_has_one_component_and_keeps_its_lengths():
    direction = np.random.default_rng(0).normal(size=7)
    direction /= np.linalg.norm(direction)
    table = pd.DataFrame(
        {
            "run_id": "a",
            "step": range(5),
            "tokens": np.arange(5) * 10,
            "corpus": "c",
            "vector": [(t * direction).tolist() for t in range(5)],
        }
    )
    way = trajectories(table, ["corpus"])
    assert np.abs(np.diff(way["first"])) == pytest.approx(1)
    assert way["second"].to_numpy() == pytest.approx(0, abs=1e-9)
    assert way["explained"].to_numpy() == pytest.approx(1)
