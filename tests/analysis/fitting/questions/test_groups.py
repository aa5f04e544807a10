"""One law on several tables: has a new recipe another exponent?"""

import numpy as np
import pandas as pd
import pytest

from analysis.errors import AnalysisError
from analysis.fitting.questions.groups import fit_each
from analysis.laws import Chinchilla
from tests.analysis.fitting.test_tables import surface

OLD = surface(noise=0.001)
OTHER = Chinchilla(1.69, 406.4, 410.7, 0.37, 0.28)
NOISE = np.exp(0.001 * np.random.default_rng(5).normal(size=36))
NEW = OLD.assign(loss=OTHER.predict(params=OLD.params, tokens=OLD.tokens) * NOISE)


def test_another_exponent_is_told_from_the_same(tmp_path):
    fixed = {"E": 1.69}
    found = fit_each(
        "chinchilla", {"old": OLD, "new": NEW, "again": surface(0.001, seed=9)}, fixed=fixed
    )
    apart = found.differences().set_index(["constant", "first", "second"])
    assert apart.differ["alpha", "old", "new"] and not apart.differ["alpha", "old", "again"]
    row = apart.loc[("alpha", "old", "new")]
    assert row.low < 0.03 < row.high
    assert set(found.table().constant) == {"E", "A", "B", "alpha", "beta", "a", "b"}


def test_one_table_by_a_column_is_as_its_parts():
    both = pd.concat([OLD.assign(recipe="old"), NEW.assign(recipe="new"), NEW.head(3)])
    found = fit_each("chinchilla", both.reset_index(drop=True), by="Recipe", bootstrap=0)
    alone = fit_each("chinchilla", {"old": OLD, "new": NEW}, bootstrap=0)
    for name in ("old", "new"):
        assert found.fits[name].constants == pytest.approx(alone.fits[name].constants)
    assert found.left_out == {"(none)": "3 rows without a recipe"}
    assert found.fits["new"].places[0] == 37 and found.differences().empty


def test_parts_that_cannot_be_fitted_are_left_out_and_two_are_needed(tmp_path):
    few = OLD.head(3)
    found = fit_each("chinchilla", {"a": OLD, "b": NEW, "c": few}, bootstrap=0)
    assert list(found.fits) == ["a", "b"] and "3 rows for 5 constants" in found.left_out["c"]
    with pytest.raises(AnalysisError, match="tables: 1 of 2 can be fitted, two are needed"):
        fit_each("chinchilla", {"a": OLD, "c": few}, bootstrap=0)
    with pytest.raises(AnalysisError, match="by: table has no column seed; there are: params"):
        fit_each("chinchilla", OLD, by="seed")
    with pytest.raises(AnalysisError, match="by: loss has 36 values"):
        fit_each("chinchilla", OLD, by="loss")


def test_files_are_named_by_their_own_names(tmp_path):
    paths = [tmp_path / "a" / "runs.csv", tmp_path / "b" / "runs.csv"]
    for path, table in zip(paths, (OLD, NEW), strict=True):
        path.parent.mkdir()
        table.to_csv(path, index=False)
    assert list(fit_each("chinchilla", paths, bootstrap=0).fits) == [str(path) for path in paths]
    with pytest.raises(AnalysisError, match="one is given twice"):
        fit_each("chinchilla", [paths[0], paths[0]])
