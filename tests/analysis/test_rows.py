"""Rows and groups of tables."""

import numpy as np
import pandas as pd
import pytest

from analysis.rows import rows_of, run_ids_of


@pytest.fixture
def runs():
    """Rows in no order, one of them without a size."""
    return pd.DataFrame(
        {
            "run_id": list("dacbe"),
            "params": [2.0, 1.0, np.nan, 2.0, 1.0],
            "seed": [0, 0, 1, 1, 1],
            "two words": 0.5,
        },
        index=[7, 3, 5, 1, 9],
    )


def test_a_row_has_what_its_cells_hold_by_the_names_of_columns(runs):
    first, *_ = rows_of(runs)
    assert (first.run_id, first.params, first.seed) == ("d", 2.0, 0)
    assert type(first.params) is float and type(first.seed) is int
    assert [row.run_id for row in rows_of(runs)] == list(runs.run_id)
    assert list(rows_of(runs.head(0))) == list(rows_of(pd.DataFrame())) == []


@pytest.mark.parametrize("by", ["params", ["params", "seed"]])
def test_the_runs_of_groups_are_those_of_each_in_the_table_s_order(runs, by):
    groups = runs.groupby(by)
    pd.testing.assert_series_equal(
        run_ids_of(groups), groups.run_id.agg(list), check_names=False, check_dtype=False
    )
    assert run_ids_of(runs.head(0).groupby(by)).empty
    if by == "params":
        assert run_ids_of(groups).to_dict() == {1.0: ["a", "e"], 2.0: ["d", "b"]}
