"""Commands about runs: train them, say how they stand, gather what they found."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from data_pipelines.errors import OstinatoError
from sweeps.commands.jobs import print_jobs, train_elsewhere
from sweeps.commands.options import (
    AcceleratorOf,
    AsJson,
    Cpus,
    DataDir,
    Engine,
    Gpus,
    GridName,
    Jobs,
    Keep,
    Layout,
    Memory,
    Out,
    Partition,
    Profile,
    Select,
    Spot,
    Stack,
    Study,
    TensorBoard,
    Threads,
    TimeLimit,
    Wandb,
    Workers,
    Yes,
    app,
    console,
    place,
    plain,
)
from sweeps.commands.stopping import PREEMPTED, Preempted, heed_sigterm

if TYPE_CHECKING:
    from sweeps.study.store import StudyDirectory
    from sweeps.workers.execution import Options
    from sweeps.workers.local import Outcome

_LAST_LINES = 5
"""How much of a failed run's log is shown at the end."""


@app.command(epilog="Examples: ostinato study quick --out studies/quick; ostinato study facts")
def study(
    grid: GridName,
    out: Annotated[
        Path | None,
        place(
            "The study's directory, or gs://bucket/study; studies/GRID by default.", "--out", "-o"
        ),
    ] = None,
    jobs: Jobs = None,
    threads: Threads = 1,
    tensorboard: TensorBoard = False,
    wandb: Wandb = False,
    data_dir: DataDir = None,
    to: Engine = None,
    workers: Workers = None,
    time: TimeLimit = None,
    partition: Partition = None,
    cpus: Cpus = 1,
    memory: Memory = None,
    gpus: Gpus = 0,
    accelerator: AcceleratorOf = None,
    spot: Spot = False,
    full: Annotated[
        bool,
        typer.Option("--full", help="All of a grid that has a version of minutes too (facts)."),
    ] = False,
    yes: Yes = False,
) -> None:
    """Do all of it: data, runs, analysis, report. Run again, it goes on.

    Of facts and preferences it does the version of minutes (facts_quick) but with --full. With --to
    the runs are trained by jobs elsewhere, which are waited for.
    """
    from sweeps.grids.files import demonstration
    from sweeps.study.storage import is_remote
    from sweeps.workers.execution import Options

    if not full and (shown := demonstration(grid)) != grid:
        console.print(
            f"{grid}: its version of minutes, {shown}; --full does all of it", style="dim"
        )
        grid = shown
    out = out or Path("studies") / Path(grid).stem
    options = Options(threads=threads, tensorboard=tensorboard, wandb=wandb)
    if to:
        asked = {"time": time, "partition": partition, "cpus": cpus, "memory": memory, "gpus": gpus}
        asked |= {"accelerator": accelerator, "spot": spot}
        directory, outcome = train_elsewhere(grid, out, to, workers, asked, data_dir, yes, options)
    else:
        directory, outcome = _sweep(grid, out, None, jobs, data_dir, options)
    tables = Path("studies") / directory.plan.grid.name if is_remote(out) else out
    directory.collect(tables)
    if outcome.done:
        from sweeps.commands.telling.reports import draw_report

        draw_report(console, tables)
    _exit_on_failures(directory, outcome)


@app.command(epilog="Example: ostinato sweep quick --out studies/quick --select 'repeats == 0'")
def sweep(
    grid: GridName,
    out: Out,
    select: Select = None,
    jobs: Jobs = None,
    data_dir: DataDir = None,
    no_wait: Annotated[
        bool,
        typer.Option("--no-wait", help="Leave runs that another living sweep has at work to it."),
    ] = False,
    share: Annotated[
        str | None,
        typer.Option(
            envvar="OSTINATO_SHARE",
            help="Only one of several equal shares of the runs: 0/16 is the first of 16.",
            show_default=False,
        ),
    ] = None,
    threads: Threads = 1,
    layout: Layout = None,
    stack: Stack = 1,
    keep: Keep = 1,
    profile: Profile = False,
    tensorboard: TensorBoard = False,
    wandb: Wandb = False,
) -> None:
    """Train the runs of a grid that are not done yet, and collect the results."""
    from sweeps.workers.execution import Options

    options = Options(
        threads=threads,
        layout=layout,
        stack=stack,
        keep=keep,
        profile=profile,
        tensorboard=tensorboard,
        wandb=wandb,
    )
    directory, outcome = _sweep(
        grid, out, select, jobs, data_dir, options, wait=not no_wait, share=share
    )
    directory.collect()
    _exit_on_failures(directory, outcome)


@app.command(epilog="Example: ostinato train quick a5516f16b9e7 --out studies/quick")
def train(
    grid: GridName,
    run_id: Annotated[str, typer.Argument(help="A run's id, or the beginning of one (see plan).")],
    out: Out,
    data_dir: DataDir = None,
    threads: Threads = 1,
    layout: Layout = None,
    keep: Keep = 1,
    profile: Profile = False,
    tensorboard: TensorBoard = False,
    wandb: Wandb = False,
) -> None:
    """Train one run of a grid, also one that is done elsewhere: whose row is in the study's tables."""
    from sweeps.grids.files import find_grid, load_plan
    from sweeps.workers.execution import Options

    options = Options(
        threads=threads,
        layout=layout,
        keep=keep,
        profile=profile,
        tensorboard=tensorboard,
        wandb=wandb,
    )
    record = load_plan(find_grid(grid)).run(run_id)
    only = f"run_id == '{record.run_id}'"
    directory, outcome = _sweep(grid, out, only, 1, data_dir, options, anew=True)
    directory.collect()
    _exit_on_failures(directory, outcome)


@app.command(epilog="Example: ostinato status studies/quick")
def status(directory: Study, as_json: AsJson = False) -> None:
    """Say which runs are done, at work, failed (and why) or lost."""
    from sweeps.commands.telling import tables
    from sweeps.study.store import StudyDirectory

    study_directory = StudyDirectory(directory)
    rows = tables.status_rows(study_directory)
    if as_json:
        print(json.dumps(rows, indent=1))
        return
    tables.print_status(console, rows, study_directory.superseded())
    print_jobs(study_directory)


@app.command(epilog="Example: ostinato collect studies/quick")
def collect(
    directory: Study,
    into: Annotated[
        Path | None,
        place(
            "Directory to write them to, which analyse and report take; the study's own by default."
        ),
    ] = None,
) -> None:
    """Gather the runs' files into results.parquet and curves.parquet."""
    from sweeps.study.store import StudyDirectory

    study_directory = StudyDirectory(directory)
    study_directory.plan  # noqa: B018 - says in one line what is not a study
    results, curves = study_directory.collect(into)
    console.print(
        f"{(into or directory) / 'results.parquet'}: {len(results)} runs, {len(curves)} evaluations",
        soft_wrap=True,
    )


def _sweep(
    grid: str,
    out: Path,
    select: str | None,
    jobs: int | None,
    data_dir: Path | None,
    options: Options,
    wait: bool = True,
    share: str | None = None,
    anew: bool = False,
) -> tuple[StudyDirectory, Outcome]:
    """Check everything, prepare the data, then train; what is wrong is said before anything is written."""
    from data_pipelines.prepare import default_data_dir
    from sweeps.commands.telling.display import Display
    from sweeps.grids.files import find_grid, load_plan
    from sweeps.study.storage import is_remote
    from sweeps.study.store import StudyDirectory
    from sweeps.workers.ahead import compiling_ahead
    from sweeps.workers.companions import is_follower
    from sweeps.workers.local import Outcome, follow, worker_cores
    from sweeps.workers.local import sweep as train_all
    from sweeps.workers.preparing import prepare

    if is_remote(out):
        raise OstinatoError(
            f"out: {out} is a bucket, and workers write to a directory; submit to a cloud, or mount it"
        )
    source, directory = find_grid(grid), StudyDirectory(out)
    planned = load_plan(source)
    chosen = planned.select(select) if select else planned
    chosen = chosen.share(share) if share else chosen
    directory.check(planned)
    execution = options.execution(chosen.runs)
    data_dir = data_dir or default_data_dir()
    done = directory.done(collected=not anew) if (out / "grid.yaml").exists() else set()
    waiting = [run for run in chosen.runs if run.run_id not in done]
    if waiting:
        beside = partial(compiling_ahead, waiting, directory, execution)
        prepare(chosen.runs, data_dir, console, directory, beside)
    directory.create(planned, source)
    watcher = Display(console, len(worker_cores(jobs, len(chosen.runs), execution.threads)))
    heed_sigterm()
    try:
        if is_follower():
            if code := follow(directory, data_dir, execution):
                raise typer.Exit(code)
            return directory, Outcome()
        return directory, train_all(
            directory, chosen.runs, data_dir, jobs, watcher, wait, execution, anew=anew
        )
    except KeyboardInterrupt as stop:
        print(
            "ostinato: stopped; what was trained is kept, the same command goes on", file=sys.stderr
        )
        raise typer.Exit(PREEMPTED if isinstance(stop, Preempted) else 130) from None


def _exit_on_failures(directory: StudyDirectory, outcome: Outcome) -> None:
    """List the runs that failed, each with the end of what it printed, where it printed anything."""
    for run_id, why in outcome.failed.items():
        print(f"ostinato: run {run_id} failed: {why}", file=sys.stderr)
        for line in directory.run(run_id).last_lines(_LAST_LINES):
            print(f"  {plain(line)}", file=sys.stderr)
    if outcome.failed:
        raise typer.Exit(1)
