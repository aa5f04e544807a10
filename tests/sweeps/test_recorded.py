"""What is recorded comes from the grids that are shipped."""

from pathlib import Path

import pandas as pd
import pytest

import analysis
from sweeps.grid import find_grid, load_plan

RECORDED = sorted(
    p.parent for p in (Path(analysis.__file__).parent / "recorded").glob("*/results.parquet")
)


@pytest.mark.parametrize("directory", RECORDED, ids=lambda directory: directory.name)
def test_every_recorded_run_is_a_run_of_the_shipped_grid(directory):
    results = pd.read_parquet(directory / "results.parquet")
    curves = pd.read_parquet(directory / "curves.parquet")
    planned = {run.run_id: run for run in load_plan(find_grid(directory.name)).runs}
    assert set(results["run_id"]) == planned.keys() == set(curves["run_id"])
    assert (results["status"] == "done").all() and results["git_commit"].nunique() == 1
    assert not results["git_commit"].str.endswith("-dirty").any()
    for row in results.to_dict("records"):
        run = planned[row["run_id"]]
        assert row["learning_rate"] == run.learning_rate and row["params"] == run.params


def test_the_best_learning_rate_is_within_a_factor_of_two_of_the_rule():
    results = pd.read_parquet(
        Path(analysis.__file__).parent / "recorded" / "learning_rate" / "results.parquet"
    )
    best = results.loc[results.groupby("d_model")["test_loss"].idxmin()]
    assert len(best) == 4 and (best["learning_rate"] * best["d_model"]).between(0.5, 2).all()
    assert all(results["learning_rate"].groupby(results["d_model"]).nunique() == 5)
