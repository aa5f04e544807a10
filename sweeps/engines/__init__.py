"""Engines: where a study's workers run when it is not this machine.

An engine is a module with the functions of `Engine`. It renders one text (a batch script, a task,
a manifest), hands it over, and asks after what it handed over; the runs themselves are shared out by
claims in the study's directory, as they are between two sweeps on one machine. Everything a cluster
does itself (queues, nodes, restarts) is left to it.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Protocol

from data_pipelines.config import unknown_name
from data_pipelines.errors import OstinatoError
from sweeps.engines.job import Job, Request, Submission

_MODULES = {name: f"sweeps.engines.{name}" for name in ("slurm", "gcp", "gke")}

NAMES = tuple(_MODULES)
"""What `--to` takes."""


class Engine(Protocol):
    """What each engine's module offers; all of it raises OstinatoError in one line."""

    def complete(self, request: Request) -> Request:
        """The request with what it leaves open filled in; raises where it does not fit the engine."""

    def dollars_per_hour(self, request: Request) -> float | None:
        """What all workers cost by the price list, where that is known."""

    def render(self, job: Job) -> str:
        """The text that is handed over; nothing outside this process is asked or touched."""

    def reach(self, out: Path) -> None:
        """Raise where the engine, or the place of the study, cannot be reached from here."""

    def check(self, job: Job) -> None:
        """Raise where the engine would refuse the job."""

    def submit(self, job: Job) -> str:
        """Hand the job over and return the engine's id of it."""

    def states(self, submission: Submission) -> dict[str, int]:
        """How many workers of a submission are in which state; empty when all have ended."""

    def logs(self, directory: Path, submission: Submission, lines: int) -> str:
        """The last lines that each of its workers has printed; `directory` is the study's jobs/."""

    def cancel(self, submission: Submission) -> None:
        """End all workers of a submission; they save first."""


def engine_named(name: str) -> Engine:
    """The engine of a name; raises OstinatoError naming the nearest one."""
    if name not in _MODULES:
        raise OstinatoError(f"to: {unknown_name('engine', name, NAMES)}")
    return import_module(_MODULES[name])
