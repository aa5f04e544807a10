"""The page: words, cards of figures, the table of runs, provenance. Nothing is fetched from anywhere."""

from __future__ import annotations

import json
from html import escape
from importlib.resources import files
from string import Template

import pandas as pd
from plotly.offline import get_plotlyjs

from analysis.figures.chart import Chart
from analysis.files import jsonable
from analysis.findings.finding import Analysis
from analysis.report.browser import chart_data, run_data
from analysis.words import count, plural

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


def page(analysis: Analysis, charts: list[Chart], by_seed: dict[int, list[Chart]]) -> str:
    """The report as one HTML document; by_seed: the charts that one seed's runs alone give."""
    study, asset = analysis.study, files("analysis.report").joinpath
    name = str(study.meta["name"])
    places = {run: place for place, run in enumerate(study.runs.run_id)}
    drawn = {"": charts} | by_seed
    data = {
        "charts": {
            seed: {chart.key: chart_data(chart, places) for chart in own}
            for seed, own in drawn.items()
        },
        "runs": run_data(study),
    }
    runs = analysis.runs[["run_id", "damage", "multiplier"]]
    return Template(asset("page.html").read_text()).substitute(
        title=escape(f"{name} · Ostinato"),
        name=escape(name),
        facts=escape(_facts(study)),
        summary=_items(analysis.summary),
        notes=f"<ul class='notes'>{_items(analysis.notes)}</ul>" if analysis.notes else "",
        filters=_filters(study.results),
        cards="\n".join(_card(chart, places) for chart in charts),
        runs=_runs_table(study.runs.merge(runs, on="run_id", how="left"), places),
        deviations=_items(deviations(study.results)),
        provenance=_provenance(study),
        style=asset("style.css").read_text(),
        data=_script_safe(json.dumps(jsonable(data), ensure_ascii=False, separators=(",", ":"))),
        plotly=get_plotlyjs().replace("</script", "<\\/script"),
        app=asset("charts.js").read_text() + asset("app.js").read_text(),
    )


def _facts(study) -> str:
    results = study.results
    budgets = sorted(results.tokens.unique())
    budget = count(budgets[0]) + (f" to {count(budgets[-1])}" if len(budgets) > 1 else "")
    parts = [
        plural(len(results), "run"),
        plural(results.params.nunique(), "size"),
        plural(results.seed.nunique(), "seed"),
        f"{budget} training tokens each",
    ]
    if "corpus" in results:
        parts.append("corpus " + ", ".join(sorted(results.corpus.dropna().astype(str).unique())))
    return " · ".join(parts)


def _items(sentences) -> str:
    return "\n".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)


def _filters(results: pd.DataFrame) -> str:
    groups = (
        ("params", "Size", count),
        ("repeated_fraction", "Fraction f", "{:g}".format),
        ("seed", "Seed", str),
    )
    return "\n".join(
        f"<label>{label} <select data-filter='{key}'><option value=''>all</option>"
        + "".join(
            f"<option value='{value:g}'>{escape(shown(value))}</option>"
            if key == "repeated_fraction"
            else f"<option value='{value}'>{escape(shown(value))}</option>"
            for value in sorted(results[key].unique())
            if key != "repeated_fraction" or value > 0
        )
        + "</select></label>"
        for key, label, shown in groups
    )


def _card(chart: Chart, places: dict[str, int]) -> str:
    key, links = escape(chart.key), ""
    for kind in ("svg", "pdf", "csv"):
        links += f"<a href='figures/{key}.{kind}' download>{kind.upper()}</a> "
    return f"""<section class="card" id="{key}" aria-labelledby="{key}-title">
<h2 id="{key}-title">{escape(chart.title)}</h2>
<figure>
<div class="chart" data-chart="{key}" role="img" aria-label="{escape(chart.title)}; the numbers and their runs are in the table below"></div>
<noscript><img src="figures/{key}.svg" alt="{escape(chart.title)}"></noscript>
<figcaption>{escape(chart.caption)}</figcaption>
</figure>
<p class="reading"><strong>How to read it.</strong> {escape(chart.reading)}</p>
<details><summary>Table ({plural(len(chart.table), "row")})</summary>{_table(chart, places)}</details>
<p class="links">{links}<button type="button" data-figure="{key}">Runs behind it</button></p>
</section>"""


def _table(chart: Chart, places: dict[str, int]) -> str:
    shown = chart.table.head(_MOST_ROWS)
    head = "".join(f"<th scope='col'>{escape(str(name))}</th>" for name in shown)
    rows = "".join(
        "<tr>" + "".join(f"<td>{_cell(value, places)}</td>" for value in row) + "</tr>"
        for row in shown.itertuples(index=False)
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


def _runs_table(results: pd.DataFrame, places: dict[str, int]) -> str:
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


def deviations(results: pd.DataFrame) -> list[str]:
    """How the study differs from Hernandez et al. 2022, where its table tells."""

    def span(column: str) -> str:
        low, high = results[column].min(), results[column].max()
        return count(low) if low == high else f"{count(low)} to {count(high)}"

    sentences = [
        f"Params: {span('params')} here, 1.57M to 805M there.",
        f"Training tokens: {span('tokens')} here, 100B there.",
        f"Seeds: {plural(results.seed.nunique(), 'seed')} here, one run a cell there.",
    ]
    if "context" in results:
        sentences.append(f"Context: {span('context')} tokens here, 8,192 there.")
    if {"corpus", "vocabulary"} <= set(results):
        text = ", ".join(sorted(results.corpus.astype(str).unique()))
        units = ", ".join(sorted(results.vocabulary.astype(str).unique()))
        sentences.append(f"Text: {text} in {units} here, web text and books in GPT-2's BPE there.")
    return sentences


def _provenance(study) -> str:
    rows = [(key, _told(value)) for key, value in study.meta.items()]
    return "".join(f"<dt>{escape(key)}</dt><dd>{escape(text)}</dd>" for key, text in rows if text)


def _told(value) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {one}" for name, one in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value or "")


def _script_safe(text: str) -> str:
    """JSON that cannot end the script element that carries it."""
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
