"""Designs that leave constants open are named for what they are; so are rows that decide alone."""

import numpy as np
import pytest

from analysis.errors import AnalysisError
from analysis.fitting import fit_table
from analysis.fitting.designs import go_together
from analysis.fitting.doubts.lines import line
from tests.analysis.fitting.test_tables import LAW, TABLE, surface


def told(table, **options):
    return " ".join(fit_table("chinchilla", table, **options).warnings)


def test_a_full_grid_is_not_doubted():
    assert told(TABLE) == ""


def test_one_budget_for_all_is_refused_unless_its_constants_are_given():
    table = TABLE[TABLE.tokens == 2e10].reset_index(drop=True)
    with pytest.raises(AnalysisError, match=r"tokens: the same value \(2e\+10\) in all rows"):
        fit_table("chinchilla", table)
    found = fit_table("chinchilla", table, bootstrap=0, fixed={"B": 410.7, "beta": 0.28})
    assert found.constants["E"] == pytest.approx(1.69, abs=0.15)


def test_two_sizes_are_too_few():
    warnings = told(surface(sizes=(1e8, 1e9)), bootstrap=0)
    assert "2 values of params in all" in warnings and "fix alpha" in warnings
    assert "values of" not in told(surface(sizes=(1e8, 1e9)), bootstrap=0, fixed={"alpha": 0.34})


@pytest.mark.parametrize(
    ("slope", "shown"), [(1.0, "D = 20 N"), (0.8, "D ~ N^0.8"), (1.3, "D ~ N^1.3")]
)
def test_a_line_is_named(slope, shown):
    params = np.geomspace(1e7, 1e10, 12)
    columns = {"params": params, "tokens": 20e9 * (params / 1e9) ** slope}
    assert line(columns) == shown
    columns["tokens"][::2] *= 1.01  # as budgets are rounded to whole batches
    assert line(columns) == shown or slope == 1.0
    columns["tokens"][::2] *= 4
    assert line(columns) == ""


@pytest.mark.slow
def test_one_row_that_decides_is_named():
    table = surface(noise=0.001)
    table.loc[36] = (1e12, 1e9, 3.2)  # far from all others, and off the law
    warnings = told(table, delta=np.inf)
    assert "Row 37 decides alone: without it" in warnings


@pytest.mark.slow
def test_rows_of_one_size_that_go_together_are_resampled_together():
    table = surface(noise=0.001)
    shift = dict(zip(table.params.unique(), 0.01 * np.array([1, -1, 1, -1, 1, -1]), strict=True))
    table["loss"] *= np.exp(table.params.map(shift))
    found = fit_table("chinchilla", table, bootstrap=64)
    assert found.cluster == "params" and found.as_dict()["resampled_by"] == "params"
    assert any("intervals are by size" in warning for warning in found.warnings)
    by_row = fit_table("chinchilla", table, bootstrap=64, cluster="none")
    assert by_row.cluster is None

    def width(one, name):
        low, high = one.intervals()[name]
        return high - low

    assert width(found, "alpha") > width(by_row, "alpha")
    few = table[table.params < 1e9].reset_index(drop=True)
    assert any("are too narrow" in warning for warning in fit_table("chinchilla", few).warnings)


def test_independent_rows_seldom_seem_to_go_together():
    chances = []
    for seed in range(30):
        table = surface(seed=seed)
        found = fit_table("chinchilla", table, bootstrap=0)
        chances.append(go_together(found, table.params.to_numpy(), draws=199))
    assert np.mean(np.array(chances) < 0.05) < 0.2


@pytest.mark.slow
@pytest.mark.parametrize("value", [1e-300, 1e300])
def test_values_of_another_world_give_one_line_or_a_fit(value):
    table = TABLE.copy()
    table.loc[5, "loss"] = value
    try:
        fit_table("chinchilla", table, bootstrap=20)
    except AnalysisError as error:
        assert "\n" not in str(error)


def test_a_loss_that_never_changes_is_refused():
    with pytest.raises(AnalysisError, match=r"loss: the same value \(2\) in all rows"):
        fit_table("chinchilla", TABLE.assign(loss=2.0))


def test_the_truth_needs_no_doubt():
    assert told(TABLE.assign(loss=LAW.predict(params=TABLE.params, tokens=TABLE.tokens))) == ""


def test_a_row_of_no_cluster_is_named():
    table = surface().assign(recipe="a")
    table.loc[[3, 7], "recipe"] = None
    with pytest.raises(AnalysisError, match=r"recipe: 2 rows without \(from row 4\); fill in"):
        fit_table("chinchilla", table, bootstrap=8, cluster="recipe")
