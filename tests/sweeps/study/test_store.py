"""The run store: what its states say, and what a study keeps of its grid."""

import json
import shutil

import pandas as pd
import pytest

from sweeps.grids.files import load_plan
from sweeps.study import claims
from sweeps.study.store import StudyDirectory
from tests.sweeps.command_line import ostinato


@pytest.fixture
def study(grid, tmp_path) -> StudyDirectory:
    made = StudyDirectory(tmp_path / "study")
    made.create(load_plan(grid), grid)
    return made


def test_status_tells_partial_failed_superseded_and_lost_runs_apart(study):
    done, working, lost, failed, pending, _ = study.plan.runs
    for config in (done, working, lost, failed):
        study.run(config.run_id).begin(config, 0)
    study.run(done.run_id).finish({"test_loss": 1.5, "seconds": 2.0})
    study.run(failed.run_id).fail("OSError: [Errno 5] [red]broken[/red]")
    claims.claim(study.run(working.run_id).claim)
    rows = {
        row["run_id"]: row
        for row in json.loads(ostinato("status", study.path, "--json", check=0).stdout)
    }
    states = {
        config.run_id: state
        for config, state in [
            (done, "done"),
            (working, "running"),
            (lost, "lost"),
            (failed, "failed"),
            (pending, "pending"),
        ]
    }
    assert {run_id: rows[run_id]["state"] for run_id in states} == states
    assert 0 <= rows[working.run_id]["heartbeat"] < 60
    assert rows[lost.run_id]["heartbeat"] is None

    shutil.copytree(study.run(done.run_id).path, study.path / "runs" / "0123456789ab")
    printed = ostinato("status", study.path, check=0).stdout
    assert "1 more in runs/ are superseded" in printed and "[red]" in printed
    results, _ = study.collect()
    assert "0123456789ab" not in set(results["run_id"])
    assert results["status"].value_counts()["pending"] == 2


def test_a_study_keeps_its_histogram_without_the_table_it_came_from(grid, tmp_path):
    table = tmp_path / "pools.csv"
    pd.DataFrame({"repeats": [1, 4, 20], "token_share": [0.6, 0.2, 0.2]}).to_csv(table)
    source = tmp_path / "pools.yaml"
    text = grid.read_text().replace("  repeated_fraction: 0.5\n", "  pools: pools.csv\n")
    source.write_text(text.replace("  repeats: [8, 40]\n", ""))
    plan = load_plan(source)
    study = StudyDirectory(tmp_path / "study")
    study.create(plan, source)
    table.unlink()
    assert [run.run_id for run in study.plan.runs] == [run.run_id for run in plan.runs]
    study.create(study.plan, study.path / "grid.yaml")
    assert StudyDirectory(study.path).plan.runs == plan.runs


def test_nothing_of_a_grid_leads_out_of_its_study(grid, tmp_path):
    evil = tmp_path / "evil.yaml"
    corpus = "  ood_corpus: text_files:../../../etc"
    evil.write_text(grid.read_text().replace("  ood_corpus: null", corpus))
    study = StudyDirectory(tmp_path / "study")
    for config in load_plan(evil).runs:
        run = study.run(config.run_id)
        for path in (run.path, run.claim, run.log, run.checkpoints):
            assert path.resolve().is_relative_to(study.path.resolve())


def test_a_grid_that_has_grown_is_collected_whole(tmp_path):
    grid = tmp_path / "grid.yaml"
    study = StudyDirectory(tmp_path / "study")
    for seeds in ([0], [0, 1, 2]):
        grid.write_text(f"name: g\nbase: {{tokens: 1M, d_model: 32}}\naxes: {{seed: {seeds}}}\n")
        study.create(load_plan(grid), grid)
        assert len(study.collect()[0]) == len(seeds)
