"""The local engine, with workers that need no time and some that die."""

import pytest
import typer

from sweeps import local
from sweeps.commands.runs import _exit_on_failures
from sweeps.grid import load_plan
from sweeps.store import StudyDirectory


def test_a_run_whose_process_dies_is_tried_again_then_listed_with_its_last_lines(
    tmp_path, monkeypatch, capsys
):
    grid = tmp_path / "grid.yaml"
    grid.write_text("name: g\nbase: {tokens: 1M, d_model: 32}\naxes: {seed: [0, 1, 2, 3]}\n")
    study = StudyDirectory(tmp_path / "study")
    study.create(load_plan(grid), grid)
    monkeypatch.setattr(local, "WORKER", "tests.sweeps.crashing_worker")
    outcome = local.sweep(study, study.plan.runs, tmp_path, 2, local.Watcher())
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
