"""Slurm: one job array, each task of it a worker.

Slurm itself requeues a task that it preempts or whose node fails. Shortly before its time limit a
task gets SIGUSR1: it lets the worker save and puts itself back into the queue. SIGTERM is passed on
alone, for it also comes with scancel, after which nothing shall start again.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

from data_pipelines.errors import OstinatoError
from data_pipelines.system.children import program
from sweeps.engines.job import Job, Request, Submission
from sweeps.engines.limits import in_words, seconds_of
from sweeps.study.storage import is_remote

SAVING_SECONDS = 120
"""How long before the time limit a task is told to save."""

_TRAPS = """\
again=
trap 'again=1; kill -TERM "$worker" 2>/dev/null' USR1
trap 'kill -TERM "$worker" 2>/dev/null' TERM
"""

_WAIT = """\
worker=$!
wait "$worker"; code=$?
while kill -0 "$worker" 2>/dev/null; do wait "$worker"; code=$?; done  # a signal ends a wait
if [ "$again" ]; then scontrol requeue "$SLURM_JOB_ID"; fi
exit "$code"
"""


def complete(request: Request) -> Request:
    """The request as it is: a cluster's own defaults fill in the rest."""
    request.refuse("slurm", "accelerator", "spot", "image")
    if request.time and seconds_of(request.time) <= SAVING_SECONDS:
        raise OstinatoError(
            f"time: {in_words(request.time)} leave none to train, for the last "
            f"{SAVING_SECONDS // 60} minutes are for saving; write 4h, or 4:00:00"
        )
    return request


def dollars_per_hour(request: Request) -> None:
    """Not known of a cluster of one's own."""
    return None


def render(job: Job) -> str:
    """The batch script."""
    request, log = job.request, str(job.directory.absolute()).replace("%", "%%")
    options = {
        "job-name": job.name,
        "array": f"0-{request.workers - 1}",
        "output": f"{log}/slurm-%A_%a.log",
        "open-mode": "append",
        "requeue": None,
        "signal": f"B:USR1@{SAVING_SECONDS}",
        "ntasks": 1,
        "cpus-per-task": request.cpus,
        "gpus": request.gpus or None,
        "mem": request.memory,
        "partition": request.partition,
        "time": request.time,
    }
    lines = [
        f"#SBATCH --{name}" + ("" if value is None else f"={shlex.quote(str(value))}")
        for name, value in options.items()
        if value is not None or name == "requeue"
    ]
    jobs = 1 if request.gpus else max(1, request.cpus // job.options.threads)
    sweep = job.sweep(
        str(Path(sys.executable).with_name("ostinato")),
        out=str(_shared(job.out)),
        options=["--data-dir", str(job.data_dir.absolute()), "--jobs", str(jobs)],
    )
    return "\n".join(["#!/bin/bash", *lines, "", f"{_TRAPS}{sweep} &", _WAIT])


def reach(out: Path) -> None:
    """Raise OstinatoError where there is no Slurm, or the study is in no directory."""
    _shared(out)
    _slurm("sinfo", "--version")


def _shared(out: Path) -> Path:
    """The study's directory as every node sees it; raises OstinatoError on a bucket."""
    if is_remote(out):
        raise OstinatoError(f"out: {out} is a bucket; give a directory that the nodes share")
    return out.absolute()


def check(job: Job) -> None:
    """Raise OstinatoError where Slurm would refuse the job."""
    _slurm("sbatch", "--test-only", text=render(job))


def submit(job: Job) -> str:
    """Submit the array and return its id."""
    job.directory.mkdir(parents=True, exist_ok=True)
    return _slurm("sbatch", "--parsable", text=render(job)).strip().split(";")[0]


def states(submission: Submission) -> dict[str, int]:
    """How many tasks are pending, running, completing."""
    try:
        printed = _slurm("squeue", "--noheader", "--array", "--format=%T", f"--job={submission.id}")
    except OstinatoError as error:
        if "Invalid job id" in str(error):  # ended long ago: Slurm has forgotten it
            return {}
        raise
    return dict(Counter(line.strip().lower() for line in printed.splitlines()))


def logs(directory: Path, submission: Submission, lines: int) -> str:
    """The last lines of each task's log."""
    parts = []
    for path in sorted(directory.glob(f"{submission.label}_*.log")):
        tail = path.read_text(errors="replace").splitlines()[-lines:]
        parts.append("\n".join([f"==> {path.name}", *tail]))
    return "\n".join(parts)


def cancel(submission: Submission) -> None:
    """Cancel the array."""
    _slurm("scancel", submission.id)


def _slurm(*command: str, text: str | None = None) -> str:
    if not shutil.which(command[0]):
        raise OstinatoError(
            f"slurm: {command[0]} is not on the PATH; run this on a machine of the cluster, "
            "or --dry-run to see the script"
        )
    done = subprocess.run(
        program(*command), input=text, capture_output=True, text=True, check=False
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        # The last line names the request that failed, the one before it why.
        why = " ".join(line.removeprefix(f"{command[0]}: ") for line in lines[:2])
        raise OstinatoError(f"slurm: {command[0]}: {why or f'exit code {done.returncode}'}")
    return done.stdout
