"""Predictions whose worth is known, as rows."""

import numpy as np
import pytest

from scaling.stages.knowing.scores import Predictions, auroc, tables


def test_auroc_of_the_truth_its_opposite_and_of_no_difference():
    holds = np.array([True, False, True, False])
    assert auroc(holds.astype(float), holds) == 1
    assert auroc(1.0 - holds, holds) == 0
    assert auroc(np.full(4, 0.3), holds) == 0.5
    assert auroc(np.array([0.9, 0.1, 0.5, 0.6]), holds) == 0.75
    assert np.isnan(auroc(np.full(4, 0.3), np.ones(4, bool)))


@pytest.fixture
def found():
    """A predictor that says .8 of the told, of whom 80 of 100 are right, and .3 of the others, all
    wrong."""
    exposures = np.repeat([0, 10, 100], [50, 50, 50])
    right = np.concatenate([np.zeros(50, bool), np.arange(100) % 5 > 0])
    said = np.where(exposures > 0, 0.8, 0.3)
    each = Predictions({"predictor": "p"}, said, right, exposures, right, {"probability": said})
    return tables("t", [each])


def test_rows_by_group_are_as_was_said(found):
    rows = {row["group"]: row for row in found["t"]}
    assert [rows[g]["n"] for g in ("all", "told", "never_seen")] == [150, 100, 50]
    assert rows["told"]["rms_ce"] == pytest.approx(0, abs=1e-9)
    assert rows["told"]["brier"] == pytest.approx(0.16)
    assert rows["told"]["auroc"] == 0.5 and np.isnan(rows["never_seen"]["auroc"])
    assert rows["never_seen"]["rms_ce"] == pytest.approx(0.3)
    # Of 80 right and 70 wrong: 50 of these are said less of, of the other 20 as much.
    assert rows["all"]["auroc"] == pytest.approx((50 + 20 / 2) / 70)
    assert all(row["rms_ce_floor"] > 0 for row in rows.values())


def test_rows_by_exposures_and_bins_hold_every_question_once(found):
    assert [(row["exposures"], row["n"]) for row in found["t_exposures"]] == [
        (0, 50),
        (10, 50),
        (100, 50),
    ]
    assert [row["accuracy"] for row in found["t_exposures"]] == [0, 0.8, 0.8]
    of_all = [row["n"] for row in found["t_reliability"] if row["group"] == "all"]
    assert sum(of_all) == 150
