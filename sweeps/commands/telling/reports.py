"""A report that is being drawn, on a terminal with the time left."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from sweeps.commands.options import COMPUTING


def draw_report(console: Console, directory: Path) -> None:
    """Draw the report of the study in `directory`, and say where it is.

    Raises `AnalysisError` as `analysis.study.read_study` does.
    """
    from analysis.report import write_report

    columns = TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()
    terminal = console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=not terminal) as bar:
        task = bar.add_task(COMPUTING, total=None)
        page = write_report(
            directory,
            progress=lambda what, done, of: bar.update(
                task, description=what, completed=done, total=of
            ),
        )
    console.print(f"Report: {page.absolute()}", soft_wrap=True)
