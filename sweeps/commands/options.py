"""What the commands share: the application, the consoles, the options."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from data_pipelines.errors import OstinatoError

app = typer.Typer(
    name="ostinato",
    help="Measure what repeated training data does to a language model, and what it costs.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
# What goes to a file or a pipe has no edge at which a table would have to be cut.
console = Console(highlight=False, width=None if sys.stdout.isatty() else 1000)
stderr = Console(stderr=True, highlight=False)
COMPUTING = "computing what was found"  # what takes seconds of a large study


def plain(text: str) -> str:
    """`text` on one line, whatever a table or a run's name has put there: control characters, with
    which a terminal could be steered, are written out."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def say(sentence: str) -> None:
    """Print a finding as an item of a list; brackets in it are not rich's markup."""
    console.print(f"- {plain(sentence)}", soft_wrap=True, markup=False, emoji=False)


GridName = Annotated[
    str, typer.Argument(metavar="GRID", help="A grid file, or the name of a shipped one (quick).")
]


def _location(text: str) -> Path:
    """A directory, or a bucket's URL, from the command line."""
    if "://" not in text:
        return Path(text)
    from sweeps.study.storage import location  # most commands need no bucket

    try:
        return location(text)
    except OstinatoError as error:  # which typer would tell in its words, as every ValueError here
        print(f"ostinato: {error}", file=sys.stderr)
        raise typer.Exit(2) from None


def _on_disk(text: str) -> Path:
    """A directory with a study's tables, from the command line."""
    if "://" in text:
        remedy = f"`ostinato collect {text} --into DIR` brings its tables here"
        print(f"ostinato: directory: {text} is a bucket; {remedy}", file=sys.stderr)
        raise typer.Exit(2)
    return Path(text)


def place(help: str, *names: str):
    """An option that takes a directory or a bucket's URL."""
    return typer.Option(*names, parser=_location, metavar="DIR", help=help, show_default=False)


Out = Annotated[
    Path, place("The study's directory, or for a cloud gs://bucket/study.", "--out", "-o")
]
Study = Annotated[
    Path, typer.Argument(parser=_location, metavar="DIR", help="A study's directory, or its URL.")
]
Tables = Annotated[
    Path, typer.Argument(parser=_on_disk, metavar="DIR", help="A study's directory.")
]
Jobs = Annotated[
    int | None,
    typer.Option(min=1, help="Workers at a time; one a core by default.", show_default=False),
]
Select = Annotated[
    str | None,
    typer.Option(
        help="Only runs matching, such as 'params < 1e6 and repeats > 10'.", show_default=False
    ),
]
DataDir = Annotated[
    Path | None,
    typer.Option(
        help="Where corpora, and what plan has compiled, are kept; $OSTINATO_DATA_DIR or ~/.cache/ostinato by default.",
        show_default=False,
    ),
]
Layout = Annotated[
    str | None,
    typer.Option(
        help="How runs lie on their devices: fsdp=8,tensor=2,microbatch=16,remat=true, or a .csv "
        "that plan has written for each shape.",
        show_default=False,
    ),
]
Keep = Annotated[int, typer.Option(min=1, help="Checkpoints kept of each run.")]
Stack = Annotated[
    int,
    typer.Option(
        min=1,
        help="Runs of one shape that a worker trains together, on all its devices: for small models "
        "on an accelerator.",
    ),
]
Threads = Annotated[
    int,
    typer.Option(
        min=1,
        help="Threads that a run computes in on a CPU: for models too large for one core. Digits "
        "depend on it, so that all runs of a study should have the same.",
    ),
]
Profile = Annotated[
    bool,
    typer.Option(
        "--profile", help="Trace some steps for TensorBoard or Perfetto (runs/ID/profile)."
    ),
]
TensorBoard = Annotated[
    bool, typer.Option("--tensorboard", help="Write the curves for TensorBoard as well.")
]
Wandb = Annotated[
    bool,
    typer.Option(
        "--wandb",
        help="Send the curves to Weights & Biases as well: a run there for each run, in the study's "
        "group of project ostinato-STUDY, or $WANDB_PROJECT's; WANDB_MODE=offline keeps them here.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

Engine = Annotated[
    str | None,
    typer.Option("--to", metavar="ENGINE", help="Where: slurm, gcp, gke.", show_default=False),
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Workers that share the runs, at most one a run; by default at most 16.",
        show_default=False,
    ),
]
TimeLimit = Annotated[
    str | None,
    typer.Option(
        "--time",
        help="Time limit of a worker: 4h, 90min, or as Slurm writes it 4:00:00 (4:00 is four "
        "minutes); shortly before, it saves and queues again.",
        show_default=False,
    ),
]
Partition = Annotated[
    str | None, typer.Option(help="Partition of Slurm, or queue of Kueue.", show_default=False)
]
Cpus = Annotated[int, typer.Option(min=1, help="Cores of a worker.")]
Memory = Annotated[
    str | None, typer.Option(help="Memory of a worker, such as 8G or 8GB.", show_default=False)
]
Gpus = Annotated[int, typer.Option(min=0, help="GPUs of a worker.")]
AcceleratorOf = Annotated[
    str | None,
    typer.Option(
        "--accelerator",
        help="What a cloud's worker has: v5e-8, v5p-16, v6e-4, H100:8.",
        show_default=False,
    ),
]
Spot = Annotated[bool, typer.Option("--spot", help="Cheaper machines that may be taken away.")]
Image = Annotated[
    str | None, typer.Option(help="Container image that holds Ostinato (gke).", show_default=False)
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
