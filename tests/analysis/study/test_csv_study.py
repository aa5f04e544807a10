"""A study whose tables are CSV, as a spreadsheet has left them."""

import pandas as pd
import pytest

from analysis import analyse
from analysis.errors import AnalysisError
from analysis.report import write_report
from analysis.study import read_study


def as_csv(folder, **how):
    for name in ("results", "curves"):
        table = pd.read_parquet(folder / f"{name}.parquet")
        table.to_csv(folder / f"{name}.csv", index=False, **how)
        (folder / f"{name}.parquet").unlink()


@pytest.mark.parametrize(
    "how", [{}, {"sep": ";", "decimal": ","}, {"sep": "\t", "encoding": "utf-16"}]
)
def test_a_study_in_csv_says_what_it_says_in_parquet(study_dir, how):
    before = analyse(study_dir)
    as_csv(study_dir, **how)
    after = analyse(study_dir)
    assert after.summary == before.summary
    pd.testing.assert_frame_equal(after.peaks, before.peaks, check_dtype=False, rtol=1e-9)
    said = [note for note in after.study.notes if "test_loss" in note]
    assert len(said) == 2 * ("decimal" in how)  # of results and curves


@pytest.mark.slow
def test_a_study_in_csv_is_reported(study_dir):
    as_csv(study_dir)
    assert "costs most" in write_report(study_dir).read_text()


def test_a_study_that_can_be_read_in_two_ways_is_refused(study_dir):
    as_csv(study_dir)
    table = pd.read_csv(study_dir / "results.csv")[["run_id", "seed"]]
    table = table.assign(tokens="4,194", repeated_fraction="0", repeats="0", params="6,144")
    table.assign(test_loss="2,345").to_csv(study_dir / "results.csv", index=False)
    with pytest.raises(AnalysisError, match=r"results\.csv: tokens: '4,194' can be 4\.194 or 4194"):
        read_study(study_dir)


def test_tables_beside_the_results_may_be_csv(study_dir):
    (study_dir / "facts.csv").write_text("run_id;x\na;1,5\n")
    study = read_study(study_dir)
    assert list(study.details) == ["facts"] and study.details["facts"].x.tolist() == [1.5]
