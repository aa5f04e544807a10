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
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from data_pipelines.errors import OstinatoError
from scaling.config import RunConfig
from scaling.hosts import is_first_host, join_hosts
from sweeps.study import claims
from sweeps.study.store import RunDirectory, StudyDirectory
from sweeps.workers.companions import first_says
from sweeps.workers.execution import Execution
from sweeps.workers.stacks import run_stack

STOPPED = 75
"""Exit code of a worker that was stopped and has saved (EX_TEMPFAIL: run it again)."""


def run_one(
    config: RunConfig,
    study: StudyDirectory,
    data_dir: Path,
    tell: Callable[..., None],
    should_stop: Callable[[], bool],
    execution: Execution,
) -> None:
    """Train one run into its directory under this process's claim, unless it is done or another's.

    Tells 'taken', 'done' or 'failed' at the end and 'progress' before; raises Interrupted when stopped.
    """
    # Imported late: what it prints belongs to the log, and its start-up to the first run.
    from scaling.layout import Layout
    from scaling.processor import processor
    from scaling.train import Diverged, train

    run = study.run(config.run_id)
    asked = {
        "data_dir": data_dir,
        "checkpoint_dir": run.checkpoints,
        "pretrained": _pretrained(config, study),
        "keep": execution.keep,
        "layout": Layout.read(execution.layouts.get(config.run_id, "")),
        "profile_dir": run.path / "profile" if execution.profile else None,
        "should_stop": lambda: first_says("stop" if should_stop() else "") == "stop",
    }
    failures = (ArithmeticError, OSError, RuntimeError, TypeError, ValueError)
    if not is_first_host():
        if first_says() == "train":
            with suppress(*failures):  # the first host's to report, which meets the same
                train(config, **asked)
        return
    if not claims.claim(run.claim):
        first_says("leave")
        tell("taken")
        return
    try:
        if run.status()["state"] == "done":
            first_says("leave")
            tell("done")
            return
        if missing := _not_pretrained(config, study):
            first_says("leave")
            run.fail(missing)
            tell("failed", error=missing)
            return
        first_says("train")
        run.begin(config, 0 if not run.checkpoints.exists() else sys.maxsize)
        try:
            with claims.renewing(run.claim), _curves(run, execution.tensorboard) as curves:
                summary = train(
                    config,
                    **asked,
                    on_start=lambda step: run.begin(config, step, processor()),
                    on_evaluation=curves,
                    on_details=run.details,
                    on_progress=lambda progress: tell("progress", **asdict(progress)),
                )
        except (OstinatoError, Diverged) as error:
            run.fail(str(error))
            tell("failed", error=str(error))
        except failures as error:
            traceback.print_exc()
            line = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
            run.fail(line)
            tell("failed", error=line)
        else:
            run.finish(summary)
            tell("done", seconds=summary["seconds"], test_loss=summary["test_loss"])
    finally:
        claims.release(run.claim)


def _pretrained(config: RunConfig, study: StudyDirectory) -> tuple[RunConfig, Path] | None:
    """The run that this one begins with, and where its checkpoints lie."""
    if not config.pretrained_run:
        return None
    return study.plan.run(config.pretrained_run), study.run(config.pretrained_run).checkpoints


def _not_pretrained(config: RunConfig, study: StudyDirectory) -> str:
    """Why a fine-tuned run cannot begin; empty where it can, or has begun already."""
    if not config.pretrained_run or study.run(config.run_id).consumed_steps():
        return ""
    state = study.run(config.pretrained_run).status()["state"]
    if state == "done":
        return ""
    return f"pretrained_run: {config.pretrained_run} is {state}, not done; train it first"


@contextmanager
def _curves(run: RunDirectory, tensorboard: bool) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Where a run's evaluations go: its own table, and TensorBoard if that is asked for."""
    if not tensorboard:
        yield run.evaluation
        return
    from clu import metric_writers  # loads TensorFlow

    writer = metric_writers.SummaryWriter(str(run.path / "tensorboard"))

    def write(row: dict[str, Any]) -> None:
        run.evaluation(row)
        measured = {name: value for name, value in row.items() if value is not None}
        writer.write_scalars(measured.pop("step"), measured)

    try:
        yield write
    finally:
        writer.close()


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

    join_hosts()
    while run_id := first_says(_next_id(stop)):
        run = study.run(run_id)

        def tell(event: str, run_id: str = run_id, **values: Any) -> None:
            print(json.dumps({"event": event, "run_id": run_id} | values), file=events)

        stack = asked.stacks.get(run_id, [])
        with _printing_to(run.log if is_first_host() else Path(os.devnull)):
            try:
                if len(stack) > 1:
                    together = [runs[i] for i in stack]
                    run_stack(together, study, Path(data_dir), tell, stop.is_set, asked.keep)
                    continue
                run_one(runs[run_id], study, Path(data_dir), tell, stop.is_set, asked)
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
