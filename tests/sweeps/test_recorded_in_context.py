"""What is told of the recorded study `in_context`, from its tables and from its chain."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.findings.induction.onset import formations
from data_pipelines.corpora.synthetic.echo import EchoProcess, in_context_losses
from scaling.probes import in_context
from tests.recorded import HOME, recorded
from tests.sweeps.test_recorded import told

STUDY = HOME / "in_context"
PROCESS = EchoProcess()


@pytest.fixture(scope="module")
def runs():
    """A row a run, with its score `untrained`, at the `end` and at its `lowest`."""
    curves = pd.read_parquet(STUDY / "curves.parquet").sort_values("tokens")
    scores = curves.groupby("run_id").in_context_score.agg(["first", "last", "min"])
    scores.columns = ["untrained", "end", "lowest"]
    table = pd.read_parquet(STUDY / "results.parquet").set_index("run_id").join(scores)
    formed = formations(recorded("in_context").study).set_index("run_id")
    return table.join(formed[["onset_tokens", "fall_tokens"]])


@pytest.fixture(scope="module")
def two(runs):
    return runs[runs.layers == 2]


def test_the_score_falls_far_where_heads_form_and_nowhere_else(runs):
    for (layers, smeared), own in runs.groupby(["layers", "smeared_keys"]):
        heads = layers == 2 or smeared
        assert len(own) == 3 and (own.onset_tokens.notna() == heads).all()
        assert (own.end.max() < -1.19) if heads else (own.lowest.min() > -0.35)
        low, high = stats.t.interval(0.95, len(own) - 1, own.end.mean(), own.end.sem())
        assert (high < -0.4) == heads and low > -1.88
        assert f"{own.end.mean():+.2f} ({low:+.2f} to {high:+.2f})" in told("in_context")


def test_it_falls_fastest_as_heads_form(runs, two):
    text = told("in_context")
    assert (abs(two.fall_tokens / two.onset_tokens - 1) < 0.04).all()
    assert f"form after {two.onset_tokens.mean() / 1e6:.1f}M tokens" in text
    assert f"falls fastest at {two.fall_tokens.mean() / 1e6:.1f}M" in text
    for own in (two, runs[runs.smeared_keys]):
        low, high = own.onset_tokens.min() / 1e6, own.onset_tokens.max() / 1e6
        assert f"three of three after {low:.1f}M to {high:.1f}M tokens" in text


def test_something_is_learned_from_the_context_before_heads_form(two):
    curves = pd.read_parquet(STUDY / "curves.parquet").sort_values("tokens")
    curves = curves[curves.tokens <= curves.run_id.map(two.onset_tokens) - 1e6]
    before = curves.groupby("run_id").in_context_score.last()
    gains = two.untrained - before
    assert before.min() > -0.5 and (before > -0.4).sum() == 2
    for found in (
        f"at {before.max():+.2f} to {before.min():+.2f}",
        f"({gains.min():.2f} to {gains.max():.2f})",
    ):
        assert found in told("in_context")


def test_three_runs_start_further_from_zero_than_was_set_down(runs):
    beyond = runs[runs.untrained.abs() > 0.1]
    assert (beyond.seed == 1).all() and len(beyond) == 3 and len(runs) == 9
    assert f"at most at {beyond.untrained.min():+.2f}" in told("in_context")


@pytest.mark.slow
def test_what_the_best_predictor_would_score():
    losses = in_context_losses(PROCESS, PROCESS.sample((2, 0), 4000))
    assert f"score {_score(losses[:, 1:])}" in told(
        "in_context"
    )  # a model predicts no first symbol


@pytest.mark.slow
def test_what_is_to_be_had_from_the_context_without_a_head():
    """Frequencies of pairs, times a rise for each time that a symbol stands where a copy may come from."""
    pairs, counted = np.full((64, 64), 0.1), PROCESS.sample((0, 0), 4000)
    np.add.at(pairs, (counted[:, :-1].ravel(), counted[:, 1:].ravel()), 1)
    symbols = PROCESS.sample((2, 0), 1500)
    stood = np.zeros((*symbols.shape, 64))
    for back in range(PROCESS.nearest, PROCESS.farthest + 1):
        stood[:, back:] += np.eye(64)[symbols[:, :-back]]
    odds = pairs[symbols[:, :-1]] * (1 + 4 * stood[:, 1:])
    shares = odds / odds.sum(axis=2, keepdims=True)
    losses = -np.log(np.take_along_axis(shares, symbols[:, 1:, None], axis=2)[:, :, 0])
    assert f"are worth {_score(losses)}" in told("in_context")


def _score(losses):
    early, late = (losses[:, window].mean(axis=1) for window in in_context.windows(128))
    return f"{(late - early).mean():+.2f} ± {stats.sem(late - early):.2f}"


def test_what_induction_says_of_its_own_score():
    ended = pd.read_parquet(HOME / "induction" / "results.parquet")
    ended = ended.set_index(["layers", "smeared_keys"]).in_context_score
    found = f"ends at {ended[2, False]:+.2f} with heads and {ended[1, False]:+.2f} without"
    assert found in told("induction")
