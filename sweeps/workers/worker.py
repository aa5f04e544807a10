"""One worker process: trains the runs it is told to, one after the other, in one JAX.

`main` is started as a child of the sweep, reads a run id a line and answers with events, a JSON object
a line. What training prints goes to the run's own log. SIGTERM saves and exits with 75.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_pipelines.errors import OstinatoError
from scaling.hosts import is_first_host, join_hosts
from scaling.record import Record
from sweeps.study import claims
from sweeps.study.store import RunDirectory, StudyDirectory
from sweeps.workers.companions import first_says
from sweeps.workers.curves import curves
from sweeps.workers.execution import Execution

if TYPE_CHECKING:
    from scaling.loop import Lane, Surroundings

STOPPED = 75
"""Exit code of a worker that was stopped and has saved (EX_TEMPFAIL: run it again)."""

FAILURES = (ArithmeticError, OSError, RuntimeError, TypeError, ValueError)
"""What a run may fail by, and the next one be tried."""

Tell = Callable[..., None]


def carry_out(
    records: Sequence[Record],
    study: StudyDirectory,
    data_dir: Path,
    tell: Tell,
    should_stop: Callable[[], bool],
    execution: Execution,
) -> None:
    """Carry a run out into its directory, or several together: those of them that are not done nor
    another's, each under a claim of its own.

    Tells of the first 'taken', 'done' or 'failed' at the end and 'progress' before; the others are
    found done when their turn comes, and those that failed are tried once more. Raises Interrupted
    when stopped.
    """
    # Imported late: what it prints belongs to the log, and its start-up to the first run.
    from scaling.loop import Lane, Surroundings
    from scaling.programs.layout import Layout

    first = study.run(records[0].run_id)
    around = Surroundings(
        data_dir,
        keep=execution.keep,
        layout=Layout.read(execution.layouts.get(records[0].run_id, "")),
        profile_dir=first.path / "profile" if execution.profile else None,
        should_stop=lambda: first_says("stop" if should_stop() else "") == "stop",
    )
    if not is_first_host():
        if chosen := first_says():
            lanes = [
                Lane(record, study.run(record.run_id).checkpoints, **_weights(record, study))
                for record in _of(records, chosen)
            ]
            _ends(lanes, around)  # the first host's to report, which meets the same
        return
    with ExitStack() as held:
        mine = []
        for record in records:
            run = study.run(record.run_id)
            if claims.claim(run.claim):
                held.callback(claims.release, run.claim)
                if _may_begin(record, run, study):
                    mine.append(record)
        if records[0] not in mine:
            first_says()
            _tell_end(tell, first.status() | {"summary": {}})  # nothing was found now
            return
        first_says("".join(str(int(record in mine)) for record in records))
        lanes = [
            held.enter_context(
                _lane(record, study, execution, len(mine), tell if record is mine[0] else None)
            )
            for record in mine
        ]
        for record, end in zip(mine, _ends(lanes, around), strict=True):
            run = study.run(record.run_id)
            if isinstance(end, Exception):
                run.fail(_line(end))
            else:
                run.finish(end)
        _tell_end(tell, first.status())


def _of(records: Sequence[Record], chosen: str) -> list[Record]:
    """The records that the first host has chosen: a digit each, 1 for those."""
    return [record for record, digit in zip(records, chosen, strict=True) if digit == "1"]


def _may_begin(record: Record, run: RunDirectory, study: StudyDirectory) -> bool:
    """Whether a claimed run is to be carried out; one that uses weights which are not there, and has
    not begun already, has failed."""
    if run.status()["state"] == "done":
        return False
    if run.consumed_steps():
        return True
    for before in record.after:
        state = study.run(before).status()["state"]
        if state != "done":
            run.fail(f"of: {before} is {state}, not done; train it first")
            return False
    return True


def _weights(record: Record, study: StudyDirectory) -> dict[str, Any]:
    """What a lane says of the runs whose weights it uses, and of the one that it begins with."""
    beside = {i: (study.plan.run(i), study.run(i).checkpoints) for i in record.after}
    return {"begins": beside.get(record.of or ""), "beside": beside}


@contextmanager
def _lane(
    record: Record, study: StudyDirectory, execution: Execution, stack: int, tell: Tell | None
) -> Iterator[Lane]:
    """A run whose record is kept: begun, its claim renewed, its curve and tables written."""
    from scaling.loop import Lane
    from scaling.processor import processor

    run = study.run(record.run_id)
    run.begin(record, 0 if not run.checkpoints.exists() else sys.maxsize)
    name = study.plan.grid.name
    with claims.renewing(run.claim), curves(record, run, name, execution.writers) as write:
        yield Lane(
            record,
            run.checkpoints,
            **_weights(record, study),
            on_start=lambda step: run.begin(record, step, processor(stack)),
            on_evaluation=write,
            on_details=run.details,
            on_progress=lambda progress: tell("progress", **asdict(progress)) if tell else None,
        )


def _ends(lanes: Sequence[Lane], around: Surroundings) -> Sequence[dict[str, Any] | Exception]:
    """How runs end: the summary of each, or why it failed."""
    from scaling.stages import train

    try:
        return train(lanes, around)
    except FAILURES as error:
        if not isinstance(error, OstinatoError):
            traceback.print_exc()
        return [error] * len(lanes)


def _line(error: Exception) -> str:
    """Why a run failed, in a line."""
    from scaling.loop import Diverged

    first = str(error).splitlines()[0] if str(error) else ""
    known = isinstance(error, OstinatoError | Diverged)
    return first if known else f"{type(error).__name__}: {first}"


def _tell_end(tell: Tell, status: dict[str, Any]) -> None:
    """Tell how a run stands; one that is neither done nor failed is another's."""
    match status["state"]:
        case "done":
            summary = status.get("summary", {})
            names = [name for name in ("seconds", "test_loss") if name in summary]
            tell("done", **{name: summary[name] for name in names})
        case "failed":
            tell("failed", error=status["error"])
        case _:
            tell("taken")


def main(study_path: str, data_dir: str, execution: str = "{}") -> int:
    """Serve runs until the input ends."""
    asked = Execution.model_validate_json(execution)
    study = StudyDirectory(Path(study_path))
    runs = {run.run_id: run for run in study.plan.runs}
    events = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is no event
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means

    def tell(event: str, run_id: str, **values: Any) -> None:
        print(json.dumps({"event": event, "run_id": run_id} | values), file=events)

    join_hosts()
    while run_id := first_says(_next_id(stop)):
        together = [runs[i] for i in asked.stacks.get(run_id, [run_id])]
        log = study.run(run_id).log if is_first_host() else Path(os.devnull)
        with _printing_to(log):
            try:
                carry_out(
                    together,
                    study,
                    Path(data_dir),
                    partial(tell, run_id=run_id),
                    stop.is_set,
                    asked,
                )
            except Exception as error:
                if type(error).__name__ != "Interrupted":
                    raise
    return STOPPED if stop.is_set() else 0


def _next_id(stop: threading.Event) -> str:
    """The run that comes next, as the first host reads it; empty at the end."""
    return "" if stop.is_set() or not is_first_host() else sys.stdin.readline().strip()


@contextmanager
def _printing_to(log: Path) -> Iterator[None]:
    """Send everything printed, also by libraries in C++, to a file."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        yield
        sys.stdout.flush()
        sys.stderr.flush()
