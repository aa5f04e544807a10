"""The local engine: one worker process a core, each with many runs, until the grid is done.

The parent loads neither JAX nor TensorFlow. It hands out run ids, longest first and a worker's own
shape before others, follows the workers' events, and replaces a worker that has died.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data_pipelines.system.children import child
from data_pipelines.system.cores import available_cores
from scaling.processor import COMPILED, THREADS, kind
from scaling.record import Record
from sweeps.study import claims
from sweeps.study.store import StudyDirectory
from sweeps.workers.backlog import Backlog
from sweeps.workers.companions import hosts
from sweeps.workers.execution import Execution

CRASHES = 2
"""How often a run whose worker died is tried again."""

WORKER = "sweeps.workers.worker:main"
"""What a worker process runs."""

_GRACE_SECONDS = 60.0


@dataclass
class Outcome:
    """How the runs of a sweep ended: ids, and for failed ones why."""

    done: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


class Watcher:
    """What a sweep tells while it runs; subclass it to show that."""

    def started(self, waiting: Sequence[Record], done: int) -> None:
        """A sweep begins: the runs to train, and how many of the grid are done already."""

    def event(self, event: dict[str, Any]) -> None:
        """A worker's event: 'progress', 'done' or 'failed' of a run."""

    def tick(self) -> None:
        """Nothing happened for a moment."""

    def ended(self) -> None:
        """The sweep is over, in whatever way."""


class _Worker:
    """A worker process and the run it has."""

    def __init__(
        self,
        number: int,
        study: StudyDirectory,
        data_dir: Path,
        cores: list[int] | None,
        execution: Execution,
        program: str,
    ):
        self.number, self.cores = number, cores
        self.reader: threading.Thread | None = None
        self.run: Record | None = None
        self.shape: tuple | None = None
        self.process = subprocess.Popen(
            child(program, str(study.path), str(data_dir), execution.model_dump_json()),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=worker_environment(execution.threads, study.path),
            start_new_session=True,
        )
        assert self.process.stdin
        self._orders = self.process.stdin
        if cores:
            with suppress(ProcessLookupError):  # it has died: its reader says so
                os.sched_setaffinity(self.process.pid, cores)  # before it has threads

    def give(self, run: Record) -> None:
        self.run, self.shape = run, run.shape
        try:
            self._orders.write(run.run_id + "\n")
            self._orders.flush()
        except BrokenPipeError:
            pass  # it has died: its reader says so

    def end(self) -> None:
        """Give it no more runs: it ends after the one it has."""
        with suppress(BrokenPipeError):
            self._orders.close()


def sweep(
    study: StudyDirectory,
    runs: Sequence[Record],
    data_dir: Path,
    jobs: int | None,
    watcher: Watcher,
    wait: bool = True,
    execution: Execution = Execution(),  # noqa: B008 - frozen
    program: str = WORKER,
    anew: bool = False,
) -> Outcome:
    """Train every run that is not done, `jobs` at a time (default: one a core), and say how it went.

    program: what a worker process runs, 'module:function' that ends in `worker.main`; one of your own
    may add probes and stages to their lists before. anew: train as well what is done by its row in the
    study's tables alone.
    Runs that another sweep of the directory has claimed are waited for, or left to it once it is
    seen to live. A KeyboardInterrupt stops the workers, which save first, and is raised again.
    """
    done = study.done(collected=not anew)
    outcome = Outcome([run.run_id for run in runs if run.run_id in done])
    waiting = [run for run in runs if run.run_id not in done]
    watcher.started(waiting, len(outcome.done))
    if not waiting:
        watcher.ended()
        return outcome
    backlog = Backlog(waiting)
    places = worker_cores(jobs, len(waiting), execution.threads)
    inbox: queue.Queue = queue.Queue()
    workers: dict[int, _Worker] = {}
    elsewhere: dict[str, tuple[Record, float | None]] = {}
    compiled: set[tuple] = set()
    crashes: dict[str, int] = {}

    def start(number: int) -> None:
        worker = workers[number] = _Worker(
            number, study, data_dir, places[number], execution, program
        )
        worker.reader = threading.Thread(target=_read, args=(worker, inbox), daemon=True)
        worker.reader.start()

    def settle(worker: _Worker, event: dict[str, Any]) -> None:
        run, worker.run = worker.run, None
        if run is None:
            return  # of a run that was given up when its process died
        match event["event"]:
            case "taken":
                elsewhere[run.run_id] = run, claims.renewal(study.run(run.run_id).claim)
                return
            case "done":
                outcome.done.append(run.run_id)
            case "failed":
                outcome.failed[run.run_id] = event["error"]
        backlog.settle(run.run_id)
        watcher.event(event)

    try:
        for number in range(len(places)):
            start(number)
        while backlog or elsewhere or any(worker.run for worker in workers.values()):
            for run_id, (run, renewal) in list(elsewhere.items()):
                claim = study.run(run_id).claim
                if not claims.is_held(claim):
                    backlog.put_back(run)  # done meanwhile, or abandoned: a worker finds out
                elif wait or not claims.is_alive(claim, renewal):
                    continue
                del elsewhere[run_id]
            for worker in workers.values():
                if worker.run is None and backlog and worker.process.poll() is None:
                    compiling = {w.run.shape for w in workers.values() if w.run} - compiled
                    worker.give(backlog.take(worker.shape, compiling))
            try:
                worker, event = inbox.get(timeout=0.5)
            except queue.Empty:
                watcher.tick()
                continue
            if worker.shape and event.get("step", 1):  # a step, or the run's end
                compiled.add(worker.shape)
            if event["event"] == "progress":
                watcher.event(event)
            elif event["event"] != "exited":
                settle(worker, event)
            else:
                worker.end()
                if worker.run:
                    run_id = worker.run.run_id
                    crashes[run_id] = crashes.get(run_id, 0) + 1
                    if crashes[run_id] > CRASHES:
                        why = f"its process died {crashes[run_id]} times ({event['why']})"
                        study.run(run_id).fail(why)
                        settle(worker, {"event": "failed", "run_id": run_id, "error": why})
                    else:
                        backlog.put_back(worker.run)
                        worker.run = None
                start(worker.number)
    finally:
        _stop(workers.values())
        watcher.ended()
    return outcome


def follow(study: StudyDirectory, data_dir: Path, execution: Execution) -> int:
    """Be one of several hosts that the first one leads; returns its worker's exit code."""
    worker = subprocess.Popen(
        child(WORKER, str(study.path), str(data_dir), execution.model_dump_json()),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env=worker_environment(execution.threads, study.path),
    )
    try:
        return worker.wait()
    except KeyboardInterrupt:
        worker.terminate()
        worker.wait()
        raise


def worker_cores(jobs: int | None, runs: int, threads: int) -> list[list[int] | None]:
    """The cores of each worker to be: one a thread, or a share each of `jobs`; None where cores
    cannot be chosen. With an accelerator a single worker has all of it, unless `jobs` says more.

    What is spare compiles; runs compute in `threads` all the same.
    """
    if hosts() > 1:
        return [None]  # all of them together are one worker
    if os.environ.get("JAX_PLATFORMS") != "cpu" and _has_accelerator():
        return [None] * min(jobs or 1, runs)
    count = min(jobs or max(1, available_cores() // threads), runs)
    if not hasattr(os, "sched_getaffinity"):
        return [None] * count
    cores = sorted(os.sched_getaffinity(0))
    return [cores[i::count] or [cores[i % len(cores)]] for i in range(count)]


def _has_accelerator() -> bool:
    """Whether the system shows a GPU or a TPU."""
    devices = ("nvidia0", "accel*", "vfio/[0-9]*")
    return any(path for pattern in devices for path in Path("/dev").glob(pattern))


def worker_environment(threads: int, study: Path) -> dict[str, str]:
    """Environment of a worker that computes in `threads` on a CPU."""
    environment = dict(os.environ)
    if not _has_accelerator():
        # Else an installed libtpu or CUDA is loaded, looks around and complains.
        environment.setdefault("JAX_PLATFORMS", "cpu")
    if environment.get("JAX_PLATFORMS") == "cpu":
        # They are of GPUs, and where they lie is part of every program's key.
        environment.setdefault("JAX_PERSISTENT_CACHE_ENABLE_XLA_CACHES", "none")
    environment.setdefault(COMPILED, str(study.absolute() / "compiled" / kind()))
    environment.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.1")
    return environment | {THREADS: str(threads), "OMP_NUM_THREADS": str(threads)}


def _read(worker: _Worker, inbox: queue.Queue) -> None:
    events, errors = worker.process.stdout, worker.process.stderr
    assert events and errors
    with events, errors:
        for line in events:
            inbox.put((worker, json.loads(line)))
        code = worker.process.wait()
        lines = [line for line in errors.read().splitlines() if line.strip()]
    why = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    inbox.put((worker, {"event": "exited", "why": f"{why}: {lines[-1]}" if lines else why}))


def _stop(workers) -> None:
    """End the workers: at once those without a run, after saving those with one."""
    for worker in workers:
        worker.end()
        if worker.run:
            worker.process.terminate()
    deadline = time.monotonic() + _GRACE_SECONDS
    for worker in workers:
        try:
            worker.process.wait(max(0.1, deadline - time.monotonic()))
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            worker.process.kill()
            worker.process.wait()
    for worker in workers:
        if worker.reader:
            worker.reader.join(1.0)
