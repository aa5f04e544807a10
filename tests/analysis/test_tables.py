"""Reading a study: what is taken, what is set aside, what is refused."""

import numpy as np
import pandas as pd
import pytest

from analysis.errors import AnalysisError
from analysis.tables import make_study, read_study


def test_a_study_without_results_is_refused(tmp_path):
    with pytest.raises(AnalysisError, match=r"results\.parquet: no such table; collect"):
        read_study(tmp_path)


def test_a_file_that_is_no_table_is_refused(tmp_path):
    (tmp_path / "results.parquet").write_text("nonsense")
    with pytest.raises(AnalysisError, match="not a readable CSV or Parquet"):
        read_study(tmp_path)


def test_a_missing_column_is_named(tables):
    results, curves = tables()
    with pytest.raises(AnalysisError, match=r"no column params, test_loss; there are: run_id"):
        make_study(results.drop(columns=["params", "test_loss"]), curves)


@pytest.mark.parametrize("bad", [np.nan, -1.0, 0.0, np.inf])
def test_a_run_without_a_usable_loss_is_left_out_and_named(tables, bad):
    results, curves = tables()
    results.loc[3, "test_loss"] = bad
    study = make_study(results, curves)
    assert len(study.results) == len(results) - 1
    assert any(results.run_id[3] in note for note in study.notes)
    assert results.run_id[3] not in set(study.curves.run_id)


def test_unfinished_runs_are_left_out(tables):
    results, curves = tables()
    results.loc[:4, "status"] = "running"
    study = make_study(results, curves)
    assert len(study.results) == len(results) - 5
    assert "5 runs are not done and are left out." in study.notes


def test_no_usable_run_is_an_error(tables):
    results, _ = tables()
    with pytest.raises(AnalysisError, match="no run with status 'done'"):
        make_study(results.assign(test_loss=np.nan))


def test_each_fraction_is_a_scan_and_shares_the_controls(tables):
    study = make_study(*tables(fractions=(0.1, 0.5)))
    assert list(study.scans.label) == ["f = 0.1", "f = 0.5"]
    assert study.scans.setting.nunique() == 1
    assert set(study.repeated.scan) == {0, 1}


def test_a_setting_that_follows_from_the_size_makes_no_scan(tables):
    results, curves = tables()
    results["learning_rate"] = 0.1 * results.params**-0.3
    assert len(make_study(results, curves).scans) == 1


def test_a_setting_that_varies_within_a_size_makes_scans(tables):
    results, curves = tables(seeds=(0,))
    decayed = results.assign(weight_decay=1.0, run_id=results.run_id + "wd")
    study = make_study(pd.concat([results, decayed], ignore_index=True), curves)
    assert set(study.scans.label) == {"f = 0.5, weight_decay 0.1", "f = 0.5, weight_decay 1.0"}


def test_budgets_that_grow_with_the_size_are_grouped_by_tokens_per_param(tables):
    results, _ = tables(seeds=(0,))
    once = results.assign(tokens=20 * results.params)
    twice = results.assign(tokens=40 * results.params, run_id=results.run_id + "2")
    study = make_study(pd.concat([once, twice], ignore_index=True))
    assert list(study.scans.tokens_per_param) == [20, 40]
