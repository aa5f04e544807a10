"""Change points, and which runs of a study have one."""

import numpy as np
import pandas as pd
import pytest

from analysis import analyse
from analysis.findings.induction.onset import formation_cells, formations, onset
from analysis.findings.induction.training import (
    heads_while_training,
    training_loss_bump,
)
from analysis.study import make_study
from tests.analysis.conftest import make_tables


def test_the_onset_lies_where_the_score_passes_the_middle():
    tokens = np.arange(10) * 100
    found = onset(tokens, np.array([0, 0, 0, 0, 0, 0.6, 0.6, 0.6, 0.6, 0.6]))
    assert found == pytest.approx((450, 0, 0.6))


def test_a_level_score_a_falling_one_and_a_single_snapshot_have_no_onset():
    tokens = np.arange(6)
    assert np.isnan(onset(tokens, np.full(6, 0.5)).tokens)
    assert np.isnan(onset(tokens, np.array([1, 1, 1, 0, 0, 0])).tokens)
    assert np.isnan(onset(np.array([3]), np.array([0.5])).tokens)


def test_the_order_of_snapshots_does_not_move_the_onset():
    tokens, scores = np.arange(8), np.array([0, 0.05, 0, 0.1, 0.8, 0.9, 0.9, 0.9])
    order = np.random.default_rng(0).permutation(8)
    assert onset(tokens[order], scores[order]) == onset(tokens, scores)


@pytest.fixture
def formed():
    """A study whose controls form heads at a quarter of their tokens; E = 64 never, 256 late and
    weakly, 1,024 early, to lose them again."""
    results, curves = make_tables(
        sizes=(98_304,), repeats=(64, 256, 1024), control_sizes=(), seeds=(0, 1, 2)
    )
    repeats = curves.run_id.map(results.set_index("run_id").repeats)
    share = curves.tokens / 4_194_304
    at = repeats.map({0: 0.25, 64: 2.0, 256: 0.75, 1024: 0.25})
    level = repeats.map({0: 0.6, 64: 0.6, 256: 0.3, 1024: 0.6})
    lost = (repeats == 1024) & (share > 0.5)
    curves["prefix_matching_score"] = np.where((share > at) & ~lost, level, 0.02)
    curves["train_loss"] = 3 - 0.2 * share - 0.4 * (share > at)
    curves["in_context_score"] = -0.3 * (share > at)
    return make_study(results, curves)


def test_cells_say_in_how_many_seeds_heads_formed_and_when(formed):
    cells = formation_cells(formations(formed)).set_index("repeats")
    assert cells.seeds.tolist() == [3, 3, 3, 3]
    assert cells.formed[0] == cells.formed[256] == 3 and cells.formed[64] == 0
    assert cells.lost[1024] == 3 and cells.lost[[0, 64, 256]].sum() == 0
    step = 4_194_304 / 12
    for column in ("onset_tokens", "fall_tokens", "bump_tokens"):
        assert cells[column][0] == pytest.approx(0.25 * 4_194_304, abs=step)
        assert cells[column][256] == pytest.approx(0.75 * 4_194_304, abs=step)
    assert np.isnan(cells.bump_tokens[64]) and cells.bumped.tolist() == [3, 0, 3, 3]


def test_the_summary_says_what_repetition_does_to_heads(formed):
    without, repeated = (
        s for s in analyse(formed).summary if "Induction heads" in s or "they are" in s
    )
    assert "they form in 3 of 3 runs" in without and "the training loss bumps by" in without
    assert "prevented at E = 64" in repeated and "destroyed at E = 1,024" in repeated
    assert "delayed and weakened at E = 256" in repeated


def test_where_nothing_was_measured_nothing_is_drawn(formed):
    """As in a study that puts probes to some of its settings alone."""
    results = formed.results.drop(columns=["setting", "scan", "is_control"])
    others = results.assign(run_id=results.run_id + "-other", corpus="pycode")
    bare = formed.curves.drop(columns=["prefix_matching_score", "in_context_score"])
    curves = pd.concat([formed.curves, bare.assign(run_id=bare.run_id + "-other")])
    found = analyse(make_study(pd.concat([results, others], ignore_index=True), curves))
    (panel,) = heads_while_training(found).panels
    assert "pydocs" in panel.title and len(training_loss_bump(found).panels) == 2
