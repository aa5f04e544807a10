"""A finding that a program adds: one object in one list, and it is everywhere."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from analysis import AnalysisError, analyse
from analysis.figures.chart import Axis, Chart, Panel, Series
from analysis.findings import FINDINGS, Finding
from analysis.report import write_report
from analysis.study import make_study


def losses(analysis):
    """The mean test loss of each seed's worst cell, from a table that another finding has made."""
    worst = analysis.peaks.loc[analysis.peaks.damage.idxmax()]
    runs = analysis.runs[(analysis.runs.params == worst.params)]
    runs = runs[runs.repeats == worst.repeats]
    return pd.DataFrame({"seed": runs.seed, "loss": runs.test_loss, "run_ids": runs.run_id})


def chart(analysis):
    """The same as points."""
    table = analysis.toy
    points = Series(
        "toy",
        *(table.seed.to_numpy(float), table.loss.to_numpy()),
        line=None,
        run_ids=[[run] for run in table.run_ids],
    )
    words = {"title": "A toy", "caption": "Loss by seed.", "reading": "Look at it."}
    axes = {"x": Axis("seed"), "y": Axis("test loss (nats per token)")}
    return Chart(key="toy", table=table, panels=[Panel("", [points])], **words, **axes)


TOY = Finding(
    "toy",
    needs={"results": ("test_loss",)},
    tables={"toy": losses},
    sentences=lambda analysis: [f"A toy has found {len(analysis.toy)} <losses>."],
    notes=lambda analysis: ["It is a toy."],
    charts=(chart,),
)


@pytest.fixture
def findings():
    """The list, as it was before when the test is over."""
    before = list(FINDINGS)
    yield FINDINGS
    FINDINGS[:] = before


@pytest.mark.slow
def test_a_new_finding_arrives_in_tables_words_and_pictures(findings, study_dir):
    findings.append(TOY)
    page = write_report(study_dir)
    assert len(pd.read_parquet(study_dir / "analysis" / "toy.parquet")) == 2
    summary = json.loads((study_dir / "analysis" / "summary.json").read_text())
    assert summary["summary"][-1] == "A toy has found 2 <losses>."
    assert summary["notes"][-1] == "It is a toy."
    assert (study_dir / "report" / "figures" / "toy.svg").read_text().startswith("<?xml")
    text = page.read_text()
    assert "<p>A toy has found 2 &lt;losses&gt;.</p>" in text
    assert '<section class="card wide" id="toy"' in text
    assert text.index("<h2>What else was found</h2>") < text.index("A toy has found 2")
    data = json.loads(
        re.search(r'<script type="application/json" id="data">(.*?)</script>', text)[1]
    )
    points = {
        seed: charts["toy"]["panels"][0]["traces"][0] for seed, charts in data["charts"].items()
    }
    assert [len(points[seed]["x"]) for seed in ("", "0", "1")] == [2, 1, 1]
    assert points["0"]["y"] + points["1"]["y"] == points[""]["y"]


def test_its_table_is_an_attribute_and_others_are_named(findings, tables):
    findings.append(TOY)
    found = analyse(make_study(*tables()))
    assert found.toy is found.tables["toy"] and "toy" in dir(found)
    with pytest.raises(AttributeError, match=r"no table 'toys' .* there are: controls, .*, toy$"):
        found.toys  # noqa: B018


def test_without_the_columns_it_needs_it_tells_nothing(findings, tables):
    asked = {"results": ("test_loss", "never_measured")}, {"heads": ("layer",)}
    for number, needs in enumerate(asked):
        name = f"toy_{number}"
        lacking = {"needs": needs, "tables": {name: losses}, "charts": (chart,)}
        findings.append(Finding(name, sentences=lambda analysis: ["told"], **lacking))
    found = analyse(make_study(*tables()))
    assert found.toy_0.empty and found.toy_1.empty and "told" not in found.summary


def test_a_name_that_is_taken_is_refused(findings, tables):
    findings.append(Finding("mine", tables={"peaks": losses}))
    with pytest.raises(AnalysisError, match="mine: its table 'peaks' has a name that is taken"):
        analyse(make_study(*tables()))


def test_what_a_finding_tells_alone_the_others_leave_out(findings, tables):
    results, curves = tables(seeds=(0,))
    other = results.assign(weight_decay=1.0, run_id=results.run_id + "wd")
    study = make_study(pd.concat([results, other], ignore_index=True), curves)
    told = [s for s in analyse(study).summary if "weight_decay 1.0" in s]
    assert told
    seen = []
    alone = study.scans.setting[study.scans.weight_decay == 1.0].iloc[0]

    def tell(analysis):
        seen.append(np.unique(analysis.cells.scan).tolist())
        return []

    findings.append(Finding("alone", sentences=tell, alone=lambda analysis: {alone}))
    assert not [s for s in analyse(study).summary if "weight_decay 1.0" in s]
    assert seen == [[0, 1]]
