"""Commands about what runs have shown: numbers, sentences, the report."""

from __future__ import annotations

import json
import math
from pathlib import Path
from statistics import fmean
from typing import Annotated

import typer
from rich.table import Table

from data_pipelines.config import parse_count
from data_pipelines.errors import OstinatoError
from sweeps.commands.compiled import keep_compiled
from sweeps.commands.options import AsJson, Tables, app, console, say

_RESAMPLES = 256
"""Where nobody says how many: a tenth of a second, and ends of intervals that are off by a twentieth
of them (in the mean, against 4,000)."""


@app.command(epilog="Example: ostinato analyse studies/quick --json")
def analyse(directory: Tables, as_json: AsJson = False) -> None:
    """Compute a study's laws and multipliers into DIR/analysis, and say what was found."""
    keep_compiled()
    from analysis import analyse as analyse_study
    from analysis.analysis import write_analysis

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
    port: Annotated[int, typer.Option(help="Port to serve on; 0 takes a free one.")] = 8000,
) -> None:
    """Draw a study's report: figures, their tables, and what they say."""
    keep_compiled()
    from analysis.report import write_report

    if not serve:
        console.print(f"Report: {write_report(directory).absolute()}", soft_wrap=True)
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
    epilog="Examples: ostinato fit chinchilla losses.csv "
    "--columns params=N,tokens=D,loss=val_loss --bootstrap 4000; "
    "ostinato fit kaplan,chinchilla losses.csv; ostinato fit approach-2 losses.csv"
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
    table: Annotated[Path, typer.Argument(help="A CSV or Parquet, one row a run.")],
    columns: Annotated[
        str,
        typer.Option(
            help="What the table calls the law's columns: params=N,loss=val.", show_default=False
        ),
    ] = "",
    bootstrap: Annotated[
        int | None,
        typer.Option(
            min=0,
            help=f"Resamples for intervals, {_RESAMPLES} by default; 0 for none.",
            show_default=False,
        ),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(help="Column whose rows are resampled together.", show_default=False),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(help="Draw measured against fitted: .svg, .pdf or .png.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fit a law of loss to anyone's table: constants, intervals, what to distrust."""
    keep_compiled()
    from analysis.fitting.table import fit_table

    if plot and plot.suffix not in (".svg", ".pdf", ".png"):
        raise OstinatoError(f"plot: {plot} is neither .svg, .pdf nor .png")
    if "," in law:
        if plot or bootstrap or cluster:
            raise OstinatoError(
                f"law: {law} are several, which are compared without plot, bootstrap and cluster; "
                "give one, or leave those out"
            )
        _compare([name.strip() for name in law.split(",")], table, _pairs(columns), as_json)
        return
    resamples = _RESAMPLES if bootstrap is None else bootstrap
    found = fit_table(law, table, _pairs(columns), resamples, cluster)
    if plot:
        from analysis.figures.in_print import render
        from analysis.files import write_bytes
        from analysis.fitting.chart import fit_chart

        write_bytes(plot, render(fit_chart(found), plot.suffix[1:]))
    if as_json:
        print(json.dumps(found.as_dict(), indent=1))
        return
    console.print(f"{found.law.name}: {found.law.equation}", soft_wrap=True, markup=False)
    rows = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("constant", "value", "95 % interval"):
        rows.add_column(name, justify="left" if name == "constant" else "right")
    intervals = found.intervals()
    for name, value in found.constants.items():
        low_high = _span(*intervals[name]) if name in intervals else ""
        low_high += " (profile)" if name in found.profiled else ""
        rows.add_row(name, f"{value:.5g}", low_high)
    console.print(rows)
    console.print(f"{len(found.loss)} rows, R2 {found.r2:.4f}, AIC {found.aic:.1f}")
    if errors := found.held_out:
        console.print(
            f"Sizes predicted from the others: off by {fmean(errors.values()):.2%} in the mean, "
            f"by {max(errors.values()):.2%} at worst."
        )
    for warning in found.warnings:
        say(warning)


def _span(low: float, high: float) -> str:
    """An interval; an end that the data do not bound is left open."""
    if math.isinf(low) and math.isinf(high):
        return "not bounded"
    if math.isinf(high):
        return f"above {low:.5g}"
    return f"below {high:.5g}" if math.isinf(low) else f"{low:.5g} to {high:.5g}"


def _compare(laws: list[str], table: Path, columns: dict[str, str], as_json: bool) -> None:
    """Print several laws of one table, the best first."""
    from analysis.files import jsonable
    from analysis.fitting.compare import compare_on_table

    found, reasons = compare_on_table(laws, table, columns)
    if as_json:
        content = {"laws": found.to_dict("records"), "left_out": reasons}
        print(json.dumps(jsonable(content), indent=1))
        return
    shown = Table(box=None, pad_edge=False, header_style="dim")
    heads = ("law", "constants", "held-out error", "AIC above best", "weight", "R2")
    for name in heads:
        shown.add_column(name, justify="left" if name == "law" else "right")
    for row in found.to_dict("records"):
        error = "" if math.isnan(row["held_out_error"]) else f"{row['held_out_error']:.2%}"
        numbers = (f"{row['aic_above']:.1f}", f"{row['weight']:.3f}", f"{row['r2']:.4f}")
        shown.add_row(row["law"], str(row["constants"]), error, *numbers)
    console.print(shown)
    for name, reason in reasons.items():
        say(f"{name} is left out: {reason}")


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
    from analysis.study import read_table

    sizes = _count("params", params), _count("tokens", tokens)
    if pools is not None and fraction is None and repeats is None:
        parts = predicting.parts_of_histogram(read_table(pools))
    elif pools is None and fraction is not None and repeats is not None:
        parts = [predicting.Part(fraction, repeats)]
    else:
        raise OstinatoError("pools: give either --fraction and --repeats, or --pools")
    damage = predicting.fit_damage(analyse_study(directory))
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
        return float(parse_count(value))
    except ValueError as error:
        raise OstinatoError(f"{name}: {error} (given: {value!r})") from None
