"""The page's tables: of a figure's numbers, of what is listed in words, of the runs."""

from __future__ import annotations

from html import escape

import pandas as pd

from analysis.figures.chart import Chart
from analysis.findings import Listing
from analysis.rows import rows_of
from analysis.words import plural

_MOST_ROWS = 60
_RUN_COLUMNS = {
    "params": "params N",
    "repeated_fraction": "f",
    "repeats": "repeats E",
    "pool_tokens": "pool tokens",
    "seed": "seed",
    "test_loss": "test loss",
    "pool_loss": "pool loss",
    "damage": "damage",
    "multiplier": "multiplier",
}


def chart_table(chart: Chart, places: dict[str, int]) -> str:
    """The first rows of a figure's numbers, the runs behind each as buttons."""
    shown = chart.table.head(_MOST_ROWS)
    head = "".join(f"<th scope='col'>{escape(str(name))}</th>" for name in shown)
    rows = "".join(
        "<tr>" + "".join(f"<td>{_cell(value, places)}</td>" for value in row) + "</tr>"
        for row in rows_of(shown)
    )
    more = len(chart.table) - len(shown)
    rest = f"<p>{plural(more, 'more row')} in the CSV file.</p>" if more else ""
    return (
        f"<div class='scroll' tabindex='0' role='region' aria-label='{escape(chart.title)}, table'><table><thead><tr>{head}"
        f"</tr></thead><tbody>{rows}</tbody></table></div>{rest}"
    )


def _cell(value, places: dict[str, int]) -> str:
    """A table's cell as HTML: a number in short, text escaped, the runs behind a row as buttons."""
    if isinstance(value, list):
        return " ".join(_run_button(run, places) for run in value)
    if isinstance(value, str | bool):
        return escape(str(value))
    if pd.isna(value):
        return ""
    return f"{value:,.0f}" if float(value).is_integer() and abs(value) >= 1 else f"{value:.5g}"


def _run_button(run: str, places: dict[str, int]) -> str:
    return f"<button type='button' class='run' data-run='{places[run]}'>{escape(run)}</button>"


def listing_table(listing: Listing) -> str:
    """What is listed, a cell's column and text as data for its look."""
    head = "".join(f"<th scope='col'>{escape(str(name))}</th>" for name in listing.table)
    rows = "".join(
        "<tr>"
        + "".join(
            f"<td data-column='{escape(str(name))}'{_kind(str(name), text)}>{escape(text)}</td>"
            for name, text in row.items()
        )
        + "</tr>"
        for row in listing.table.to_dict("records")
    )
    return f"<table class='listing'><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _kind(column: str, text: str) -> str:
    return f" data-verdict='{escape(text)}'" if column == "verdict" else ""


def runs_table(results: pd.DataFrame, places: dict[str, int]) -> str:
    """Every run, the page's script filters its rows."""
    head = "".join(f"<th scope='col'>{name}</th>" for name in ("run", *_RUN_COLUMNS.values()))
    rows = []
    ordered = results.sort_values(["params", "repeated_fraction", "repeats", "seed"])
    for row in ordered.to_dict("records"):
        cells = "".join(f"<td>{_cell(row[name], places)}</td>" for name in _RUN_COLUMNS)
        run = row["run_id"]
        rows.append(f"<tr data-run='{places[run]}'><td>{_run_button(run, places)}</td>{cells}</tr>")
    return (
        f"<table><thead><tr>{head}</tr></thead><tbody id='run-rows'>{''.join(rows)}</tbody></table>"
    )
