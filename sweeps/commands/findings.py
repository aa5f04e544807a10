"""Commands about what runs have shown: numbers, sentences, the report."""

from __future__ import annotations

from typing import Annotated

import typer

from sweeps.commands.options import AsJson, Study, app, console


@app.command(epilog="Example: ostinato analyse studies/quick --json")
def analyse(directory: Study, as_json: AsJson = False) -> None:
    """Compute a study's laws and multipliers into DIR/analysis, and say what was found."""
    from analysis import analyse as analyse_study
    from analysis.study import write_analysis

    found = analyse_study(directory)
    write_analysis(found, directory)
    if as_json:
        print((directory / "analysis" / "summary.json").read_text())
    else:
        for sentence in found.summary:
            console.print(f"- {sentence}", soft_wrap=True)


@app.command(epilog="Example: ostinato report studies/quick --serve")
def report(
    directory: Study,
    serve: Annotated[bool, typer.Option(help="Serve it on this machine until Ctrl-C.")] = False,
    port: Annotated[int, typer.Option(help="Port to serve on.")] = 8000,
) -> None:
    """Draw a study's report: figures, their tables, and what they say."""
    from analysis.report import write_report

    path = write_report(directory)
    console.print(f"Report: {path.absolute()}", soft_wrap=True)
    if serve:
        from sweeps.serving import serve_forever

        serve_forever(path.parent, port, console)
