"""While corpora are being made, what the runs need is compiled beside it, in time that is idle.

A process of the lowest priority compiles one shape after the other, the longest run's first, and is killed
when the corpora are there: what it has written by then the workers find, the rest they compile.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from data_pipelines.system.atomic import replacing
from data_pipelines.system.children import child
from data_pipelines.system.cores import available_cores
from scaling.processor import COMPILED
from scaling.record import Record
from scaling.stages import stage_named
from sweeps.study.store import StudyDirectory
from sweeps.workers.companions import hosts
from sweeps.workers.execution import Execution
from sweeps.workers.local import worker_environment

PRIORITY = 19
"""Of what is compiled ahead, as `nice` has it: the lowest."""

_LONG = 1e13
"""FLOPs of a run that takes minutes on a CPU: beside them compiling is nothing, and it needs memory."""


@contextmanager
def compiling_ahead(
    runs: Sequence[Record], study: StudyDirectory, execution: Execution
) -> Iterator[None]:
    """Compile for `runs` as long as the block takes, and keep it in the study if that ends well.

    Nothing where it would disturb or be of no use: on an accelerator, on one core, for runs that are
    trained together or in a layout, and for somebody whose programs are kept elsewhere, who has most.
    """
    environment = worker_environment(execution.threads, study.path)
    ours = COMPILED not in os.environ and environment.get("JAX_PLATFORMS") == "cpu"
    alone = hosts() == 1 and not execution.stacks and not execution.layouts
    shapes = _shapes(runs)
    if not (ours and alone and shapes) or available_cores() < 2:
        yield
        return
    with TemporaryDirectory(prefix="compiled-") as made:
        process = subprocess.Popen(
            child(f"{__name__}:main"),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment | {COMPILED: made},
        )
        assert process.stdin
        try:
            with suppress(ProcessLookupError):  # it has died: there is nothing to take from it
                os.setpriority(os.PRIO_PROCESS, process.pid, PRIORITY)  # before it has threads
            with suppress(BrokenPipeError), process.stdin as records:
                records.writelines(f"{record.model_dump_json()}\n" for record in shapes)
            yield
        finally:
            process.kill()
            killed = process.wait() != 0
        written = sorted(Path(made).glob("*-cache"), key=lambda program: program.stat().st_mtime_ns)
        with suppress(OSError):  # a full disk costs time here; who has to write there says so
            for program in written[:-1] if killed else written:  # the newest may be half written
                with replacing(Path(environment[COMPILED]) / program.name) as whole:
                    shutil.copy(program, whole)


def _shapes(runs: Sequence[Record]) -> list[Record]:
    """A run of each shape that can be compiled by its record and takes seconds, the longest first."""
    found: dict[tuple, Record] = {}
    for run in sorted(runs, key=lambda run: -run.flops(0)):
        if stage_named(run.stage).compile and run.flops(0) < _LONG:
            found.setdefault(run.shape, run)
    return list(found.values())


def main() -> None:
    """Compile for the records on standard input, a JSON object a line."""
    for line in sys.stdin.read().splitlines():
        stage = stage_named(json.loads(line)["stage"])
        assert stage.compile
        stage.compile(stage.record.model_validate_json(line))
