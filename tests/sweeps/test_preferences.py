"""A grid whose runs are followed by preference models, imitators and the best of n."""

import numpy as np
import pandas as pd
import pytest
import yaml

from data_pipelines.config.comparisons import CONTEXT
from data_pipelines.errors import OstinatoError
from sweeps.grids.files import load_plan
from sweeps.grids.grid import Grid
from sweeps.grids.plan import expand
from tests.sweeps.command_line import ostinato

GRID = """
name: preferred
base: {corpus: zipf/40kB-words40, vocabulary: "words:209", context: 64, batch_size: 8, tokens: 4096,
       d_model: 8, layers: 1, evaluations: 1, evaluation_tokens: 1024, ood_corpus: null}
runs: [{repeated_fraction: 0}]
stages:
  - {stage: preference_pretraining, kind: samples, binarised: true, pairs: 32, corpus_pairs: 2000,
     batch_size: 16, held_out: 64}
  - {stage: preference_model, pairs: [16, 48], epochs: [1, 4], presentations: 100, corpus_pairs: 2000,
     batch_size: 16, held_out: 64, select: "stage == 'pretraining'"}
  - {stage: preference_model, pairs: 32, corpus_pairs: 2000, batch_size: 16, held_out: 64,
     select: "stage == 'preference_pretraining'"}
  - {stage: imitation, pairs: 32, corpus_pairs: 2000, batch_size: 16, held_out: 64}
  - {stage: best_of_n, prompts: 3, samples: 16, select: "pairs == 16"}
"""


@pytest.fixture
def grid(tmp_path):
    path = tmp_path / "preferred.yaml"
    path.write_text(GRID)
    return path


def changed(number, **change):
    values = yaml.safe_load(GRID)
    values["stages"][number] |= change
    return expand(Grid.parse(values))


def test_pairs_and_epochs_multiply_from_the_run_and_from_scratch(grid):
    plan = load_plan(grid)
    (control,) = (run for run in plan.runs if run.stage == "pretraining")
    models = [run for run in plan.runs if run.stage == "preference_model"]
    seen = {
        (run.of == control.run_id, run.pool_size, run.repeats)
        for run in models
        if run.pool_size != 32
    }
    wanted = {(16, 1), (16, 4), (48, 1)}  # 48 x 4 are more than 100
    assert seen == {(first, *own) for first in (True, False) for own in wanted}
    for run in models:
        assert run.repeated_fraction == run.realised_fraction == 1
        assert run.total_sequences == run.pool_size * run.repeats
        assert run.columns()["pairs"] == run.pool_size and run.columns()["comparisons"] == "samples"
    judged = [run for run in plan.runs if run.stage == "best_of_n"]
    assert len(judged) == 4 and {run.policy for run in judged} == {control.run_id}
    assert {run.of for run in judged} == {run.run_id for run in models if run.pool_size == 16}


def test_a_share_holds_all_that_a_judge_needs(grid):
    shares = [load_plan(grid).share(f"{number}/4").runs for number in range(4)]
    for own in shares:
        assert {i for run in own for i in run.after} <= {run.run_id for run in own}
    assert sum(map(len, shares)) == len(load_plan(grid).runs)


@pytest.mark.parametrize(
    ("number", "change", "says"),
    [
        (1, {"pairs": 17}, "pairs: 17 seen 1 times are no whole batches of 16"),
        (1, {"kind": "pairs"}, "kind: give 'samples', 'levels' or 'binary'"),
        (1, {"kind": "levels", "temperature": 1}, "holds no comparisons"),
        (1, {"corpus_pairs": 0}, "corpus_pairs: give 1 or more"),
        (4, {"policy_d_model": 16}, "best_of_n: no control of zipf/40kB-words40 has d_model 16"),
    ],
)
def test_what_cannot_be_asked_for_is_said_in_a_line(number, change, says):
    with pytest.raises(OstinatoError, match=says):
        changed(number, **change)


def test_only_text_with_a_true_preference_is_followed():
    values = yaml.safe_load(GRID)
    values["base"] |= {"corpus": "pydocs", "vocabulary": "bytes"}
    with pytest.raises(OstinatoError, match="no run that preference_pretraining can follow"):
        expand(Grid.parse(values))


@pytest.mark.slow
@pytest.mark.usefixtures("hardly_optimised", "preferences")
def test_a_sweep_carries_all_of_them_out(grid, data_dir, tmp_path):
    out = tmp_path / "study"
    values = yaml.safe_load(GRID)
    values["stages"][1] |= {"pairs": 16, "epochs": 4}
    grid.write_text(yaml.safe_dump(values))
    plan = load_plan(grid)
    ostinato("sweep", grid, "--out", out, "--jobs", 1, data_dir=data_dir, check=0)
    results = pd.read_parquet(out / "results.parquet").set_index("run_id")
    assert (results.status == "done").all() and len(results) == len(plan.runs)
    curves = pd.read_parquet(out / "curves.parquet").set_index("run_id")
    by_stage = {name: own for name, own in results.groupby("stage")}

    models = by_stage["preference_model"]
    assert models.accuracy.between(0, 1).all() and models.preference_loss.gt(0).all()
    first = curves[(curves.step == 0) & curves.index.isin(models.index[models["of"].isna()])]
    assert np.allclose(first.preference_loss, np.log(2)) and (first.accuracy == 0.5).all()
    seen = models[(models.pairs == 16) & (models.epochs == 4)]
    assert (seen.pool_preference_loss < np.log(2)).all()  # it has begun to learn them by heart
    # What a preference model that is begun with scores at its end, the next one scores at first.
    begun = models["of"].isin(by_stage["preference_pretraining"].index)
    assert (
        begun.sum() == 1
        and (curves[curves.step == 0].preference_loss[models.index[begun]] != np.log(2)).all()
    )

    imitators = by_stage["imitation"]
    assert imitators.accuracy_less_unconditional.between(0, 1).all()
    assert imitators.response_log_p.between(-24 * np.log(300), 0).all()

    bins = pd.read_parquet(out / "preference_calibration.parquet")
    own = bins[bins.run_id == seen.index[0]]
    assert own.n.sum() == 64 and own.difference.is_monotonic_increasing
    assert np.allclose(own.truth, own.accuracy)  # at temperature 0 what is preferred is true

    chosen = pd.read_parquet(out / "best_of_n_prompts.parquet")
    assert sorted(chosen.n.unique()) == [1, 2, 4, 8, 16] and sorted(chosen.prompt.unique()) == [
        0,
        1,
        2,
    ]
    ones = chosen[chosen.n == 1]
    assert np.allclose(ones[["proxy", "gold", "sqrt_kl"]], 0, atol=1e-6)
    assert (chosen.optimum >= chosen.gold - 1e-6).all()
    assert len(by_stage["best_of_n"]) == 2 and by_stage["best_of_n"].correlation.notna().all()
    assert set(results.tokens.dropna() % CONTEXT) == {0}
