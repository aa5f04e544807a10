"""A study that goes on from its tables: the runs that they have are done, wherever their files are."""

import shutil

import pandas as pd
import pytest

from sweeps.grids.files import load_plan
from sweeps.study.store import StudyDirectory
from tests.sweeps.command_line import ostinato

TABLES = ("results", "curves", "heads")

GRID = """
name: two-sittings
base: {tokens: 8192, d_model: 32, probes: [heads]}
axes: {seed: [0, 1, 2]}
stages: [{stage: fine_tuning, select: seed == 0, corpus: pycode, tokens: 8192}]
"""


@pytest.fixture
def study(tmp_path):
    """Three runs, one to be fine-tuned, and one from scratch beside it."""
    source = tmp_path / "grid.yaml"
    source.write_text(GRID)
    directory = StudyDirectory(tmp_path / "study")
    directory.create(load_plan(source), source)
    return directory


def finish(study, records, loss):
    """Runs as a worker leaves them."""
    for record in records:
        run = study.run(record.run_id)
        run.begin(record, 0)
        for step in (0, 1):
            run.evaluation({"step": step, "tokens": step, "test_loss": loss})
            run.details({"heads": [{"step": step, "head": 0, "prefix_matching": loss}]})
        run.finish({"test_loss": loss, "params": record.params, "seconds": 1.0})


def without_files(study):
    """The same study, of which only what is committed has come along."""
    shutil.rmtree(study.path / "runs")
    shutil.rmtree(study.path / "claims", ignore_errors=True)
    return StudyDirectory(study.path)


def tables(study):
    return {name: pd.read_parquet(study.path / f"{name}.parquet") for name in TABLES}


def test_rows_count_as_done_and_are_gathered_again_as_they_were(study):
    finish(study, study.plan.runs, loss=2.0)
    study.collect()
    before = tables(study)
    study = without_files(study)
    assert study.done() == {run.run_id for run in study.plan.runs}
    study.collect()
    for name, table in tables(study).items():
        pd.testing.assert_frame_equal(table, before[name], check_exact=True)


def test_what_is_trained_in_another_sitting_comes_to_what_is_there(study):
    first, second, *others = study.plan.runs
    finish(study, [second], loss=2.0)
    study.collect()
    study = without_files(study)
    assert study.done() == {second.run_id}
    finish(study, [first, *others], loss=3.0)
    study.collect()
    found = tables(study)
    losses = found["results"].set_index("run_id").test_loss
    assert losses.index.tolist() == [run.run_id for run in study.plan.runs]
    assert losses[second.run_id] == 2 and (losses.drop(second.run_id) == 3).all()
    for name in ("curves", "heads"):
        assert found[name].run_id.tolist() == [i for i in losses.index for _ in (0, 1)]


def test_files_come_before_a_row(study):
    run = study.plan.runs[0]
    finish(study, [run], loss=2.0)
    study.collect()
    finish(study, [run], loss=4.0)
    study.collect()
    assert tables(study)["results"].set_index("run_id").test_loss[run.run_id] == 4


def test_a_run_is_trained_again_where_another_wants_its_weights(study):
    parent, *others = study.plan.runs
    (child,) = [run for run in others if run.of]
    assert child.of == parent.run_id
    finish(study, [run for run in study.plan.runs if run is not child], loss=2.0)
    study.collect()
    study = without_files(study)
    assert study.done() == {run.run_id for run in others if run is not child}
    assert study.done(collected=False) == set()


@pytest.mark.slow
def test_a_study_of_tables_alone_goes_on_and_one_run_is_trained_by_its_name(
    studied, grid, data_dir, tmp_path
):
    out = tmp_path / "out"
    out.mkdir()
    for name in ("grid.yaml", "meta.json", "results.parquet", "curves.parquet"):
        shutil.copy(studied / name, out)
    again = ostinato("study", grid, "--out", out, data_dir=tmp_path / "no data", check=0)
    assert "6 of 6 runs are done already" in again.stdout
    assert not (out / "runs").exists() and (out / "report" / "index.html").exists()
    run = load_plan(grid).runs[0].run_id
    ostinato("train", grid, run, "--out", out, data_dir=data_dir, check=0)
    assert [path.name for path in (out / "runs").iterdir()] == [run]
    ours, theirs = (
        pd.read_parquet(place / "results.parquet").set_index("run_id") for place in (out, studied)
    )
    assert ours.test_loss.equals(theirs.test_loss)
