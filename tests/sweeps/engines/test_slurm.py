"""Slurm, for real: a cluster of one node on loopback trains what the local engine trains."""

import json
import os
import subprocess
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.sweeps import slurm_cluster
from tests.sweeps.command_line import (
    OSTINATO,
    assert_equal_findings,
    bad,
    ostinato,
    states,
    until,
)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """The environment of a cluster; without Slurm that is a skip, but on CI a failure."""
    lacking = slurm_cluster.missing()
    if lacking and not os.environ.get("CI"):
        pytest.skip(lacking)
    with slurm_cluster.running(tmp_path_factory.mktemp("slurm")) as environment:
        yield environment


@pytest.fixture
def slurm(cluster, monkeypatch):
    """Slurm's commands and ours reach the cluster; calling it runs one of Slurm's."""
    monkeypatch.setenv("SLURM_CONF", cluster["SLURM_CONF"])
    return lambda *command: (
        subprocess.run(command, capture_output=True, text=True, check=True).stdout
    )


def job_id(out: Path) -> str:
    newest = max((out / "jobs").glob("*.json"), key=lambda path: path.stat().st_mtime)
    return json.loads(newest.read_text())["id"]


def at_work(out: Path, task: str) -> bool:
    """Whether a worker of that task of a job holds a run."""
    for claim in (out / "claims").glob("[!.]*"):
        with suppress(OSError, ValueError, psutil.Error):  # it has ended meanwhile
            own = psutil.Process(json.loads(claim.read_text())["pid"]).environ()
            if f"{own.get('SLURM_ARRAY_JOB_ID')}_{own.get('SLURM_ARRAY_TASK_ID')}" == task:
                return True
    return False


@pytest.mark.slow
def test_a_cluster_finds_what_one_machine_finds_though_jobs_are_cancelled_and_requeued(
    slurm, grid, studied, data_dir, tmp_path
):
    out = tmp_path / 'it\'s $(touch pwned) 100% "done"; rm -rf x'
    arguments = ("--to", "slurm", "--workers", "2", "--yes")
    submitted = ostinato(
        "submit", grid, "--out", out, *arguments, data_dir=data_dir, check=0
    ).stdout
    assert "6 of 6 runs to train" in submitted
    until(lambda: list((out / "claims").glob("[!.]*")))
    assert "running" in ostinato("status", out, check=0).stdout
    assert "cancelled" in ostinato("cancel", out, "--yes", check=0).stdout
    until(lambda: not slurm("squeue", "--noheader"))
    until(lambda: "running" not in states(out))  # the last of it may be dying yet
    assert states(out).count("done") < 6
    assert "==> slurm-" in ostinato("logs", out, check=0).stdout
    assert "no job is under way" in ostinato("cancel", out, check=0).stdout

    command = [OSTINATO, "study", grid, "--out", out, *arguments, "--data-dir", data_dir]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as waiting:
        until(lambda: at_work(out, f"{job_id(out)}_0"))
        first = f"{job_id(out)}_0"
        slurm("scancel", "--batch", "--signal=USR1", first)  # as before its time limit
        until(lambda: "PENDING" in slurm("squeue", "--noheader", "--format=%T", f"--job={first}"))
        assert waiting.communicate(timeout=180)[0].count("submitted") == 1
    assert waiting.returncode == 0
    log = (out / "jobs" / f"slurm-{first}.log").read_text()
    assert "the same command goes on" in log  # and it was seen pending again
    assert (out / "report" / "index.html").exists()
    assert_equal_findings(out, studied)
    assert not list(tmp_path.rglob("pwned")) and not Path("pwned").exists()
    again = ostinato("submit", grid, "--out", out, *arguments, data_dir=data_dir, check=0)
    assert "all of its 6 runs are done" in again.stdout


def test_what_the_cluster_refuses_is_said_before_anything_is_written(slurm, grid, tmp_path):
    out = tmp_path / "out"
    asked = ("submit", grid, "--to", "slurm", "--out", out, "--yes")
    bad(ostinato(*asked, "--partition", "nope"), "slurm: sbatch: ")
    bad(ostinato(*asked, "--cpus", "64"), "slurm: sbatch: ")
    unanswered = ostinato(*asked[:-1])
    assert unanswered.returncode == 2 and "give --yes" in unanswered.stderr
    assert "6 of 6 runs to train: 184k tokens" in unanswered.stdout
    assert not out.exists()
