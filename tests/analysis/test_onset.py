"""Change points, and which runs of a study have one."""

import numpy as np
import pytest

from analysis.onset import formation_cells, formations, onset
from analysis.study import analyse
from analysis.tables import make_study
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


def test_cells_say_in_how_many_seeds_heads_formed_and_when():
    results, curves = make_tables(
        sizes=(98_304,), repeats=(64, 256), control_sizes=(), seeds=(0, 1, 2)
    )
    tokens = 4_194_304
    repeats = curves.run_id.map(results.set_index("run_id").repeats)
    at = np.where(repeats == 0, 0.25, np.where(repeats == 256, 0.75, 2.0)) * tokens
    curves["prefix_matching_score"] = np.where(curves.tokens > at, 0.6, 0.02)
    study = make_study(results, curves)
    cells = formation_cells(formations(study)).set_index("repeats")
    assert cells.seeds.tolist() == [3, 3, 3] and cells.formed.tolist() == [3, 0, 3]
    assert cells.onset_tokens[0] == pytest.approx(0.25 * tokens, abs=tokens / 12)
    assert cells.onset_tokens[256] == pytest.approx(0.75 * tokens, abs=tokens / 12)
    told = next(s for s in analyse(study).summary if s.startswith("Induction heads"))
    assert "control, formed in 3 of 3 runs" in told and "none formed in 3 runs" in told
