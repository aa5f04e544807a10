"""A grid whose runs are fine-tuned on another corpus, by the command line."""

import json

import pandas as pd
import pytest
import yaml

from data_pipelines.errors import OstinatoError
from sweeps.grids.files import load_plan
from sweeps.grids.grid import Grid
from sweeps.grids.plan import expand
from tests.sweeps.command_line import ostinato, prepare

TUNED = """
name: tuned
base: {{corpus: "{corpus}", context: 32, batch_size: 16, tokens: 15360, d_model: 16,
       evaluations: 2, evaluation_tokens: 1024, ood_corpus: null}}
axes: {{repeated_fraction: [0.5], repeats: [8]}}
stages:
  - {{stage: fine_tuning, select: "True", corpus: zipf/300kB, tokens: 7680}}
"""


@pytest.fixture(scope="module")
def tuned(text_corpus, tmp_path_factory):
    path = tmp_path_factory.mktemp("tuned") / "tuned.yaml"
    path.write_text(TUNED.format(corpus=text_corpus))
    return path


def test_each_run_is_tuned_and_one_from_scratch_serves_those_of_a_seed(tuned):
    runs = load_plan(tuned).runs
    control, repeated, *rest = runs
    children = {run.of: run for run in rest}
    assert len(runs) == 5 and set(children) == {control.run_id, repeated.run_id, None}
    child, scratch = children[repeated.run_id], children[None]
    assert child.is_control and child.corpus == "zipf/300kB" and child.tokens == 7680
    assert child.learning_rate == repeated.learning_rate / 2
    assert scratch.learning_rate == repeated.learning_rate
    assert child.ood_corpus == scratch.ood_corpus == control.corpus


def test_a_share_holds_a_run_and_what_begins_with_it(tuned):
    plan = load_plan(tuned)
    shares = [plan.share(f"{i}/3").runs for i in range(3)]
    assert sorted(run.run_id for own in shares for run in own) == sorted(
        run.run_id for run in plan.runs
    )
    for own in shares:
        assert {run.of for run in own} - {None} <= {run.run_id for run in own}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"select": "repeats == 9"}, "no run that fine_tuning can follow matches"),
        ({"learning_rate_factor": 0}, "learning_rate_factor: give more than 0"),
    ],
)
def test_what_cannot_be_tuned_is_said(tuned, change, says):
    values = yaml.safe_load(tuned.read_text())
    values["stages"][0] |= change
    with pytest.raises(OstinatoError, match=says):
        expand(Grid.parse(values, "tuned.yaml"), "tuned.yaml")


def test_a_vocabulary_of_one_corpus_is_not_another_s(tuned):
    values = yaml.safe_load(tuned.read_text())
    values["base"]["vocabulary"] = "sentencepiece:512"
    with pytest.raises(OstinatoError, match="has not the sentencepiece:512 vocabulary"):
        expand(Grid.parse(values))


def test_pre_training_begins_with_no_weights(tuned):
    values = yaml.safe_load(tuned.read_text())
    del values["stages"]
    values["base"]["of"] = "0" * 12
    with pytest.raises(
        OstinatoError, match="of: 000000000000, but pre-training begins with no run"
    ):
        expand(Grid.parse(values))


@pytest.mark.slow
@pytest.mark.usefixtures("studied")
def test_a_sweep_trains_the_runs_before_first(tuned, data_dir, tmp_path):
    prepare(tuned, data_dir)
    child = next(run for run in load_plan(tuned).runs if run.of)
    out = tmp_path / "study"
    early = ostinato("train", tuned, child.run_id, "--out", out, data_dir=data_dir, check=1)
    assert f"of: {child.of} is pending, not done" in early.stderr + early.stdout
    ostinato("sweep", tuned, "--out", out, "--jobs", 1, data_dir=data_dir, check=0)
    results = pd.read_parquet(out / "results.parquet").set_index("run_id")
    assert (results.status == "done").all()
    curves = pd.read_parquet(out / "curves.parquet").set_index("run_id")
    first = curves[curves.step == 0]
    for run_id, before in results.of.dropna().items():
        # What it knows of the corpus before is what that run knew at its end.
        assert first.ood_loss[run_id] == pytest.approx(results.test_loss[before], rel=0.02)
    ostinato("analyse", out, check=0)
    found = pd.read_parquet(out / "analysis" / "transfer.parquet")
    assert sorted(found.pretrained_repeats) == [0, 8] and found.gain.notna().all()
    assert json.loads((out / "analysis" / "summary.json").read_text())["summary"]
