"""Reading a study: what is taken, what is set aside, what is refused."""

import numpy as np
import pandas as pd
import pytest

from analysis.errors import AnalysisError
from analysis.study import make_study, read_study


def test_a_study_without_results_is_refused(tmp_path):
    with pytest.raises(AnalysisError, match=r"results\.parquet: no such table; collect"):
        read_study(tmp_path)


def test_a_table_by_itself_is_told_where_to_lie(tmp_path):
    (tmp_path / "losses.csv").write_text("params,loss\n1e6,3\n")
    with pytest.raises(AnalysisError, match=r"losses\.csv: a file; give the directory of a study"):
        read_study(tmp_path / "losses.csv")


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
    assert any(f"{results.run_id[3]} (test_loss)" in note for note in study.notes)
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
    with pytest.raises(AnalysisError, match="at fault: params;"):
        make_study(results.assign(params="many"))


def test_what_cannot_be_computed_is_said_and_the_rest_is(tables):
    results, _ = tables()
    study = make_study(results.drop(columns=["pool_loss", "flops", "pool_tokens"]))
    assert [note.split(":")[0] for note in study.notes] == ["No pool_loss", "No flops"]
    at = study.repeated
    assert (at.pool_tokens * at.repeats).to_numpy() == pytest.approx(
        (at.repeated_fraction * at.tokens).to_numpy()
    )


def test_a_controls_repeats_may_be_left_empty(tables):
    results, _ = tables()
    emptied = results.assign(repeats=results.repeats.where(results.repeats > 0))
    assert len(make_study(emptied).controls) == (results.repeats == 0).sum()


def test_tokenizers_are_kept_apart(tables):
    results, _ = tables()
    study = make_study(results.assign(vocabulary=np.where(results.seed == 0, "bytes", "gpt2")))
    assert study.controls.groupby("setting").vocabulary.nunique().eq(1).all()
    assert any("Several vocabularies (bytes, gpt2)" in note for note in study.notes)


def test_a_run_counts_once(tables):
    results, curves = tables()
    study = make_study(pd.concat([results, results.tail(2)]), curves)
    assert len(study.results) == len(results)
    assert any("2 rows repeat a run_id" in note for note in study.notes)


def test_where_a_study_comes_from_is_kept(study_dir):
    (study_dir / "meta.json").write_text('{"machine": "a laptop"}')
    meta = read_study(study_dir).meta
    assert (meta["name"], meta["machine"], meta["git_commit"]) == ("synthetic", "a laptop", ["abc"])


def test_a_study_of_several_kinds_of_cpu_or_threads_says_so(tables):
    results, curves = tables()
    results = results.assign(cpu="EPYC", instruction_set="AVX2", threads=1.0)
    assert not any("CPU" in note or "threads" in note for note in make_study(results, curves).notes)
    results.loc[:1, ["cpu", "instruction_set"]] = "Xeon", "AVX-512"
    results.loc[2, "threads"], results.loc[3, "threads"] = 4, np.nan
    notes = make_study(results, curves).notes
    rest = len(results) - 2
    assert (
        "Several kinds of CPU, between which the last digits of a run differ: "
        f"{rest} runs on EPYC (AVX2), 2 runs on Xeon (AVX-512)." in notes
    )
    assert (
        "Several numbers of threads, on which the digits of a run depend: "
        f"{rest} runs in 1, 1 run in 4, 1 run in a changing number." in notes
    )
    stacked = np.where(results.index < 2, 1, 4)
    notes = make_study(results.assign(stacked=stacked), curves).notes
    assert any(note.startswith(f"2 runs trained alone and {rest} in stacks") for note in notes)


def test_tables_beside_the_results_are_read_by_any_name_when_asked_for(study_dir):
    runs = pd.read_parquet(study_dir / "results.parquet").run_id
    pd.DataFrame({"run_id": runs, "x": 1.0}).to_parquet(study_dir / "facts.parquet")
    (study_dir / "broken.parquet").write_text("nonsense")
    study = read_study(study_dir)
    assert list(study.details) == ["broken", "facts"] and study.details.get("heads") is None
    assert study.details["facts"] is study.details["facts"] and "results" not in study.details
    of_seed = study.of_seed(1)
    assert set(of_seed.details["facts"].run_id) == set(of_seed.results.run_id)
    assert study.has({"facts": ("x",)}) and not of_seed.has({"facts": ("y",)})
    with pytest.raises(AnalysisError, match=r"broken\.parquet: not a readable"):
        study.details["broken"]
