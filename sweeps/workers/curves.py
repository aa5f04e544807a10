"""Where a run's curve goes beside its own table: to TensorBoard, to Weights & Biases.

A `Writer` is asked for by its name, which is the option's, and that of the extra that it needs. A new
one is a function that opens it and a line in `WRITERS`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from importlib.util import find_spec
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from pydantic import ValidationError

from data_pipelines.errors import OstinatoError
from scaling.record import Record
from sweeps.study.store import RunDirectory

Write = Callable[[dict[str, Any]], None]
"""Takes a row of a run's curve: its step, and what was measured there; None is not measured."""


_PATIENCE_SECONDS = 20


@dataclass(frozen=True)
class Writer:
    """One place that curves go to."""

    name: str
    packages: tuple[str, ...]
    """What has to be installed."""
    open: Callable[[Record, RunDirectory, str], AbstractContextManager[Write]]
    """Takes the run, its files and the name of the study; open as long as the run is at work."""
    ready: Callable[[], None] = lambda: None
    """Raises OstinatoError in one line where this machine cannot write there."""


def check(names: Sequence[str]) -> None:
    """Raise OstinatoError, with the remedy, where this machine lacks what one of the writers needs."""
    for writer in _named(names):
        if not all(find_spec(package) for package in writer.packages):
            extra = f"pip install 'ostinato[{writer.name}]'"
            raise OstinatoError(f"{writer.name}: not installed; {extra}, or leave it out")
        writer.ready()


@contextmanager
def curves(
    record: Record, run: RunDirectory, study: str, names: Sequence[str] = ()
) -> Iterator[Write]:
    """Where a run's evaluations go: its own table, and the writers of these names."""
    with ExitStack() as held:
        writers = [held.enter_context(each.open(record, run, study)) for each in _named(names)]

        def write(row: dict[str, Any]) -> None:
            run.evaluation(row)
            for writer in writers:
                writer(row)

        yield write


def _named(names: Sequence[str]) -> list[Writer]:
    return [writer for writer in WRITERS if writer.name in names]


def _measured(row: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """The step of a row, and what was measured there."""
    return row["step"], {k: v for k, v in row.items() if v is not None and k != "step"}


@contextmanager
def _tensorboard(record: Record, run: RunDirectory, study: str) -> Iterator[Write]:
    """Events in the run's directory."""
    from clu import metric_writers  # loads TensorFlow

    writer = metric_writers.SummaryWriter(str(run.path / "tensorboard"))
    try:
        yield lambda row: writer.write_scalars(*_measured(row))
    finally:
        writer.close()


@contextmanager
def _wandb(record: Record, run: RunDirectory, study: str) -> Iterator[Write]:
    """A run of the same id, in the study's group; its config is the run's columns."""
    told = _begun(record, run, study)

    def write(row: dict[str, Any]) -> None:
        step, measured = _measured(row)
        # What a resumed run has written before comes again, with the same digits.
        if step >= told.step:
            told.log(measured, step=step, commit=True)

    try:
        yield write
    finally:
        state = run.status()["state"]
        if state not in ("done", "failed"):  # stopped, and will go on
            told.mark_preempting()
        told.finish(exit_code=int(state != "done"))


def _begun(record: Record, run: RunDirectory, study: str):
    """Weights & Biases' run, new or gone on with; kept on this disk where its server cannot be had."""
    import wandb

    asked: dict[str, Any] = {
        # A project of its own: runs that two studies share are one run in neither.
        "project": os.environ.get("WANDB_PROJECT") or f"ostinato-{study}",
        "group": study,
        "job_type": record.stage,
        "id": record.run_id,
        "name": record.run_id,
        "config": {k: v for k, v in record.columns().items() if v is not None},
        "dir": str(run.path),
        "reinit": "create_new",  # runs that are trained together have one each
        "allow_val_change": True,
        "settings": wandb.Settings(silent=True, console="off", disable_git=True, disable_code=True),
    }
    try:
        return wandb.init(**asked, resume=None if _is_offline() else "allow")
    except wandb.errors.Error as error:
        why = str(error).splitlines()[0]
        print(f"wandb: {why}; kept in {run.path / 'wandb'}, which `wandb sync --append` sends")
        return wandb.init(**asked, mode="offline")


def _settings():
    """The user's settings of Weights & Biases; raises OstinatoError where one is none."""
    import wandb

    try:
        return wandb.setup(wandb.Settings(silent=True)).settings
    except ValidationError as error:
        wrong = error.errors()[0]
        name = "_".join(map(str, wrong["loc"]))
        raise OstinatoError(
            f"wandb: {name}: {wrong['input']!r}: {wrong['msg']}; repair WANDB_{name.upper()}, or "
            "leave it out"
        ) from None


def _is_offline() -> bool:
    """Whether the user's environment or settings say that nothing is sent."""
    return _settings().mode in ("offline", "dryrun", "disabled")


def _can_send() -> None:
    """Raise OstinatoError where nobody is logged in, the server cannot be reached or refuses the key: a
    run would wait, or keep its curve here and say so nowhere but in its log."""
    import wandb

    if _is_offline():
        return
    if not wandb.api.api_key:
        raise OstinatoError(
            "wandb: nobody is logged in on this machine; run `wandb login`, or set WANDB_MODE=offline"
        )
    server = _settings().base_url
    try:
        urlopen(server, timeout=_PATIENCE_SECONDS).close()
    except HTTPError:
        pass  # an answer is an answer
    except (OSError, HTTPException) as error:
        raise OstinatoError(
            f"wandb: {server} cannot be reached ({getattr(error, 'reason', error)}); set "
            "WANDB_MODE=offline, and send it later with `wandb sync --append`"
        ) from None
    try:
        wandb.login(verify=True)
    except wandb.errors.Error as error:
        raise OstinatoError(
            f"wandb: the key of this machine is refused by {server} ({str(error).splitlines()[0].rstrip('.')}); "
            "run `wandb login --relogin`, repair WANDB_API_KEY, or set WANDB_MODE=offline"
        ) from None


WRITERS = (
    Writer("tensorboard", ("clu", "tensorboard"), _tensorboard),
    Writer("wandb", ("wandb",), _wandb, _can_send),
)
"""All places that curves can go to."""
