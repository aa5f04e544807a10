"""A study's jobs on other machines: handing them over, asking after them, waiting for their end.

Each job leaves `jobs/ENGINE-ID.json` in the study's directory, which is how `status`, `logs` and
`cancel` find it, and beside it the text that was handed over.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_pipelines.atomic import replacing, write_json
from data_pipelines.errors import OstinatoError
from data_pipelines.prepare import default_data_dir
from scaling.config import RunConfig
from sweeps.engines import Engine, engine_named
from sweeps.engines.job import Job, Request, Submission
from sweeps.grid import Plan, find_grid, load_plan
from sweeps.local import Outcome
from sweeps.store import StudyDirectory

WORKERS = 16
"""Most workers where nobody says how many."""

POLL_SECONDS = 5.0


@dataclass(frozen=True)
class Prepared:
    """A job that may be submitted: everything of it has been checked on this machine."""

    study: StudyDirectory
    plan: Plan
    source: Path
    chosen: tuple[RunConfig, ...]
    left: tuple[RunConfig, ...]
    """The chosen runs that are not done."""
    to: str
    engine: Engine
    job: Job


def prepare(
    grid: str,
    out: Path,
    to: str,
    select: str | None,
    workers: int | None,
    asked: dict[str, Any],
    data_dir: Path | None,
) -> Prepared:
    """Check a grid, a directory and what is asked of an engine; nothing is written or handed over.

    `asked` holds Request's other fields. Raises OstinatoError on the first thing that does not fit.
    """
    engine = engine_named(to)
    source, study = find_grid(grid), StudyDirectory(out)
    if not str(out).isprintable():
        raise OstinatoError(f"out: {str(out)!r} has a line break or the like; rename it")
    plan = load_plan(source)
    chosen = (plan.select(select) if select else plan).runs
    study.check(plan)
    left = tuple(r for r in chosen if study.run(r.run_id).status()["state"] != "done")
    workers = workers or min(WORKERS, max(1, len(left)))
    request = engine.complete(Request.parse(asked | {"workers": workers}))
    command = _worker_command(study, select, data_dir or default_data_dir(), request)
    return Prepared(
        study, plan, source, chosen, left, to, engine, Job(plan.grid.name, out, command, request)
    )


def _worker_command(
    study: StudyDirectory, select: str | None, data_dir: Path, request: Request
) -> tuple[str, ...]:
    """What a worker on a machine that shares our file system runs."""
    out = str(study.path.absolute())
    command = [str(Path(sys.executable).with_name("ostinato")), "sweep", f"{out}/grid.yaml"]
    command += ["--out", out, "--data-dir", str(data_dir.absolute()), "--no-wait"]
    command += ["--jobs", str(1 if request.gpus else request.cpus)]
    return (*command, *(["--select", select] if select else []))


def submit(prepared: Prepared) -> Submission:
    """Make the study's directory, hand the job over, and record it there."""
    prepared.study.create(prepared.plan, prepared.source)
    job = prepared.job
    submission = Submission(
        engine=prepared.to,
        id=prepared.engine.submit(job),
        submitted=time.time(),
        request=job.request,
    )
    with replacing(job.directory / f"{submission.label}.txt") as temporary:
        temporary.write_text(prepared.engine.render(job))
    write_json(job.directory / f"{submission.label}.json", submission.model_dump(mode="json"))
    return submission


def submissions(study: StudyDirectory) -> list[Submission]:
    """The study's jobs, oldest first."""
    found = [
        Submission.parse(json.loads(path.read_text()), str(path))
        for path in (study.path / "jobs").glob("*-*.json")
    ]
    return sorted(found, key=lambda submission: submission.submitted)


def live(study: StudyDirectory) -> list[tuple[Submission, dict[str, int]]]:
    """The jobs that have not ended, with how many of their workers are in which state."""
    asked = ((s, engine_named(s.engine).states(s)) for s in submissions(study))
    return [(submission, states) for submission, states in asked if states]


def wait(study: StudyDirectory, runs: Sequence[RunConfig], tell: Callable[[str], None]) -> None:
    """Wait until every run is done or failed, or no worker is left; tells how far it is."""
    told = None
    while True:
        jobs = live(study)  # asked first: what ends in between is seen below
        states = [study.run(run.run_id).status()["state"] for run in runs]
        ended = sum(state in ("done", "failed") for state in states)
        workers = sum(sum(states.values()) for _, states in jobs)
        line = (
            f"{ended}/{len(runs)} runs ended, {states.count('running')} at work, {workers} workers"
        )
        if line != told:
            tell(line)
            told = line
        if ended == len(runs) or not jobs:
            return
        time.sleep(POLL_SECONDS)


def outcome(study: StudyDirectory, runs: Sequence[RunConfig]) -> Outcome:
    """How runs that were trained elsewhere stand, as a sweep says it."""
    found = Outcome()
    for run in runs:
        status = study.run(run.run_id).status()
        if status["state"] == "done":
            found.done.append(run.run_id)
        else:
            found.failed[run.run_id] = status.get("error") or status["state"]
    return found


def logs(study: StudyDirectory, lines: int) -> str:
    """The last lines of every job's workers."""
    job_directory = study.path / "jobs"
    return "\n".join(
        engine_named(submission.engine).logs(job_directory, submission, lines)
        for submission in submissions(study)
    )
