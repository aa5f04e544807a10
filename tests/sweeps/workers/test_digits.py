"""One run, one set of digits: whatever goes beside it, how often it is stopped, and where it began."""

import os
import shutil
import signal
import subprocess

import pandas as pd
import pytest

from scaling.processor import Processor, cpu_name, instruction_set
from sweeps.grids.files import load_plan
from sweeps.study.store import StudyDirectory
from sweeps.workers import local
from tests.sweeps.command_line import (
    OSTINATO,
    assert_equal_findings,
    differences,
    ostinato,
    until,
)

LARGER = ("--select", "d_model == 32")


@pytest.mark.slow
@pytest.mark.usefixtures("among_namesakes")
def test_one_worker_finds_what_two_find_in_whatever_directory(studied, grid, tmp_path):
    # Prepared there as well.
    ostinato("sweep", grid, "--out", tmp_path / "out", "--jobs", 1, data_dir=tmp_path, check=0)
    assert_equal_findings(tmp_path / "out", studied)
    found = pd.read_parquet(tmp_path / "out" / "results.parquet")
    kind = Processor(cpu_name(), instruction_set(), 1)
    assert {Processor(*row) for row in found[list(Processor._fields)].to_numpy()} == {kind}


@pytest.mark.slow
def test_one_run_left_to_resume_finds_it_too(studied, grid, data_dir, tmp_path):
    written_by_others = shutil.ignore_patterns("analysis", "report")  # while it is copied
    out = shutil.copytree(studied, tmp_path / "out", ignore=written_by_others)
    shutil.rmtree(out / "runs" / load_plan(grid).runs[-1].run_id)
    (out / "results.parquet").unlink()  # or it would count as done by its row
    ostinato("sweep", grid, "--out", out, data_dir=data_dir, check=0)
    assert_equal_findings(out, studied)


@pytest.mark.slow
@pytest.mark.usefixtures("own_cache")
def test_stopped_and_gone_on_and_by_two_sweeps_of_one_directory(studied, grid, data_dir, tmp_path):
    out = tmp_path / "out"
    command = [OSTINATO, "sweep", grid, "--out", out, "--jobs", "1", *LARGER]
    command += ["--data-dir", data_dir]
    for sent, code in ((signal.SIGINT, 130), (signal.SIGTERM, 75)):
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        until(lambda: list(out.glob("claims/[!.]*")))
        run = StudyDirectory(out).run(next(out.glob("claims/[!.]*")).name)
        until(lambda run=run: len(run.table("metrics")))  # from here on it trains before it stops
        process.send_signal(sent)
        _, stderr = process.communicate(timeout=300)
        assert process.returncode == code
        assert stderr == "ostinato: stopped; what was trained is kept, the same command goes on\n"
        assert run.consumed_steps() > 0 and run.status()["state"] in ("lost", "done")
        assert not list(out.glob("claims/*"))
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    printed = [process.communicate(timeout=300)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert_equal_findings(out, studied, runs=3)
    trained = [line for text in printed for line in text.splitlines() if "test loss" in line]
    assert len(trained) == len(set(trained)) <= 3


@pytest.mark.slow
def test_more_threads_are_other_digits_and_recorded(studied, grid, data_dir, tmp_path, monkeypatch):
    """So the tests above can fail. Two threads come to the same digits, on some kinds of CPU."""
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path / "compiled"))  # for one thread
    found = {}
    for threads in (2, 4):
        out, control = tmp_path / str(threads), "d_model == 32 and repeats == 0"
        asked = ("--threads", threads, "--select", control)
        ostinato("sweep", grid, "--out", out, *asked, data_dir=data_dir, check=0)
        results = pd.read_parquet(out / "results.parquet")
        assert results[results.status == "done"].threads.tolist() == [threads]
        found[threads] = differences(out, studied)
    assert any(found.values())


def test_a_worker_has_its_threads_and_what_cores_are_spare(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    assert local.worker_cores(None, 9, threads=1) == [[0], [1], [2], [3]]
    assert local.worker_cores(None, 9, threads=2) == [[0, 2], [1, 3]]
    assert local.worker_cores(1, 9, threads=1) == [[0, 1, 2, 3]]
    assert local.worker_cores(None, 9, threads=8) == [[0, 1, 2, 3]]
    for threads in (1, 3):
        environment = local.worker_environment(threads, tmp_path)
        assert environment["PJRT_NPROC"] == environment["OMP_NUM_THREADS"] == str(threads)


def test_each_kind_of_cpu_has_its_own_compiled_programs(tmp_path, monkeypatch):
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
    here = local.worker_environment(1, tmp_path)["JAX_COMPILATION_CACHE_DIR"]
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_max_isa=SSE4_2")
    there = local.worker_environment(1, tmp_path)["JAX_COMPILATION_CACHE_DIR"]
    assert here != there and "SSE4-2" in there


def test_a_run_that_moved_says_between_what(grid, tmp_path):
    study = StudyDirectory(tmp_path / "out")
    study.create(load_plan(grid), grid)
    config = study.plan.runs[0]
    run = study.run(config.run_id)
    here, there = Processor("EPYC", "AVX2", 1), Processor("Xeon", "AVX-512", 2, stacked=3)
    for step, processor in ((0, there), (0, here), (10, here), (20, there), (30, there)):
        run.begin(config, step, processor)
    run.fail("no space")
    run.begin(config, 40, there)
    run.finish({"test_loss": 1.0, **there._asdict()})
    row = study.collect()[0].set_index("run_id").loc[config.run_id]
    assert row.cpu == "EPYC then Xeon" and row.instruction_set == "AVX2 then AVX-512"
    assert pd.isna(row.threads) and row.stacked == 3
