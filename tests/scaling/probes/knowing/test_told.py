"""A model that is told facts while it trains: what the probes find on the way, and at the end."""

import numpy as np
import pytest

from data_pipelines.prepare import prepare_data
from scaling.config import RunConfig
from tests.conftest import made_once
from tests.scaling.training import train

pytestmark = pytest.mark.slow

FIELDS = {
    "vocabulary": "words:300",
    "context": 32,
    "batch_size": 16,
    "tokens": 300 * 16 * 32,
    "exposures": [0, 500],
    "entities": [40, 10],
    "d_model": 32,
    "learning_rate": 0.01,
    "evaluations": 3,
    "evaluation_tokens": 4096,
    "ood_corpus": None,
    "probes": ["knowledge", "calibration", "hallucination"],
}


@pytest.fixture(scope="module")
def told(text_corpus, data_dir):
    """Rows and details of the evaluations of a run."""
    config = RunConfig.parse(FIELDS | {"corpus": text_corpus})
    with made_once(data_dir / "facts-told") as to_make:
        if to_make:
            prepare_data(config, data_dir)
    rows, details = [], []
    train(config, data_dir=data_dir, on_evaluation=rows.append, on_details=details.append)
    return rows, details


def test_what_is_stated_often_is_known_and_what_never_is_guessed(told):
    rows, details = told
    never, often = details[-1]["knowledge"]
    assert (never["exposures"], often["exposures"]) == (0, 500)
    assert often["accuracy"] > 0.9 and often["bits"] > 4
    assert never["bits"] < 0.5 and never["accuracy"] < 0.2
    bits = [row["bits"] for row in rows]
    assert bits[0] < 1 < bits[1] < bits[-1] <= 6 * 40
    assert rows[-1]["told_false_share"] < 0.3 < 0.8 < rows[-1]["never_seen_false_share"]


def test_calibration_comes_at_each_evaluation_and_never_without_floor_and_number(told):
    rows, details = told
    for row, found in zip(rows, details, strict=True):
        assert 0 < row["rms_ce_floor"] < 1 and row["calibration_n"] > 500
        for each in found["calibration"]:
            figures = [each[name] for name in ("rms_ce", "rms_ce_floor", "n")]
            assert np.isfinite(figures).all() and ("temperature" in each) == (
                each["kind"] != "facts"
            )
    kinds = [[each["kind"] for each in found["calibration"]] for found in details]
    assert kinds[0] == kinds[-2] == ["test", "pool"] and kinds[-1] == ["facts", *kinds[0]]
    assert {each["kind"] for each in details[-1]["reliability"]} == set(kinds[-1])
    assert rows[-1]["knowledge_n"] == 4 * 50
    assert "hallucination" in details[-1] and "hallucination" not in details[0]
    assert "knowledge_rms_ce" in rows[0]  # a column of each row, if of none but the last a number
    assert rows[0]["knowledge_rms_ce"] is None is rows[-2]["knowledge_rms_ce"]
