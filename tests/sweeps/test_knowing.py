"""A grid whose runs are asked whether they know what they know, by the command line."""

import pandas as pd
import pytest
import yaml

from data_pipelines.errors import OstinatoError
from sweeps.grids.files import load_plan
from sweeps.grids.grid import Grid
from sweeps.grids.plan import expand
from tests.sweeps.command_line import ostinato, prepare

TOLD = """
name: told
base: {{corpus: "{corpus}", vocabulary: "words:300", context: 32, batch_size: 16, tokens: 153600,
       d_model: 32, learning_rate: 0.01, evaluations: 1, evaluation_tokens: 1024, ood_corpus: null,
       exposures: [0, 500], entities: [20, 16]}}
axes: {{repeated_fraction: [0]}}
stages:
  - {{stage: p_ik, samples: 10}}
  - {{stage: p_true, graded: 640, passes: 4}}
"""


@pytest.fixture(scope="module")
def told(text_corpus, tmp_path_factory):
    path = tmp_path_factory.mktemp("told") / "told.yaml"
    path.write_text(TOLD.format(corpus=text_corpus))
    return path


@pytest.mark.parametrize(
    ("base", "stage", "says"),
    [
        ({"exposures": [], "entities": []}, {}, "no run that p_ik can follow matches"),
        ({"entities": [1, 1]}, {}, r"p_ik: entities: \[1, 1\] leaves none to ask about"),
        ({}, {"samples": 0}, "samples: give 1 or more"),
    ],
)
def test_what_cannot_be_asked_is_said(told, base, stage, says):
    values = yaml.safe_load(told.read_text())
    values["base"] |= base
    values["stages"][0] |= stage
    with pytest.raises(OstinatoError, match=says):
        expand(Grid.parse(values, "told.yaml"), "told.yaml")


def test_a_context_too_short_for_an_answer_is_said(told):
    values = yaml.safe_load(told.read_text())
    values["base"]["context"] = 14
    with pytest.raises(
        OstinatoError, match=r"p_true: context: 14 is too short .*; give 15 or more"
    ):
        expand(Grid.parse(values, "told.yaml"), "told.yaml")


@pytest.mark.slow
@pytest.mark.usefixtures("hardly_optimised")
def test_a_sweep_asks_what_a_run_knows_and_whether_it_knows_that(told, data_dir, tmp_path):
    prepare(told, data_dir)
    out, (run, p_ik, p_true) = tmp_path / "study", load_plan(told).runs
    ostinato("sweep", told, "--out", out, "--jobs", 1, data_dir=data_dir, check=0)
    results = pd.read_parquet(out / "results.parquet").set_index("run_id")
    assert (results.status == "done").all() and len(results) == 3
    assert results.of[p_ik.run_id] == results.of[p_true.run_id] == run.run_id
    # Half of the entities of each rung are asked, four questions each.
    assert results.p_ik_n[p_ik.run_id] == results.p_true_n[p_true.run_id] == 4 * (10 + 8)
    # What a model so small is sure of it knows; what a head or a grader learns of 18 judges is little.
    assert results.confidence_auroc[p_ik.run_id] > 0.8 < results.probability_auroc[p_true.run_id]
    assert 0 < results.p_ik_auroc[p_ik.run_id] < 1 > results.p_true_auroc[p_true.run_id] > 0

    tables = {
        name: pd.read_parquet(out / f"{name}.parquet") for name in (*p_ik.tables, *p_true.tables)
    }
    rows = tables["p_ik"].query("run_id == @p_ik.run_id and after == 'nothing'")
    assert set(rows.predictor) == {"head", "confidence", "agreement"}
    assert set(rows.group) == {"all", "told", "never_seen"}
    assert (rows.rms_ce_floor > 0).all() and (rows.n > 0).all()
    rungs = tables["p_ik_exposures"].query("predictor == 'head' and target == 'exact'")
    rungs = rungs.query("trained_on == 'all' and after == 'nothing'").set_index("exposures")
    assert rungs.n.to_dict() == {0: 40, 500: 32}
    assert (
        rungs.prediction.between(0, 1).all() and rungs.probability[0] < 0.2 < rungs.probability[500]
    )
    graded = (
        tables["p_true_exposures"].query("predictor == 'p_true'").set_index(["shown", "exposures"])
    )
    assert set(graded.index) == {(0, 0), (0, 500), (5, 0), (5, 500)}
    assert graded.prediction.between(0, 1).all() and graded.n.sum() == 2 * 72
    bins = (
        tables["p_true_reliability"].query("group == 'all'").groupby(["predictor", "shown"]).n.sum()
    )
    assert set(bins) == {72}

    again = ostinato("sweep", told, "--out", out, data_dir=data_dir, check=0)
    assert "3 of 3 runs are done already" in again.stdout
