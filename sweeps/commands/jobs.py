"""Commands about a study's jobs on other machines: hand them over, read along, end them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from data_pipelines.errors import OstinatoError
from sweeps.commands.options import (
    AcceleratorOf,
    Cpus,
    DataDir,
    Engine,
    Gpus,
    GridName,
    Image,
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
    stderr,
)

if TYPE_CHECKING:
    from sweeps.engines.jobs import Prepared
    from sweeps.study.store import StudyDirectory
    from sweeps.workers.execution import Options
    from sweeps.workers.local import Outcome

UTILISATION = 0.4
"""Share of the peak FLOP/s that a cost is told for, as in plan."""


@app.command(
    epilog="Examples: ostinato submit quick --to slurm --out studies/quick --workers 8 --time 4h; "
    "ostinato submit quick --to gcp --accelerator v5e-8 --spot --out gs://bucket/quick"
)
def submit(
    grid: GridName,
    to: Engine,
    out: Out,
    select: Select = None,
    workers: Workers = None,
    time: TimeLimit = None,
    partition: Partition = None,
    cpus: Cpus = 1,
    memory: Memory = None,
    gpus: Gpus = 0,
    accelerator: AcceleratorOf = None,
    spot: Spot = False,
    image: Image = None,
    threads: Threads = 1,
    layout: Layout = None,
    stack: Stack = 1,
    keep: Keep = 1,
    profile: Profile = False,
    tensorboard: TensorBoard = False,
    wandb: Wandb = False,
    data_dir: DataDir = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be handed over, and do nothing.")
    ] = False,
    yes: Yes = False,
) -> None:
    """Have the runs of a grid that are not done trained on a cluster; status, logs and cancel follow them."""
    from sweeps.engines import jobs
    from sweeps.workers.execution import Options

    asked = {"time": time, "partition": partition, "cpus": cpus, "memory": memory, "gpus": gpus}
    asked |= {"accelerator": accelerator, "spot": spot, "image": image}
    options = Options(
        threads=threads,
        layout=layout,
        stack=stack,
        keep=keep,
        profile=profile,
        tensorboard=tensorboard,
        wandb=wandb,
    )
    if to is None:
        raise OstinatoError("to: give an engine, such as --to slurm")
    prepared = jobs.prepare(grid, out, to, select, workers, asked, data_dir, dry_run, options)
    if not prepared.left:
        console.print(f"{out}: all of its {len(prepared.chosen)} runs are done")
    elif dry_run:
        text = prepared.engine.render(prepared.job)
        stderr.print(_summary(prepared), soft_wrap=True)
        print(text, end="")
    else:
        _hand_over(prepared, yes)


@app.command(epilog="Example: ostinato logs studies/quick a5516f16b9e7")
def logs(
    directory: Study,
    run_id: Annotated[
        str | None,
        typer.Argument(help="A run's id, or its beginning; the study's jobs by default."),
    ] = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="Lines of each log.")] = 20,
) -> None:
    """Print the end of what a run, or each worker of the study's jobs, has printed."""
    from sweeps.engines import jobs
    from sweeps.study.store import StudyDirectory

    study = StudyDirectory(directory)
    if run_id is None:
        found = jobs.logs(study, lines)
        if not found:
            raise OstinatoError(f"{directory}: no job was submitted; name a run for its log")
        print(found)
        return
    config = study.plan.run(run_id)
    run = study.run(config.run_id)
    if not run.log.exists():
        raise OstinatoError(f"run_id: {config.run_id} has no log; it has not begun")
    print("\n".join(run.last_lines(lines)))


@app.command(epilog="Example: ostinato cancel studies/quick")
def cancel(directory: Study, yes: Yes = False) -> None:
    """End the study's jobs. What was trained is kept; submit goes on from it."""
    from sweeps.engines import engine_named, jobs
    from sweeps.study.store import StudyDirectory

    study = StudyDirectory(directory)
    study.plan  # noqa: B018 - says in one line what is not a study
    found = jobs.live(study)
    if not found:
        console.print(f"{directory}: no job is under way")
        return
    for submission, states in found:
        _confirm(f"Cancel {submission.label} ({_counts(states)})?", yes)
        engine_named(submission.engine).cancel(submission)
        console.print(f"{submission.label}: cancelled")


def train_elsewhere(
    grid: str,
    out: Path,
    to: str,
    workers: int | None,
    asked: dict[str, Any],
    data_dir: Path | None,
    yes: bool,
    options: Options,
) -> tuple[StudyDirectory, Outcome]:
    """Submit what is not done, unless jobs are under way already, and wait; for `study --to`."""
    from sweeps.engines import jobs

    prepared = jobs.prepare(grid, out, to, None, workers, asked, data_dir, False, options)
    if prepared.left:
        if (out / "jobs").exists() and jobs.live(prepared.study):
            console.print(f"{out}: jobs are under way; waiting for them")
        else:
            _hand_over(prepared, yes)
        try:
            jobs.wait(prepared.study, prepared.chosen, lambda line: console.print(line))
        except KeyboardInterrupt:
            print(
                "ostinato: stopped waiting; the jobs go on, and the same command waits again",
                file=sys.stderr,
            )
            raise typer.Exit(130) from None
    return prepared.study, jobs.outcome(prepared.study, prepared.chosen)


def _hand_over(prepared: Prepared, yes: bool) -> None:
    from sweeps.engines import jobs

    prepared.engine.check(prepared.job)
    console.print(_summary(prepared), soft_wrap=True)
    _confirm("Submit?", yes)
    submission = jobs.submit(prepared)
    console.print(
        f"{submission.label}: submitted; ostinato status {prepared.study.path} follows it"
    )


def _summary(prepared: Prepared) -> str:
    """What there is to train, by how many workers, what each of them has, and the cost."""
    from sweeps.commands.telling.words import short
    from sweeps.engines.limits import in_words

    request = prepared.job.request
    tokens = sum(getattr(run, "tokens", 0) for run in prepared.left)
    flops = sum(run.flops(0) for run in prepared.left)
    has = [f"{request.memory} of memory"] if request.memory else []
    has += [f"at most {in_words(request.time)} at a time"] if request.time else []
    each = f", each with {' and '.join(has)}" if has else ""
    return (
        f"{len(prepared.left)} of {len(prepared.chosen)} runs to train: {short(tokens)} tokens, "
        f"{flops:.3g} FLOPs, by {request.workers} worker{'s' if request.workers > 1 else ''}{each}"
        f"{_cost(prepared, flops)}"
    )


def _cost(prepared: Prepared, flops: float) -> str:
    """What it will come to, where a price list knows the machines."""
    from sweeps.engines.accelerators import find_slice

    request = prepared.job.request
    dollars = prepared.engine.dollars_per_hour(request)
    if dollars is None or request.accelerator is None:
        return ""
    tpu = find_slice(request.accelerator).tpu
    hours = flops / (request.workers * tpu.chips * tpu.peak_flops * UTILISATION) / 3600
    return (
        f" on {tpu.name}: ${dollars:,.2f} an hour on demand, ${dollars * hours:,.2f} in all at "
        f"{UTILISATION:.0%} of the peak (small models reach less)"
    )


def print_jobs(study: StudyDirectory) -> None:
    """A line a job that has not ended."""
    from sweeps.engines import jobs

    try:
        found = jobs.live(study)
    except OstinatoError as error:  # read on a machine that does not reach the cluster
        console.print(f"[yellow]{error}[/]", soft_wrap=True)
        return
    for submission, states in found:
        console.print(f"{submission.label}: {_counts(states)}")


def _confirm(question: str, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise OstinatoError("yes: nobody is there to answer; give --yes")
    if not typer.confirm(question):
        raise typer.Exit(1)


def _counts(states: dict[str, int]) -> str:
    return ", ".join(f"{count} {state}" for state, count in states.items())
