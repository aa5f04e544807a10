"""Preference models and the best of n, on a study whose worth in pairs and turns are known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.findings import FINDINGS
from analysis.findings.finding import draw, find
from analysis.findings.preferences.models import PREFERENCE_MODELS, models
from analysis.findings.preferences.turning import TURNING, turn, turns
from analysis.laws import BestOfN
from analysis.study import make_study

WORTH = {"24576-0.0-0-0": 1.0, "24576-0.5-256-0": 0.4, None: 0.25}
"""Of a pair, by what is begun with."""
LAWS = [BestOfN(1.0, 0.3), BestOfN(1.0, 0.1)]
N = 2.0 ** np.arange(9)


def followers():
    for number, (begun, worth) in enumerate(WORTH.items()):
        for pairs in (250, 1000, 4000, 16_000):
            for epochs in (1, 4):
                wrong = 0.48 * (pairs * worth / 250) ** -0.1
                row = {"run_id": f"pm{number}-{pairs}-{epochs}", "stage": "preference_model"}
                row |= {"of": begun, "params": 24_576, "seed": 0, "pairs": pairs, "epochs": epochs}
                row |= {"comparisons": "samples", "temperature": 0.0, "learning_rate": 0.003}
                yield row | {"accuracy": 1 - wrong, "status": "done", "corpus": "preferences/x"}
    for number in range(len(LAWS)):
        row = {"run_id": f"best{number}", "stage": "best_of_n", "of": f"pm{number}-1000-1"}
        yield row | {"correlation": 0.4, "seed": 0, "policy": "24576-0.0-0-0", "status": "done"}


@pytest.fixture(scope="module")
def study(tables):
    results, curves = tables(sizes=(24_576,), repeats=(16, 256), seeds=(0,))
    rows = pd.concat([results.assign(stage="pretraining", of=None), pd.DataFrame(followers())])
    rng = np.random.default_rng(0)
    d = np.sqrt(np.log(N) - (N - 1) / N)
    drawn = [
        {"run_id": f"best{number}", "prompt": prompt, "n": int(n), "sqrt_kl": at, "proxy": at}
        | {"gold": gain + rng.normal(0, 0.01), "optimum": 2 * at}
        for number, law in enumerate(LAWS)
        for prompt in range(40)
        for n, at, gain in zip(N, d, law.predict(sqrt_kl=d), strict=True)
    ]
    made = make_study(rows.reset_index(drop=True), curves)
    return replace(made, details={"best_of_n_prompts": pd.DataFrame(drawn)})


@pytest.fixture(scope="module")
def analysis(study):
    return find([PREFERENCE_MODELS, TURNING], study, {})


def test_what_a_model_is_begun_from_is_told_by_its_run(study):
    table = models(study).set_index("run_id")
    assert table.init["pm0-250-1"] == "control" and table.init["pm2-250-1"] == "scratch"
    assert table.init["pm1-250-1"] == "x256" and table.init_repeats["pm1-250-1"] == 256
    assert table.init_test_loss["pm1-250-1"] > table.init_test_loss["pm0-250-1"]


def test_pairs_are_worth_what_they_were_made_to_be(analysis):
    cells = analysis.preference_cells
    for init, worth in {"control": 1.0, "x256": 0.4, "scratch": 0.25}.items():
        np.testing.assert_allclose(cells.pairs_multiplier[cells.init == init], worth)
    beyond = cells[cells.extrapolated]
    assert set(zip(beyond.init, beyond.pairs, strict=True)) == {("x256", 250), ("scratch", 250)}
    told = "\n".join(analysis.summary)
    assert (
        "begun from x256 rank as ones begun from the control do with 0.40 times the pairs" in told
    )
    assert "(1,000 to 16,000 pairs)" in told


def test_gold_turns_where_it_was_made_to(study, analysis):
    table = turns(study, analysis.preference_models).set_index("run_id")
    first, second = table.loc["best0"], table.loc["best1"]
    assert first.turn == pytest.approx(LAWS[0].turn, abs=0.02) and first.turned == 1
    assert first.turn_low <= first.turn <= first.turn_high < 2
    assert first.law_turn == pytest.approx(LAWS[0].turn, abs=0.05) and first.law_r2 > 0.99
    assert second.turn == np.inf and second.turned == 0  # beyond what was sampled
    assert second.law_turn == pytest.approx(LAWS[1].turn, rel=0.1)
    assert first.judge_init == "control" and second.judge_init == "x256"
    assert "By 1 of 1 preference models begun from control the best of n turns" in "\n".join(
        analysis.summary
    )


def test_a_turn_is_the_top_of_the_curve_or_none():
    d = np.array([0.0, 0.5, 1.0, 1.4, 2.0])
    assert turn(d, -((d - 1.2) ** 2)) == pytest.approx(1.2)
    assert turn(d, d) == np.inf and turn(d, -d) == 0


def test_charts_show_every_model_and_are_listed(analysis):
    charts = {
        c.key: c for own in draw([PREFERENCE_MODELS, TURNING], analysis).values() for c in own
    }
    assert list(charts) == ["preference_accuracy", "preference_epochs", "best_of_n"]
    names = {series.name for series in charts["preference_accuracy"].panels[0].series}
    assert names == {"control", "scratch", "x256"}
    assert len(charts["best_of_n"].panels) == len(LAWS)
    assert all(any(each is own for each in FINDINGS) for own in (PREFERENCE_MODELS, TURNING))
