"""What is recorded comes from the grids that are shipped."""

from pathlib import Path

import pandas as pd
import pytest

import analysis
from analysis import analyse
from sweeps.grids.grid import find_grid, load_plan

HOME = Path(analysis.__file__).parent / "recorded"
RECORDED = sorted(path.parent for path in HOME.glob("*/results.parquet"))


@pytest.fixture(scope="module")
def told():
    """The README, without its line breaks."""
    return " ".join((HOME.parent.parent / "README.md").read_text().split())


@pytest.mark.parametrize("directory", RECORDED, ids=lambda directory: directory.name)
def test_every_recorded_run_is_a_run_of_the_shipped_grid(directory):
    results = pd.read_parquet(directory / "results.parquet")
    curves = pd.read_parquet(directory / "curves.parquet")
    planned = {run.run_id: run for run in load_plan(find_grid(directory.name)).runs}
    assert set(results["run_id"]) == planned.keys() == set(curves["run_id"])
    assert (results["status"] == "done").all() and results["git_commit"].nunique() == 1
    assert not results["git_commit"].str.endswith("-dirty").any()
    for row in results.to_dict("records"):
        run = planned[row["run_id"]]
        assert row["learning_rate"] == run.learning_rate and row["params"] == run.params


def test_the_best_learning_rate_is_within_a_factor_of_two_of_the_rule():
    results = pd.read_parquet(HOME / "learning_rate" / "results.parquet")
    best = results.loc[results.groupby("d_model")["test_loss"].idxmin()]
    assert len(best) == 4 and (best["learning_rate"] * best["d_model"]).between(0.5, 2).all()
    assert all(results["learning_rate"].groupby(results["d_model"]).nunique() == 5)


def test_the_readme_tells_what_the_quick_study_found(told):
    found = analyse(HOME / "quick")
    assert found.peaks.interior.all() and not found.peaks.extrapolated.any()
    assert found.peaks.params.max() >= 8 * found.peaks.params.min() and len(found.peaks) == 3
    (peak,) = found.peaks[found.peaks.seeds == 3].itertuples()
    assert f"({peak.params / 1e3:.1f}k parameters, {peak.repeats:.0f} repeats, three seeds)" in told
    assert f"as well as a control of {peak.effective_params / 1e3:.1f}k" in told
    assert f"{peak.multiplier:.3f} ± {peak.multiplier_se:.3f}" in told
    assert f"{len(found.study.results)} models" in told


def test_the_readme_tells_what_the_mechanism_study_found(told):
    found = analyse(HOME / "mechanism")
    peak = found.peaks.iloc[0]
    assert (peak.repeats, peak.params) == (1000, 32_768) and peak.interior and peak.seeds == 3
    assert f"does as well as a control of {peak.effective_params / 1e3:.1f}k" in told
    sentences = {
        s.split("hurts ")[1].split(" test loss")[0]: s for s in found.summary if "hurts" in s
    }
    heads = sentences["prefix matching more than"]
    assert "E = 100 (0.16 against 0.67)" in heads and "0.16 by prefix matching and 0.67" in told
    assert "E = 300" in sentences["copying of random tokens more than"].split(";")[0]
    assert "copying of text less than" in sentences
    assert sentences["out-of-distribution loss more than"].split(";")[0].count("E = ") == 3
    formed = found.formations.set_index(["setting", "params", "repeats"]).formed
    assert formed[0, 32_768, 0] == 3 and formed[0, 32_768, 1000] == 0
    control = found.formations.query("setting == 0 and params == 32_768 and repeats == 0").iloc[0]
    assert control.bumped == 3 and f"({control.bump_height:.2f} nats)" in told
    for tokens in (control.onset_tokens, control.fall_tokens, control.bump_tokens):
        assert f"at {tokens / 1e6:.1f}M" in told
    named = found.names.query("setting == 0 and params == 32_768").set_index("repeats")["last"]
    assert (
        f"probability of {named[0] * 100:.1f} %" in told and f"of {named[1000] * 100:.1f} %" in told
    )
    tuned = found.transfer.set_index("pretrained_repeats")
    assert tuned.gain[0] > 0.5 and tuned.gain[1000] < -10 * tuned.gain_se[1000]
    assert f"(multiplier {tuned.multiplier[1000]:.2f};" in told


def test_the_readme_tells_that_one_layer_knows_no_names(told):
    found = analyse(HOME / "names")
    last = found.names.set_index(["params", "repeats"])["last"]
    assert (found.names.seeds == 3).all() and last.loc[16_384].max() < 0.03
    assert last[32_768, 0] > 10 * last[32_768, 1000]
    assert f"one layer ({last[16_384, 0] * 100:.1f} % without repetition" in told


def test_the_readme_tells_that_prose_is_hurt_more_than_the_code_that_was_trained_on(told):
    found = analyse(HOME / "code")
    (peak,) = found.peaks.itertuples()
    assert peak.interior and peak.seeds == 3 and f"worst at E = {peak.repeats:.0f}" in told
    assert f"as well as a control of {peak.effective_params / 1e3:.2f}k params on code" in told
    (sentence,) = (s for s in found.summary if "hurts out-of-distribution loss" in s)
    assert "more than test loss at E = 50" in sentence and sentence.count("E = ") == 3
    assert "less than test" not in sentence and "about as much" not in sentence


def test_the_readme_tells_the_smallest_models_of_prose_with_heads(told):
    found = analyse(HOME / "prose")
    runs = found.study.results.set_index(["smeared_keys", "layers", "d_model"])
    score, params = runs.prefix_matching_score, runs.params
    onset = found.formations.set_index("params").onset_tokens
    assert f"after {onset[params[True, 1, 128]] / 1e6:.1f}M tokens (prefix matching" in told
    assert f"(prefix matching {score[True, 1, 128]:.2f})" in told and score[True, 2, 128] > 0.5
    assert max(score[True, 1, 32], score[True, 1, 64]) < 0.05 and score[False, 2, 128] < 0.05


def test_the_readme_tells_what_regularisation_removes(told):
    found = analyse(HOME / "regularisation")
    arms = found.arms.set_index(["label", "weight_decay", "dropout"])
    assert len(arms) == 16 and (arms.seeds == 3).all()
    chain, text = arms.loc["markov/30MB"], arms.loc["pydocs"]
    best = chain.loc[3, 0.1]
    assert chain.removed.idxmax() == (3, 0.1) and f"removes {best.removed:.0%}"[:-1] + " %" in told
    assert f"{best.gain:.3f} of {chain.damage[0, 0]:.3f} nats" in told and best.cost > 0.5
    assert text.removed.idxmax() == (0.1, 0) and f"removes {text.removed[0.1, 0]:.0%}"[:-1] in told
    assert (text.removed.xs(0.1, level="dropout") < 0).all()
    heads = found.formations.set_index("repeats").formed
    assert (heads[1000] == 0).all() and heads[0].max() == 3


def test_the_readme_tells_when_induction_heads_form(told):
    found = analyse(HOME / "induction")
    runs = found.formations.merge(found.controls[["setting", "params"]])
    by_layers = found.study.results.set_index("params")[["layers", "smeared_keys"]]
    runs = runs.join(by_layers, on="params").set_index(["layers", "smeared_keys"]).onset_tokens
    assert f"in two layers after {runs[2, False] / 1e6:.1f}M tokens" in told
    assert pd.isna(runs[1, False]) and "in one layer never" in told
    assert f"with smeared keys after {runs[1, True] / 1e6:.1f}M" in told
    best = found.study.results.set_index(["layers", "smeared_keys"]).prefix_matching_score
    assert best[2, False] > 0.5 and best[1, True] > 0.5 and best[1, False] < 0.05
