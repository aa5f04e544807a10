"""The report: complete, self-contained, and deaf to hostile text."""

import json
import re
from dataclasses import replace

import pandas as pd
import pytest

from analysis import analyse
from analysis.figures.in_print import render
from analysis.findings import Question, gallery
from analysis.report import write_report
from analysis.report.page import Pictures, page
from analysis.study import make_study

HOSTILE = "<script>alert(1)</script>"


def page_data(path):
    text = path.read_text()
    return json.loads(
        re.search(r'<script type="application/json" id="data">(.*?)</script>', text)[1]
    )


@pytest.mark.slow
def test_every_figure_is_in_the_page_and_beside_it(report):
    keys = set(page_data(report)["charts"][""])
    assert keys == {
        *("headline", "loss-against-repeats", "multiplier-map", "multiplier-against-repeats"),
        *("loss-against-params", "pool-against-test", "learning-curves"),
        *("bad-band", "vertical-slice", "capacity-share", "incentive-bound"),
        *("predicted-against-measured", "probes-against-test"),
    }
    written = {file.name for file in (report.parent / "figures").iterdir()}
    assert written == {f"{key}.{kind}" for key in keys for kind in ("svg", "pdf", "csv")} | {
        "runs.csv"
    }


def test_what_is_read_at_a_glance_is_told_and_the_rest_unfolds(tables):
    short, long = "Models <shrink>.", "Less and less, " * 25 + "in short."
    answers = {Question.LARGE: ((short, long, short), (long * 2,), (short, short))}
    found = analyse(make_study(*tables(sizes=(24_576,), repeats=(16, 256))))
    text = page(replace(found, answers=answers), Pictures(None, {}), {})
    words = re.search(r"<h2>How large is it</h2><div class='words'>(.*?)</div>", text, re.S)
    told = "Models &lt;shrink&gt;."
    assert words and words[1] == (
        f"<p>{told} {long}</p><details><summary>1 more sentence</summary><p>{told}</p></details>"
        f"<p>{long * 2}</p><p>{told} {told}</p>"
    )


def test_the_page_is_told_in_the_order_in_which_a_reader_asks(report):
    text = report.read_text()
    asked = re.findall(r"<section class='question' id='[\w-]+'>.*?<h2>(.*?)</h2>", text, re.S)
    assert asked == [
        *("What happened", "How large is it", "Where is it worst", "Why", "What else is hurt"),
        *("Against what was published", "What we do not know"),
    ]
    assert text.index("<h1") < text.index("What happened</h2>")
    assert "Published</dt>" in text and "95 %: " in text
    claims = text[text.index('<section class="card" id="claims"') :]
    assert "data-verdict='agree'>agree<" in claims.partition("</section>")[0]


def test_a_question_that_a_study_has_nothing_on_has_no_heading(tables, tmp_path):
    results, _ = tables(seeds=(0,))
    results[results.repeats == 0].to_parquet(tmp_path / "results.parquet")
    text = write_report(tmp_path).read_text()
    assert "<h2>How large is it</h2>" in text and "<h2>Why</h2>" not in text
    assert "<h2>What happened</h2>" not in text


def test_whoever_waits_is_told_what_is_drawn_and_how_much_is_left(tables, tmp_path):
    results, _ = tables(seeds=(0, 4))
    results[results.repeats == 0].to_parquet(tmp_path / "results.parquet")
    told = []
    write_report(tmp_path, progress=lambda *step: told.append(step))
    assert told == [
        ("drawing headline", 0, 4),
        ("drawing loss-against-params", 1, 4),
        ("what seed 0 says alone", 2, 4),
        ("what seed 4 says alone", 3, 4),
    ]


def test_the_page_fetches_nothing(report):
    text = report.read_text()
    own = re.sub(
        r"<script>.*?</script>", "", text, flags=re.S
    )  # plotly.js names URLs, fetches none
    assert not re.search(r"(src|href)\s*=\s*['\"](https?:)?//", own)
    assert "url(" not in own and "@import" not in own


def test_a_figure_and_its_table_show_the_same_numbers(report):
    table = pd.read_csv(report.parent / "figures" / "loss-against-repeats.csv")
    chart = page_data(report)["charts"][""]["loss-against-repeats"]
    drawn = [t for t in chart["panels"][0]["traces"] if t["dash"] == "solid"]
    for trace, (_, curve) in zip(drawn, table.groupby("params"), strict=True):
        assert trace["y"] == pytest.approx(curve.test_loss.to_list())


@pytest.mark.slow
def test_hostile_text_is_shown_as_text(tables, tmp_path):
    results, _ = tables(seeds=(0,))
    results["corpus"] = [HOSTILE, "=cmd()"] * (len(results) // 2) + [HOSTILE] * (len(results) % 2)
    results["run_id"] = HOSTILE + results.run_id
    study = tmp_path / "<b>study"
    study.mkdir()
    results.to_parquet(study / "results.parquet")
    path = write_report(study)
    text = path.read_text()
    assert HOSTILE not in text and "<b>study" not in text
    assert HOSTILE in page_data(path)["runs"]["columns"]["run_id"][0]  # the data carry it, escaped
    assert ",=cmd()" not in (path.parent / "figures" / "runs.csv").read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        lambda r: r[r.repeats > 0],
        lambda r: r[r.repeats == 0],
        lambda r: r.drop(columns=["pool_loss", "ood_loss", "unique_loss", "repeated_loss"]),
        lambda r: r[(r.params == 98_304)],
        lambda r: r[(r.repeats == 64) | (r.repeats == 0)],
        lambda r: r.head(1),
    ],
    ids=["no controls", "controls only", "no pool", "one size", "one repeat count", "one run"],
)
def test_half_a_study_still_has_a_report(tables, tmp_path, change):
    results, curves = tables(seeds=(0,), evaluations=3)
    change(results).to_parquet(tmp_path / "results.parquet")
    curves.to_parquet(tmp_path / "curves.parquet")
    assert write_report(tmp_path).stat().st_size > 1e6


def test_drawing_twice_gives_the_same_file(study_dir):
    first, second = (render(gallery(analyse(study_dir))[0]) for _ in range(2))
    assert first == second


@pytest.mark.slow
def test_charts_of_a_study_in_memory(tables):
    charts = gallery(analyse(make_study(*tables(fractions=(0.1, 0.5)))))
    assert all(len(chart.table) for chart in charts)
    assert render(charts[0], "png", title=True).startswith(b"\x89PNG")
