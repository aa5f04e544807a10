"""Preference models and the best of n, on a study whose worth in pairs and turns are known."""

from dataclasses import replace
from zlib import crc32

import numpy as np
import pandas as pd
import pytest

from analysis.findings import FINDINGS
from analysis.findings.claims.headline import headline
from analysis.findings.claims.picture import headline_picture
from analysis.findings.finding import draw, find
from analysis.findings.preferences.matched import MATCHED, matched
from analysis.findings.preferences.models import PREFERENCE_MODELS, models
from analysis.findings.preferences.repetition import REPEATED_PREFERENCES
from analysis.findings.preferences.turning import TURNING, turn, turns
from analysis.findings.preferences.ways import WAYS
from analysis.findings.preferences.worth import PAIRS_WORTH
from analysis.findings.repeats.effective import EFFECTIVE_PARAMS
from analysis.laws import BestOfN, RepeatedPairs
from analysis.study import make_study

OWN = [PREFERENCE_MODELS, PAIRS_WORTH, REPEATED_PREFERENCES, WAYS, TURNING, MATCHED]
SIZE, SMALLER, SEEDS = 24_576, 6_144, (0, 1, 2)
CONTROL, WORST = f"{SIZE}-0.0-0-{{}}", f"{SIZE}-0.5-256-{{}}"
WORTH = {CONTROL: 1.0, WORST: 0.4, None: 0.27, f"{SMALLER}-0.0-0-{{}}": 0.6}
"""Of a pair, by what is begun with."""
FIRST = {"ranked": 1.1, "binarised": 1.3}
"""Of a pair after preferences of another kind."""
EPOCHS = RepeatedPairs(U_0=0.02, gamma=0.1, R=1.0, h=0.03)
LAWS = [BestOfN(1.0, 0.3), BestOfN(1.0, 0.1)]
N = 2.0 ** np.arange(9)


def learnt(name, of, seed, worth, **more):
    """Models of this worth, of all numbers of pairs and epochs, all but exactly."""
    params = SMALLER if str(of).startswith(f"{SMALLER}-") else SIZE
    for pairs in (250, 1000, 4000, 16_000):
        for epochs in (1, 4, 16) if "stage" not in more else (1,):
            wrong = EPOCHS.predict(pairs=pairs * worth, epochs=epochs)
            row = {"run_id": f"{name}-{pairs}-{epochs}-{seed}", "stage": "preference_model"}
            row |= {"of": of, "params": params, "seed": seed, "pairs": pairs, "epochs": epochs}
            row |= {"comparisons": "samples", "temperature": 0.0, "learning_rate": 0.003}
            row |= {"status": "done", "corpus": "preferences/x"}
            row |= {"confidence_gap": epochs / 100 + pairs / 1e6}
            noise = crc32(row["run_id"].encode()) / 2**32 - 0.5
            off = {"preference_loss": wrong * np.exp(-1e-5 * noise)}
            yield row | {"accuracy": 1 - wrong * np.exp(1e-5 * noise)} | off | more


def followers():
    for seed in SEEDS:
        for number, (begun, worth) in enumerate(WORTH.items()):
            yield from learnt(f"pm{number}", begun and begun.format(seed), seed, worth)
        yield from learnt("copy", CONTROL.format(seed), seed, 0.5, stage="imitation")
        for way, worth in FIRST.items():
            row = {"run_id": f"{way}{seed}", "stage": "preference_pretraining", "seed": seed}
            row |= {"of": CONTROL.format(seed), "binarised": way == "binarised", "status": "done"}
            yield row
            yield from learnt(way, f"{way}{seed}", seed, worth)
    for number in range(len(LAWS)):
        row = {"run_id": f"best{number}", "stage": "best_of_n", "of": f"pm{number}-1000-1-0"}
        yield row | {"correlation": 0.4, "seed": 0, "policy": CONTROL.format(0), "status": "done"}


@pytest.fixture(scope="module")
def study(tables):
    results, curves = tables(sizes=(SIZE,), repeats=(16, 256), seeds=SEEDS)
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
    return find([EFFECTIVE_PARAMS, *OWN], study, {})


def test_what_a_model_is_begun_from_is_told_by_its_run(study):
    table = models(study).set_index("run_id")
    said = {
        "pm0": "control",
        "pm1": "x256",
        "pm2": "scratch",
        "ranked": "control, ranked preferences",
    }
    for name, init in said.items():
        assert table.init[f"{name}-250-1-0"] == init
    assert table.origin["binarised-250-1-2"] == table.origin["pm0-250-1-2"] == CONTROL.format(2)
    assert table.init_repeats["pm1-250-1-0"] == 256
    assert table.init_test_loss["pm1-250-1-0"] > table.init_test_loss["pm0-250-1-0"]


def test_pairs_are_worth_what_they_were_made_to_be(analysis):
    cells = analysis.preference_cells
    cells = cells[(cells.stage == "preference_model") & (cells.params == SIZE)]
    for init, worth in {"control": 1.0, "x256": 0.4, "scratch": 0.27}.items():
        own = cells[(cells.init == init) & (cells.epochs == 1)]
        np.testing.assert_allclose(own.pairs_multiplier, worth, rtol=1e-3)
    beyond = cells[
        cells.extrapolated & (cells.epochs == 1) & ~cells.init.str.contains("preferences")
    ]
    assert set(zip(beyond.init, beyond.pairs, strict=True)) == {("x256", 250), ("scratch", 250)}
    worth = analysis.pairs_worth.set_index(["params", "init"]).loc[SIZE]
    assert set(worth.index) == {
        "x256",
        "scratch",
        *(f"control, {way} preferences" for way in FIRST),
    }
    row = worth.loc["x256"]
    assert row.pairs_multiplier == pytest.approx(0.4, rel=0.02)
    assert row.pairs_multiplier_low < 0.4 < row.pairs_multiplier_high
    assert (row.least_pairs, row.most_pairs, row.seeds) == (1000, 16_000, 3)
    told = "\n".join(analysis.summary)
    assert (
        "begun from x256 rank as ones begun from the control do with 0.40 times the pairs" in told
    )
    assert "(1,000 to 16,000 pairs, 95 %: 0.40 to 0.40)" in told


def test_what_its_test_loss_foresees_is_read_between_the_controls(study, analysis):
    """The loss after 256 repeats lies between those of the two sizes, whose worths are 0.6 and 1."""
    row = analysis.pairs_worth.set_index(["params", "init"]).loc[(SIZE, "x256")]
    losses = study.results.set_index("run_id").test_loss
    ends = [losses[CONTROL.format(0)], losses[f"{SMALLER}-0.0-0-0"]]
    at = np.interp(losses[WORST.format(0)], ends, np.log([1.0, 0.6]))
    assert row.foreseen == pytest.approx(np.exp(at), rel=0.02) and 0.6 < row.foreseen < 1
    assert row.beyond == pytest.approx(0.4 / np.exp(at), rel=0.02)
    assert row.multiplier == pytest.approx(0.3, rel=0.02) and not row.extrapolated
    (told,) = [text for text in analysis.summary if "from x256 rank" in text]
    assert "the model before them is worth 0.30 times the params" in told
    assert np.isnan(analysis.pairs_worth.foreseen[analysis.pairs_worth.init == "scratch"]).all()


def test_the_headline_is_what_repetition_leaves_of_the_pairs(analysis):
    told, picture = headline(analysis), headline_picture(analysis)
    assert told.title.endswith(
        "after 256 repeats ranks as one without does with 0.40 times the pairs"
    )
    assert told.number == "0.40" and "1,000 to 16,000 pairs" in told.unit
    assert told.interval == "95 %: 0.40 to 0.40, 3 seeds"
    assert picture.key == "headline"
    assert {panel.keys["params"] for panel in picture.panels} == {SIZE}


def test_epochs_gain_harm_or_do_nothing_as_they_were_made_to(analysis):
    """Four epochs gain, sixteen harm; the law's constants come out again."""
    table = analysis.preference_gains
    own = table[(table.params == SIZE) & (table.init == "control")].set_index(["pairs", "epochs"])
    for (pairs, epochs), row in own.iterrows():
        once, more = (EPOCHS.predict(pairs=pairs, epochs=each) for each in (1, epochs))
        assert row.gain == pytest.approx(once - more, abs=1e-3)
        assert row.low < once - more < row.high and row.p_holm >= row.p
        assert row.loss_low < more - once < row.loss_high
    assert own.verdict[16_000, 4] == "gain" and own.verdict[250, 16] == "harm"
    law = analysis.repeated_pairs.set_index(["params", "init"]).loc[(SIZE, "control")]
    assert abs(law.R / EPOCHS.R - 1) < 0.1 and law.r2 > 0.99
    assert law.h_low < EPOCHS.h < law.h_high
    pooled, told = analysis.preference_gains_over_sizes, "\n".join(analysis.summary)
    assert (pooled[pooled.init == "control"].pairings == 2 * len(SEEDS)).all()
    for over, cells in (("over all sizes", pooled), ("by size", table)):
        counts = cells.verdict.value_counts()
        assert f"{over}, in {len(cells)} cells of pairs and epochs: nothing in" in told
        assert f"harm in {counts['harm']} (Zhu et al. 2024), gain in {counts['gain']} (Kop" in told


def test_held_out_loss_and_sureness_are_told_beside_the_accuracy(analysis):
    """Every cell rises or falls by more than its noise."""
    told = "\n".join(analysis.summary)
    pooled = analysis.preference_gains_over_sizes
    up = (pooled.loss_rise > 0).sum()
    assert (
        f"rises in {up} of these {len(pooled)} cells and falls in {len(pooled) - up}, by -0" in told
    )
    assert "seen 16 times 16,000 pairs leave a model 0.18 surer than it is right" in told


def test_ways_are_set_beside_ranking_from_the_control(analysis):
    table = analysis.preference_ways.set_index(["contrast", "pairs"])
    for contrast, worth in (("ranking less imitation", 0.5), ("binarised first", 1.3)):
        for pairs in (250, 16_000):
            wrong, other = (EPOCHS.predict(pairs=pairs * each, epochs=1) for each in (1, worth))
            sign = 1 if contrast.startswith("ranking") else -1
            row = table.loc[(contrast, pairs)]
            assert row.difference == pytest.approx(sign * (other - wrong), abs=1e-3)
            assert row.low < row.difference < row.high and row.seeds == 3
    told = "\n".join(analysis.summary)
    assert (
        "Accuracy of ranking less that of imitation of the better (samples, N = 24.6k): +0" in told
    )
    assert (
        "What binarised preferences of another kind first add to accuracy (N = 24.6k): +0" in told
    )


def test_couples_of_equal_loss_tell_which_turns_sooner():
    """Of four models three have one loss; one of those never turns."""
    rows = [(0.60, 1, 2.0, 1), (0.605, 4, 1.5, 1), (0.608, 16, np.inf, 0), (0.7, 64, 1.0, 1)]
    table = pd.DataFrame(rows, columns=["judge_preference_loss", "judge_epochs", "turn", "turned"])
    table = table.assign(run_id=list("abcd"), seed=0, judge_params=SIZE, judge_init="control")
    table = matched(table.assign(judge_pairs=1000))
    found = table.set_index(["fewer_run_id", "more_run_id"])
    assert set(found.index) == {("a", "b"), ("a", "c"), ("b", "c")}
    assert found.sooner[("a", "b")] == 1 and found.difference[("a", "b")] == -0.5
    assert found.sooner[("a", "c")] == 0 and np.isnan(found.difference[("b", "c")])
    (told,) = MATCHED.sentences(type("Of", (), {"turns_at_equal_loss": table}))
    assert (
        "Of 3 couples" in told and "sooner by the one with more epochs in 1 and later in 2" in told
    )


def test_gold_turns_where_it_was_made_to(study, analysis):
    table = turns(study, analysis.preference_models).set_index("run_id")
    first, second = table.loc["best0"], table.loc["best1"]
    assert first.turn == pytest.approx(LAWS[0].turn, abs=0.02) and first.turned == 1
    assert first.turn_low <= first.turn <= first.turn_high < 2
    assert first.law_turn == pytest.approx(LAWS[0].turn, abs=0.05) and first.law_r2 > 0.99
    assert second.turn == np.inf and second.turned == 0  # beyond what was sampled
    assert second.law_turn == pytest.approx(LAWS[1].turn, rel=0.1)
    assert first.judge_init == "control" and second.judge_init == "x256"
    assert (
        "By 1 of 1 preference model begun from control, their pairs seen once, the best of n turns"
        in "\n".join(analysis.summary)
    )


def test_a_turn_is_the_top_of_the_curve_or_none():
    d = np.array([0.0, 0.5, 1.0, 1.4, 2.0])
    assert turn(d, -((d - 1.2) ** 2)) == pytest.approx(1.2)
    assert turn(d, d) == np.inf and turn(d, -d) == 0


def test_charts_show_every_model_and_are_listed(analysis):
    charts = {c.key: c for own in draw(OWN, analysis).values() for c in own}
    assert list(charts) == [
        *("preference_accuracy", "preference_epochs", "preference_ways", "best_of_n"),
    ]
    names = {series.name for series in charts["preference_accuracy"].panels[1].series}
    assert names == {"control", "scratch", "x256", *(f"control, {way}" for way in FIRST)}
    assert len(charts["best_of_n"].panels) == len(LAWS)
    laws = [one for panel in charts["preference_epochs"].panels for one in panel.series]
    assert {one.line for one in laws} == {None, "dashed"}
    assert all(any(each is own for each in FINDINGS) for own in OWN)
