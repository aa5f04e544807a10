"""Commands about what runs have shown: numbers, sentences, the report."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated, Any

import typer

from data_pipelines.config import parse_count
from data_pipelines.errors import OstinatoError
from sweeps.commands.compiled import keep_compiled
from sweeps.commands.options import COMPUTING, AsJson, Tables, app, console, say, stderr


@app.command(epilog="Example: ostinato analyse studies/quick --json")
def analyse(directory: Tables, as_json: AsJson = False) -> None:
    """Compute a study's laws and multipliers into DIR/analysis, and say what was found."""
    keep_compiled()
    from analysis import analyse as analyse_study
    from analysis.analysis import write_analysis

    with stderr.status(COMPUTING):
        found = analyse_study(directory)
    write_analysis(found, directory)
    if as_json:
        print((directory / "analysis" / "summary.json").read_text())
    else:
        for sentence in found.summary:
            say(sentence)


@app.command(epilog="Example: ostinato report studies/quick --serve")
def report(
    directory: Tables,
    serve: Annotated[
        bool, typer.Option(help="Serve it on this machine, kept up to date, until Ctrl-C.")
    ] = False,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to serve on; 0 takes a free one.")
    ] = 8000,
) -> None:
    """Draw a study's report: figures, their tables, and what they say."""
    keep_compiled()
    if not serve:
        from sweeps.commands.telling.reports import draw_report

        draw_report(console, directory)
        return
    from analysis.report.serve import serve_report
    from sweeps.study.store import StudyDirectory

    study = StudyDirectory(directory)
    with_runs = (directory / "runs").exists()
    serve_report(
        directory,
        port,
        refresh=study.collect if with_runs else lambda: None,
        announce=lambda line: console.print(line, soft_wrap=True),
    )


@app.command(
    epilog="Examples: ostinato fit chinchilla losses.csv --compute 1e24 --at params=13B,tokens=5T; "
    "ostinato fit data-constrained runs.csv --columns loss=val_ppl --unit perplexity "
    "--fix E=1.87,A=521,B=1488,alpha=0.353,beta=0.353; "
    "ostinato fit kaplan,chinchilla losses.csv; ostinato fit chinchilla old.csv new.csv; "
    "ostinato fit approach-2 losses.csv"
)
def fit(
    law: Annotated[
        str,
        typer.Argument(
            help="power, power-floor, compute, kaplan, chinchilla, data-constrained, "
            "data-constrained-geometric, additive-penalty; approach-1 or approach-2 for "
            "compute-optimal params; several laws with commas are compared."
        ),
    ],
    tables: Annotated[
        list[Path],
        typer.Argument(
            metavar="TABLE...",
            help="A CSV, JSON lines or Parquet file, one row a run; several are set side by side.",
        ),
    ],
    columns: Annotated[
        str,
        typer.Option(
            help="What the table calls the law's columns: params=N,loss=val.", show_default=False
        ),
    ] = "",
    unit: Annotated[
        str | None,
        typer.Option(
            help="What losses are in: nats, bits, perplexity, bits-per-byte.", show_default=False
        ),
    ] = None,
    bytes_per_token: Annotated[
        float | None,
        typer.Option(help="Bytes of text a token, for bits-per-byte.", show_default=False),
    ] = None,
    decimal: Annotated[
        str | None,
        typer.Option(help="comma or point, where a table does not show it.", show_default=False),
    ] = None,
    drop_bad_rows: Annotated[
        bool,
        typer.Option(
            "--drop-bad-rows", help="Leave out rows that are diverged, missing or there twice."
        ),
    ] = False,
    fix: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE", help="Hold a constant, such as E=1.87.", show_default=False
        ),
    ] = None,
    tie: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=NAME", help="Fit two constants as one.", show_default=False),
    ] = None,
    delta: Annotated[
        float | None,
        typer.Option(help="Huber's delta, of log residuals; 0.001 by default.", show_default=False),
    ] = None,
    quadratic: Annotated[
        bool, typer.Option("--quadratic", help="Least squares instead of Huber's loss.")
    ] = False,
    bootstrap: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Resamples for intervals, 256 by default; 0 for none.",
            show_default=False,
        ),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            help="Column whose rows are resampled together, or none; by default params where the rows "
            "of one size are off to the same side.",
            show_default=False,
        ),
    ] = None,
    compute: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FLOPS",
            help="Say the best params and tokens for it, such as 1e24.",
            show_default=False,
        ),
    ] = None,
    at: Annotated[
        list[str] | None,
        typer.Option(
            metavar="POINT",
            help="Predict the loss there: params=13B,tokens=5T, or a table of points.",
            show_default=False,
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            help="Column whose values are fitted each by itself and set side by side.",
            show_default=False,
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(help="Draw measured against fitted: .svg, .pdf or .png.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fit a law of loss to anyone's table: constants, intervals, predictions, what to distrust."""
    keep_compiled()
    from analysis.fitting.solving.solver import HUBER_DELTA
    from analysis.fitting.table import RESAMPLES
    from sweeps.commands.telling import fits as printing

    if plot and plot.suffix not in (".svg", ".pdf", ".png"):
        raise OstinatoError(f"plot: {plot} is neither .svg, .pdf nor .png")
    if quadratic and delta is not None:
        raise OstinatoError("delta: Huber's, which --quadratic does without; give one of the two")
    computes = [_count("compute", one) for one in compute or ()]
    written: dict[str, Any] = {"unit": unit, "bytes_per_token": bytes_per_token, "decimal": decimal}
    written |= {"drop_bad_rows": drop_bad_rows}
    held: dict[str, Any] = {
        "fixed": printing.values("fix", fix),
        "tied": printing.names("tie", tie),
    }
    held |= {"delta": math.inf if quadratic else HUBER_DELTA if delta is None else delta}
    asked = printing.Asked(computes, tuple(at or ()), as_json)
    several = by is not None or len(tables) > 1
    if "," in law:
        if plot or bootstrap or cluster or compute or at or several:
            raise OstinatoError(
                f"law: {law} are several, which are compared without plot, bootstrap, cluster, compute, "
                "at, by and on one table; give one law, or leave those out"
            )
        laws = [name.strip() for name in law.split(",")]
        printing.compare(laws, tables[0], _pairs(columns), as_json, **written, **held)
        return
    resamples = RESAMPLES if bootstrap is None else bootstrap
    if several:
        if plot or (by is not None and len(tables) > 1):
            raise OstinatoError(
                "by: one table by the values of a column, or several tables, and neither is drawn; "
                "leave out --plot, or all tables but one"
            )
        named: dict[str, Any] = {"how": {"columns": _pairs(columns), **written}, "cluster": cluster}
        printing.side_by_side(law, tables, by, asked, resamples, **named, **held)
        return
    printing.one(
        law, tables[0], _pairs(columns), asked, resamples, plot, cluster=cluster, **written, **held
    )


@app.command(
    epilog="Example: ostinato predict studies/quick --params 2e5 --tokens 4e6 "
    "--fraction 0.1 --repeats 100"
)
def predict(
    directory: Tables,
    params: Annotated[str, typer.Option(help="Non-embedding parameters N.", show_default=False)],
    tokens: Annotated[str, typer.Option(help="Training tokens T.", show_default=False)],
    fraction: Annotated[
        float | None, typer.Option(help="Share of the tokens that is repeated.", show_default=False)
    ] = None,
    repeats: Annotated[
        float | None, typer.Option(help="Times it is seen.", show_default=False)
    ] = None,
    pools: Annotated[
        Path | None,
        typer.Option(help="A histogram that duplicates has written.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what a mixture will cost a model, from a study's own fits."""
    keep_compiled()
    from analysis import analyse as analyse_study
    from analysis import predict as predicting

    sizes = _count("params", params), _count("tokens", tokens)
    if pools is not None and fraction is None and repeats is None:
        parts = predicting.parts_of_histogram(pools)
    elif pools is None and fraction is not None and repeats is not None:
        parts = [predicting.Part(fraction, repeats)]
    else:
        raise OstinatoError("pools: give either --fraction and --repeats, or --pools")
    predicting.check(*sizes, parts)
    with stderr.status(COMPUTING):
        damage = predicting.fit_damage(analyse_study(directory), at=sizes)
    found = predicting.predict(damage, *sizes, parts)
    if as_json:
        print(json.dumps(found.as_dict(), indent=1))
        return
    for sentence in found.sentences():
        say(sentence)


def _pairs(columns: str) -> dict[str, str]:
    """'params=N,loss=val' as a dictionary."""
    pairs = [pair.split("=") for pair in columns.split(",") if pair.strip()]
    if any(len(pair) != 2 or not all(pair) for pair in pairs):
        raise OstinatoError(f"columns: {columns!r}; write params=N,tokens=D,loss=val_loss")
    return {ours.strip(): theirs.strip() for ours, theirs in pairs}


def _count(name: str, value: str) -> float:
    try:
        number = float(parse_count(value))
    except ValueError as error:
        raise OstinatoError(f"{name}: {error} (given: {value!r})") from None
    if number <= 0:
        raise OstinatoError(f"{name}: {value}; give a positive number")
    return number
