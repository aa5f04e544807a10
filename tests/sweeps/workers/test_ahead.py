"""What is compiled while corpora are being made, and that the workers find it."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from scaling.processor import COMPILED
from sweeps.grids.files import find_grid, load_plan
from sweeps.study.store import StudyDirectory
from sweeps.workers import ahead, local
from sweeps.workers.ahead import compiling_ahead
from sweeps.workers.execution import Execution
from tests.sweeps.command_line import until


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """Where a temporary directory is made; a study's programs are kept in the study, as they are for users."""
    monkeypatch.delenv(COMPILED)
    # With three processes of tests on two cores nothing is idle.
    monkeypatch.setattr(ahead, "PRIORITY", 0)
    directory = tmp_path / "temporary"
    directory.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(directory))
    return directory


@pytest.mark.slow
@pytest.mark.usefixtures("hardly_optimised")
def test_a_worker_finds_what_was_compiled_ahead(grid, data_dir, temporary, tmp_path):
    plan = load_plan(grid)
    study = StudyDirectory(tmp_path / "study")
    with compiling_ahead(plan.runs, study, Execution()):
        # The second shape's, which may be half written: the first's are whole.
        until(lambda: len(list(temporary.glob("compiled-*/jit_steps-*"))) == 2)
    assert not list(temporary.iterdir())
    kept = Path(local.worker_environment(1, study.path)[COMPILED])
    parts = ("jit__lambda", "jit_steps", "jit_token_losses_of")
    made = {part: set(kept.glob(f"{part}-*")) for part in parts}
    assert all(made.values())
    study.create(plan, grid)
    outcome = local.sweep(study, ahead._shapes(plan.runs)[:1], data_dir, 1, local.Watcher())
    assert outcome.done and made == {part: set(kept.glob(f"{part}-*")) for part in parts}


def test_nothing_stays_where_corpora_are_not_made(grid, temporary, tmp_path):
    study = StudyDirectory(tmp_path / "study")
    with (
        pytest.raises(KeyboardInterrupt),
        compiling_ahead(load_plan(grid).runs, study, Execution()),
    ):
        assert list(temporary.iterdir())
        raise KeyboardInterrupt
    assert not study.path.exists() and not list(temporary.iterdir())


@pytest.mark.parametrize("then", ["ends", "is killed", "has nowhere to go"])
def test_the_newest_program_is_left_where_it_may_be_half_written(
    then, grid, temporary, tmp_path, monkeypatch
):
    lasting = 60 if then == "is killed" else 0
    writes = f"""
import os, time
for name, seconds in ("a", 0.01), ("b", {lasting}):
    open(os.environ["{COMPILED}"] + f"/{{name}}-cache", "w").close()
    time.sleep(seconds)
"""
    study, begun, begin = StudyDirectory(tmp_path / "study"), [], subprocess.Popen
    monkeypatch.setattr(ahead, "child", lambda *_: [sys.executable, "-c", writes])
    monkeypatch.setattr(
        subprocess, "Popen", lambda *a, **k: begun.append(begin(*a, **k)) or begun[0]
    )
    if then == "has nowhere to go":
        study.path.touch()
    with compiling_ahead(load_plan(grid).runs, study, Execution()):
        until(lambda: list(temporary.glob("compiled-*/b-*")))
        if then != "is killed":
            until(lambda: begun[0].poll() is not None)
    kept = sorted(program.name for program in study.path.rglob("*-cache"))
    assert kept == {"ends": ["a-cache", "b-cache"], "is killed": ["a-cache"]}.get(then, [])


def test_the_longest_run_of_each_shape_comes_first_and_none_that_takes_hours():
    quick, large = (load_plan(find_grid(name)).runs for name in ("quick", "hernandez2022"))
    assert [run.d_model for run in ahead._shapes(quick)] == [48, 32, 16, 4]
    assert not ahead._shapes(large)


@pytest.mark.parametrize(
    ("cores", "carried", "environment"),
    [
        (1, {}, {}),
        (2, {"stacks": {"a": ["a", "b"]}}, {}),
        (2, {"layouts": {"a": "microbatch=8"}}, {}),
        (2, {}, {COMPILED: "elsewhere"}),
        (2, {}, {"JAX_PLATFORMS": "cuda"}),
        (2, {}, {"OSTINATO_HOSTS": "2"}),
    ],
)
@pytest.mark.usefixtures("temporary")
def test_nothing_is_compiled_ahead_where_it_would_disturb(
    cores, carried, environment, grid, tmp_path, monkeypatch
):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(ahead, "available_cores", lambda: cores)
    monkeypatch.setattr(subprocess, "Popen", None)  # to start a process would fail
    study, execution = StudyDirectory(tmp_path), Execution(**carried)
    with compiling_ahead(load_plan(grid).runs, study, execution):
        pass
