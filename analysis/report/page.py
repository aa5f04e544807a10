"""The page: the headline, what was found question by question with its figures, the runs, provenance.

Nothing is fetched from anywhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from itertools import accumulate, chain, zip_longest
from string import Template

import pandas as pd
from plotly.offline import get_plotlyjs

from analysis.figures.chart import Chart
from analysis.files import jsonable
from analysis.findings import Listing, Question, listings
from analysis.findings.claims.headline import headline
from analysis.findings.finding import Analysis
from analysis.report.browser import chart_data, run_data
from analysis.report.tables import chart_table, listing_table, runs_table
from analysis.words import count, plural

_AT_A_GLANCE = 400  # characters


@dataclass(frozen=True)
class Pictures:
    """Every chart of a study: the headline's, where there is one, and those under each question."""

    first: Chart | None
    galleries: dict[Question, list[Chart]]

    def __iter__(self) -> Iterator[Chart]:
        return chain([self.first] if self.first else [], *self.galleries.values())


def page(analysis: Analysis, pictures: Pictures, by_seed: dict[str, Pictures]) -> str:
    """The report as one HTML document.

    pictures: of the study; by_seed: of each seed's runs alone.
    """
    study, asset = analysis.study, files("analysis.report").joinpath
    name = str(study.meta["name"])
    places = {run: place for place, run in enumerate(study.runs.run_id)}
    data = {
        "charts": {
            seed: {chart.key: chart_data(chart, places) for chart in own}
            for seed, own in ({"": pictures} | by_seed).items()
        },
        "runs": run_data(study),
    }
    runs = analysis.runs[["run_id", "damage", "multiplier"]]
    first = headline(analysis)
    sections = _sections(analysis, pictures.galleries, places)
    return Template(asset("page.html").read_text()).substitute(
        title=escape(f"{name} · Ostinato"),
        name=escape(name),
        facts=escape(_facts(study)),
        headline=escape(first.title) + ".",
        numbers=_number("Here", first.number, first.unit, first.interval)
        + (_number("Published", first.published, first.source) if first.published else ""),
        picture=_picture(pictures.first) if pictures.first else "",
        contents="".join(
            f"<a href='#{_anchor(question)}'>{question.value}</a>" for question in sections
        ),
        filters=_filters(study.results),
        sections="\n".join(sections.values()),
        runs=runs_table(study.runs.merge(runs, on="run_id", how="left"), places),
        provenance=_provenance(study),
        style=asset("style.css").read_text(),
        data=_script_safe(json.dumps(jsonable(data), ensure_ascii=False, separators=(",", ":"))),
        plotly=get_plotlyjs().replace("</script", "<\\/script"),
        app=asset("charts.js").read_text() + asset("app.js").read_text(),
    )


def _number(label: str, number: str, told: str, interval: str = "") -> str:
    beside = f"<span class='interval'>{escape(interval)}</span>" if interval else ""
    return (
        f"<div><dt>{label}</dt><dd><span class='number'>{escape(number)}</span>{beside}</dd>"
        f"<dd class='unit'>{escape(told)}</dd></div>"
    )


def _picture(chart: Chart) -> str:
    return f"""<figure>
<div class="chart" data-chart="{chart.key}" role="img" aria-label="{escape(chart.title)}; its numbers are in the CSV file below"></div>
<noscript><img src="figures/{chart.key}.svg" alt="{escape(chart.title)}"></noscript>
<figcaption>{escape(chart.caption)}</figcaption>
{_links(chart)}
</figure>"""


def _sections(
    analysis: Analysis, charts: dict[Question, list[Chart]], places: dict[str, int]
) -> dict[Question, str]:
    """What there is under each question: paragraphs, listings, cards of figures, each by its finding."""
    listed, found = listings(analysis), {}
    extra = {
        Question.PUBLISHED: _list_card(
            "deviations", "What differs from the paper", deviations(analysis.study.results)
        ),
        Question.UNKNOWN: f"<ul class='plain notes'>{_items(analysis.notes)}</ul>"
        * bool(analysis.notes),
    }
    for question in Question:
        told = "".join(_paragraph(one) for one in analysis.answers.get(question, ()))
        body = "".join(_listing(one) for one in listed.get(question, []))
        cards = "\n".join(
            _card(chart, wide, places) for chart, wide in _widths(charts.get(question, []))
        )
        body += f"<div class='cards'>{cards}</div>" * bool(cards)
        if told or body or extra.get(question):
            found[question] = (
                f"<section class='question' id='{_anchor(question)}'><div class='told'>"
                f"<h2>{question.value}</h2><div class='words'>{told}"
                f"{extra[question] if question is Question.UNKNOWN else ''}</div></div>"
                f"{body}{extra[question] if question is Question.PUBLISHED else ''}</section>"
            )
    return found


def _anchor(question: Question) -> str:
    return question.value.lower().replace(" ", "-")


def _paragraph(sentences: Sequence[str]) -> str:
    """What a finding tells: as many of its sentences as are read at a glance, the others unfolded."""
    lengths = accumulate(len(sentence) for sentence in sentences)
    shown = max(1, sum(length <= _AT_A_GLANCE for length in lengths))
    told = f"<p>{escape(' '.join(sentences[:shown]))}</p>"
    rest = sentences[shown:]
    return told + (
        f"<details><summary>{plural(len(rest), 'more sentence')}</summary>"
        f"<p>{escape(' '.join(rest))}</p></details>"
    ) * bool(rest)


def _listing(listing: Listing) -> str:
    return f"""<section class="card" id="{listing.key}" aria-labelledby="{listing.key}-title">
<h3 id="{listing.key}-title">{escape(listing.title)}</h3>
<p class="reading">{escape(listing.caption)}</p>
{listing_table(listing)}
</section>"""


def _list_card(key: str, title: str, sentences: list[str]) -> str:
    return f"""<section class="card" id="{key}" aria-labelledby="{key}-title">
<h3 id="{key}-title">{title}</h3>
<ul class="plain">{_items(sentences)}</ul>
</section>"""


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


def _widths(charts: list[Chart]) -> Iterator[tuple[Chart, bool]]:
    """Each chart and whether its card takes the whole width: with several panels, or with no neighbour."""
    alone = True  # nothing stands to the left
    for chart, following in zip_longest(charts, charts[1:]):
        several = len(chart.panels) > 1
        wide = several or (alone and (following is None or len(following.panels) > 1))
        alone = wide or not alone
        yield chart, wide


def _card(chart: Chart, wide: bool, places: dict[str, int]) -> str:
    key = escape(chart.key)
    return f"""<section class="card{" wide" * wide}" id="{key}" aria-labelledby="{key}-title">
<h3 id="{key}-title">{escape(chart.title)}</h3>
<figure>
<div class="chart" data-chart="{key}" role="img" aria-label="{escape(chart.title)}; the numbers and their runs are in the table below"></div>
<noscript><img src="figures/{key}.svg" alt="{escape(chart.title)}"></noscript>
<figcaption>{escape(chart.caption)}</figcaption>
</figure>
<p class="reading"><strong>How to read it.</strong> {escape(chart.reading)}</p>
<details><summary>Table ({plural(len(chart.table), "row")})</summary>{chart_table(chart, places)}</details>
{_links(chart)}
</section>"""


def _links(chart: Chart) -> str:
    key, links = escape(chart.key), ""
    for kind in ("svg", "pdf", "csv"):
        links += f"<a href='figures/{key}.{kind}' download>{kind.upper()}</a> "
    return f"<p class='links'>{links}<button type='button' data-figure='{key}'>Runs behind it</button></p>"


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
