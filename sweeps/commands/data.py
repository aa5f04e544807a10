"""Commands about data: is a grid's repetition what it says, and what does a corpus repeat."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.table import Table

from data_pipelines.errors import OstinatoError
from sweeps.commands.options import AsJson, DataDir, GridName, app, console, place, stderr


@app.command(epilog="Example: ostinato audit quick --show-step 3")
def audit(
    grid: GridName,
    run_id: Annotated[
        str | None, typer.Argument(help="A run's id, or its beginning; all runs by default.")
    ] = None,
    out: Annotated[
        Path | None,
        place("Audit what runs in DIR have consumed.", "--out", "-o"),
    ] = None,
    show_step: Annotated[
        int | None, typer.Option(min=0, help="Print this step's batch as text.", show_default=False)
    ] = None,
    near: Annotated[bool, typer.Option(help="Look for near duplicates of held-out text.")] = True,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Count the realised batches by content: asked against got. Exits with 1 if they differ."""
    from analysis.words import plural
    from data_pipelines.audit import audit as audit_run
    from data_pipelines.corpora.directory.records import by_cause
    from data_pipelines.prepare import default_data_dir
    from data_pipelines.stream import open_data
    from scaling.config import RunConfig
    from sweeps.grids.files import find_grid, load_plan
    from sweeps.study.store import StudyDirectory
    from sweeps.workers.preparing import prepare

    plan = load_plan(find_grid(grid))
    runs = [
        run
        for run in plan.runs
        if isinstance(run, RunConfig) and run.run_id.startswith(run_id or "")
    ]
    if not runs:
        raise OstinatoError(
            f"run_id: {run_id} is no run of {plan.grid.name}; `ostinato plan {grid}` lists them"
        )
    if show_step is not None and run_id is None:
        runs = [next((run for run in runs if not run.is_control), runs[0])]
    data_dir = data_dir or default_data_dir()
    study = StudyDirectory(out) if out else None
    consumed = _consumed(study, plan, runs) if study else {run.run_id: run.steps for run in runs}
    if not any(consumed.values()):
        raise OstinatoError(
            f"out: in {out} no run that is asked for has consumed anything yet; without --out the "
            "audit counts what they will consume"
        )
    prepare(runs, data_dir, console if not as_json else stderr, study)
    audits, left_out = [], {}
    for run in runs:
        data = open_data(run, data_dir)
        decode = (
            _decoder(run.vocabulary, run.vocabulary_corpus, data_dir, run.reading)
            if near or show_step is not None
            else None
        )
        if show_step is not None:
            _print_batch(run, data, show_step, decode)
            continue
        if not (stop := consumed[run.run_id]):
            stderr.print(f"{run.run_id}: not begun")
            continue
        with stderr.status(f"auditing {run.run_id}"):
            audits.append(audit_run(data, run.run_id, stop=stop, decode=decode))
        if counts := audits[-1].left_out:
            left_out[run.corpus] = counts
    if as_json:
        print(json.dumps([found.as_dict() for found in audits], indent=1))
    else:
        for found in audits:
            _print_audit(found, whole=len(audits) == 1 or bool(found.faults))
        for corpus, counts in left_out.items():
            records = f"{plural(sum(counts.values()), 'record')} left out ({by_cause(counts)})"
            console.print(f"{corpus}: {records}", markup=False, soft_wrap=True)
    if any(found.faults for found in audits):
        raise typer.Exit(1)


def _consumed(study, plan, runs) -> dict[str, int]:
    """Steps of each of these runs whose data is in the weights that the study has of it."""
    statuses = {run.run_id: status for run, status in study.statuses()}
    study.check(plan)
    return {
        run.run_id: run.steps
        if statuses.get(run.run_id, {}).get("state") == "done"
        else study.run(run.run_id).consumed_steps()
        for run in runs
    }


@app.command(
    epilog="Example: ostinato duplicates text_files:/data/corpus --text-field content --write pools.csv"
)
def duplicates(
    corpus: Annotated[
        str, typer.Argument(help="A corpus as grids name it: pycode, text_files:DIR, c4/en.")
    ],
    split: Annotated[
        str | None,
        typer.Option(help="train, validation or test; all of it by default.", show_default=False),
    ] = None,
    text_field: Annotated[
        str,
        typer.Option(help="Field or column of text_files:DIR that holds the text: document.text."),
    ] = "text",
    on_bad_record: Annotated[
        Literal["refuse", "skip"],
        typer.Option(
            help="Refuse records of text_files:DIR that hold no text, or leave them out and count them.",
        ),
    ] = "refuse",
    join_lists: Annotated[
        str | None,
        typer.Option(
            help="Join lists of strings of text_files:DIR with this, such as ' '.",
            show_default=False,
        ),
    ] = None,
    vocabulary: Annotated[
        str,
        typer.Option(
            help="bytes, sentencepiece:SIZE, or file:PATH of a SentencePiece model or a tokenizer.json."
        ),
    ] = "bytes",
    context: Annotated[int, typer.Option(min=1, help="Tokens in a stretch of text.")] = 128,
    write: Annotated[
        Path | None,
        typer.Option(help="Write the histogram to a .csv or .parquet.", show_default=False),
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Find what a corpus repeats: documents, near duplicates, and stretches of text."""
    if write and write.suffix not in (".csv", ".parquet"):
        raise OstinatoError(f"write: {write} is neither .csv nor .parquet")
    from data_pipelines.config import Reading
    from data_pipelines.corpora.directory.records import by_cause
    from data_pipelines.duplicates import find_duplicates
    from data_pipelines.prepare import default_data_dir

    with stderr.status("counting") as status:
        found = find_duplicates(
            corpus,
            data_dir or default_data_dir(),
            split=split,
            reading=Reading(text_field, on_bad_record, join_lists),
            vocabulary=vocabulary,
            context=context,
            progress=status.update,
        )
    if write:
        found.write(write)
    tables = {"exact": found.exact, "near": found.near, "spans": found.pools()}
    if as_json:
        shown = {name: table.to_dict("records") for name, table in tables.items()}
        whole = {"corpus": corpus, "split": found.split, "documents": found.documents}
        whole |= {"left_out": found.left_out, "tokens": found.tokens}
        print(json.dumps(whole | shown, indent=1, default=float))
        return
    sizes = f"{found.documents:,} documents, {found.tokens:,} tokens"
    console.print(f"{corpus} {found.split}: {sizes}", markup=False, soft_wrap=True)
    if found.left_out:
        total = sum(found.left_out.values())
        of = f"{total:,} of {total + found.documents:,} records"
        console.print(f"left out: {of} ({by_cause(found.left_out)})")
    names = {
        "exact": "Equal documents",
        "near": "Documents nearly alike",
        "spans": f"Equal stretches of {context} tokens",
    }
    for key, table in tables.items():
        _print_table(names[key], table)
    for example in found.examples:
        console.print(f"[dim]{example.kind} x{example.repeats} {', '.join(example.sources)}[/]")
        console.print(f"  {example.text!r}", markup=False, soft_wrap=True)


def _print_table(title: str, frame) -> None:
    table = Table(title=title, box=None, pad_edge=False, title_justify="left")
    for name in frame.columns:
        table.add_column(name.replace("_", " "), justify="right")
    for row in frame.itertuples(index=False):
        table.add_row(
            *(
                f"{v:.4%}" if n == "token_share" else f"{v:,}"
                for n, v in zip(frame.columns, row, strict=True)
            )
        )
    console.print(table)


@cache
def _decoder(name: str, corpus: str, data_dir: Path, reading):
    """Tokens to text; the ends of documents are shown as ¶."""
    import numpy as np

    from data_pipelines.vocabularies import tokenizer as tokenizer_of

    tokenizer = tokenizer_of(name, corpus, data_dir, reading)
    special = (tokenizer.pad_id, tokenizer.eos_id)

    def decode(tokens) -> str:
        parts = np.split(tokens, np.flatnonzero(tokens == tokenizer.eos_id) + 1)
        return "¶".join(tokenizer.decode(part[~np.isin(part, special)]) for part in parts)

    return decode


def _print_audit(found, whole: bool) -> None:
    verdict = "[bold red]does not hold[/]" if found.faults else "[green]holds[/]"
    pooled = (
        f", {found.realised['pool_sequences']:,} in the pool x {found.realised['repeats_most']:,}"
    )
    steps = f"steps {found.steps[0]} to {found.steps[1]}, {found.sequences:,} sequences{pooled if found.histogram else ''}"
    console.print(f"{found.run_id}: the claim {verdict} ({steps})", soft_wrap=True)
    if not whole:
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("", "asked", "got"):
        table.add_column(name, justify="right" if name else "left")
    for name, asked in found.asked.items():
        table.add_row(f"  {name.replace('_', ' ')}", f"{asked:,}", f"{found.realised[name]:,}")
    if found.histogram:
        table.add_row(
            "  pooled sequences in a batch", "", f"{found.batch_share[0]} to {found.batch_share[1]}"
        )
    console.print(table)
    if found.near:
        console.print(
            f"  {found.near['found']:,} of {found.near['checked']:,} sequences nearly equal a held-out one"
        )
        for example in found.near["examples"][:2]:
            console.print(f"    trained:  {example['trained']!r}", markup=False, soft_wrap=True)
            console.print(f"    held out: {example['held_out']!r}", markup=False, soft_wrap=True)
    for fault in found.faults:
        console.print(f"  [red]{fault}[/]")


def _print_batch(run, data, step: int, decode) -> None:
    if step >= run.steps:
        raise OstinatoError(
            f"show-step: {step} is past the end of run {run.run_id}, which has {run.steps} steps"
        )
    batch = data.batches(step, step + 1)
    of_step = zip(batch.tokens[0], batch.repeated[0], batch.facts[0], strict=True)
    for row, (tokens, repeated, facts) in enumerate(of_step):
        mark = "pool  " if repeated else "facts " if facts else "unique"
        console.print(f"{row:>4} {mark} {decode(tokens)!r}", markup=False, soft_wrap=True)
