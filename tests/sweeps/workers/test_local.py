"""The local engine, with workers that need no time and some that die."""

import json
import os
import time
from pathlib import Path

import pytest
import typer

from sweeps.commands.runs import _exit_on_failures
from sweeps.grids.files import load_plan
from sweeps.study import claims
from sweeps.study.store import StudyDirectory
from sweeps.workers import local

QUICK = "tests.sweeps.workers.quick_worker:main"


@pytest.fixture
def study(tmp_path, monkeypatch):
    """Four runs, of which those that do not end their process end at once."""
    grid = tmp_path / "grid.yaml"
    grid.write_text("name: g\nbase: {tokens: 1M, d_model: 32}\naxes: {seed: [0, 1, 2, 3]}\n")
    study = StudyDirectory(tmp_path / "study")
    study.create(load_plan(grid), grid)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    return study


@pytest.mark.slow
def test_a_run_whose_process_dies_is_tried_again_then_listed_with_its_last_lines(
    study, tmp_path, capsys
):
    outcome = local.sweep(study, study.plan.runs, tmp_path, 2, local.Watcher(), program=QUICK)
    good, bad = (
        [run.run_id for run in study.plan.runs if (run.seed == 1) is dies] for dies in (False, True)
    )
    assert sorted(outcome.done) == sorted(good) and list(outcome.failed) == bad
    tries = local.CRASHES + 1
    assert study.run(bad[0]).last_lines(99) == ["allocating", "", "out of memory\x1b[2J"] * tries
    with pytest.raises(typer.Exit) as ended:
        _exit_on_failures(study, outcome)
    assert ended.value.exit_code == 1
    assert capsys.readouterr().err.splitlines() == [
        f"ostinato: run {bad[0]} failed: its process died {tries} times (exit code 3)",
        *("  ", "  out of memory\\x1b[2J", "  allocating", "  ", "  out of memory\\x1b[2J"),
    ]


@pytest.mark.slow
def test_runs_are_left_to_sweeps_that_live_and_taken_from_those_that_have_died(
    study, tmp_path, monkeypatch
):
    monkeypatch.setattr(claims, "RENEW_SECONDS", 0.5)
    runs = [run for run in study.plan.runs if run.seed != 1]
    living, dead, free = (study.run(run.run_id).claim for run in runs)
    for claim in (living, dead):
        claims.claim(claim)
        claim.write_text(json.dumps({"host": "elsewhere", "pid": 1, "started": 1.0}))
    soon = time.time() - claims.STALE_SECONDS + 4  # its host died two minutes ago, nearly
    os.utime(dead, (soon, soon))
    with claims.renewing(living):
        outcome = local.sweep(study, runs, tmp_path, 1, local.Watcher(), wait=False, program=QUICK)
    assert sorted(outcome.done) == sorted([free.name, dead.name]) and not outcome.failed
    assert living.exists() and not dead.exists()
