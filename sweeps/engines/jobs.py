"""A study's jobs on other machines: handing them over, asking after them, waiting for their end.

Each job leaves `jobs/ENGINE-ID.json` in the study's directory, which is how `status`, `logs` and
`cancel` find it, and beside it the text that was handed over.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_pipelines.errors import OstinatoError
from scaling.record import Record
from sweeps.engines import Engine, engine_named
from sweeps.engines.job import LAYOUTS, Job, Request, Submission
from sweeps.grids.files import find_grid, load_plan
from sweeps.grids.plan import Plan
from sweeps.study.storage import is_remote, write_bytes, write_json
from sweeps.study.store import StudyDirectory
from sweeps.workers.execution import Options
from sweeps.workers.local import Outcome

WORKERS = 16
"""Most workers where nobody says how many."""

POLL_SECONDS = 5.0


@dataclass(frozen=True)
class Prepared:
    """A job that may be submitted: everything of it has been checked on this machine."""

    study: StudyDirectory
    plan: Plan
    source: Path
    chosen: tuple[Record, ...]
    left: tuple[Record, ...]
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
    dry_run: bool,
    options: Options = Options(),  # noqa: B008 - frozen
) -> Prepared:
    """Check a grid, a directory and what is asked of an engine; nothing is written or handed over.

    `asked` holds Request's other fields. No more workers are asked for than runs are left. A dry run
    asks nothing outside this machine, so that all runs of a bucket count as not done. Raises
    OstinatoError on the first thing that does not fit.
    """
    from data_pipelines.prepare import default_data_dir  # brings numpy, which status does not need

    engine = engine_named(to)
    source, study = find_grid(grid), StudyDirectory(out)
    if not str(out).isprintable():
        raise OstinatoError(f"out: {str(out)!r} has a line break or the like; rename it")
    if data_dir and to != "slurm":
        raise OstinatoError(
            f"data-dir: {data_dir} is no place on the machines of {to}, which make the corpora "
            "themselves; leave it out"
        )
    plan = load_plan(source)
    chosen = (plan.select(select) if select else plan).runs
    options.check(chosen)
    request = engine.complete(Request.parse(asked | {"workers": workers or WORKERS}))
    if not dry_run:
        engine.reach(out)
    if dry_run and is_remote(out):
        left = chosen
    else:
        study.check(plan)
        done = study.done() if (out / "grid.yaml").exists() else set()
        left = tuple(run for run in chosen if run.run_id not in done)
    request = request.model_copy(update={"workers": min(request.workers, max(1, len(left)))})
    job = Job(plan.grid.name, out, select, data_dir or default_data_dir(), request, options)
    return Prepared(study, plan, source, chosen, left, to, engine, job)


def submit(prepared: Prepared) -> Submission:
    """Make the study's directory, hand the job over, and record it there."""
    prepared.study.create(prepared.plan, prepared.source)
    job = prepared.job
    if table := job.options.layout_table:
        write_bytes(job.out / LAYOUTS, table.read_bytes())
    submission = Submission(
        engine=prepared.to,
        id=prepared.engine.submit(job),
        submitted=time.time(),
        request=job.request,
    )
    text = prepared.engine.render(job)
    write_bytes(job.directory / f"{submission.label}.txt", text.encode())
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


def wait(study: StudyDirectory, runs: Sequence[Record], tell: Callable[[str], None]) -> None:
    """Wait until every run is done or failed, or no worker is left; tells how far it is."""
    told = None
    while True:
        jobs = live(study)  # asked first: what ends in between is seen below
        wanted = {run.run_id for run in runs}
        states = [s["state"] for run, s in study.statuses() if run.run_id in wanted]
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


def outcome(study: StudyDirectory, runs: Sequence[Record]) -> Outcome:
    """How runs that were trained elsewhere stand, as a sweep says it."""
    found = Outcome()
    wanted = {run.run_id for run in runs}
    for run, status in study.statuses():
        if run.run_id not in wanted:
            continue
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
