"""Intervals over seeds are Student's, of one column and of the cells of a table."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_1samp

from analysis.findings.seeds import cells_over_seeds, holm, over_seeds


def test_the_interval_is_students():
    values = [0.1, 0.3, 0.2]
    found = ttest_1samp(values, 0).confidence_interval(0.95)
    assert over_seeds(values) == pytest.approx((0.2, found.low, found.high))
    value, low, high = over_seeds(values, log=True)
    assert value == pytest.approx(0.2) and 0 < low < 0.2 < high


def test_one_seed_has_no_interval():
    value, low, high = over_seeds([0.4, np.nan])
    assert value == 0.4 and np.isnan(low) and np.isnan(high)


def test_several_p_values_count_as_holm_has_them():
    """The least times their number, the next times one less, and none below one before it."""
    assert holm([0.03, 0.01, 0.9]) == pytest.approx([0.06, 0.03, 0.9])
    assert holm([0.02, 0.03]) == pytest.approx([0.04, 0.04])
    assert holm([0.7, 0.6]) == pytest.approx([1, 1])


def test_a_table_has_the_same_intervals_cell_by_cell():
    runs = pd.DataFrame({"repeats": [0] * 3 + [9] * 3 + [27], "run_id": list("abcdefg")})
    runs["bits"] = [5.0, 6.0, 8.0, 1.0, 2.0, np.nan, 4.0]
    runs["ratio"] = [0.5, 0.4, 0.8, 1.0, 1.1, 1.3, 0.7]
    cells = cells_over_seeds(runs, ["repeats"], ["bits"], ["ratio"]).set_index("repeats")
    for name, log in (("bits", False), ("ratio", True)):
        for repeats in (0, 9, 27):
            ends = over_seeds(runs[name][runs.repeats == repeats], log)
            whole = name == "ratio" or repeats != 9
            wanted = ends if whole else (np.nan,) * 3  # a run without a value leaves the cell none
            found = cells.loc[repeats, [name, f"{name}_low", f"{name}_high"]]
            assert found.to_list() == pytest.approx(wanted, nan_ok=True)
    assert cells.seeds.to_list() == [3, 3, 1] and cells.run_ids[27] == ["g"]
