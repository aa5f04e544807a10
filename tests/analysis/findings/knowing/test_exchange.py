"""Exposures needed, and how many times as many beside a pool, come out as they were put in."""

import numpy as np
import pytest

from analysis import analyse
from analysis.findings.knowing.exchange import EXCHANGE, needed
from analysis.study import make_study
from tests.analysis.findings.knowing import conftest as made
from tests.analysis.findings.knowing.conftest import (
    LADDER,
    RATES,
    SIZES,
    analysed,
    charts,
    run_of,
    rungs,
    told_study,
)


def test_the_exposures_are_read_off_between_two_rungs():
    exposures = np.array([1000.0, 10.0, 100.0])
    assert needed(exposures, np.array([1.0, 0.25, 0.75])) == pytest.approx(10**1.5)
    assert np.isnan(needed(exposures, np.array([0.4, 0.1, 0.2])))
    assert np.isnan(needed(exposures, np.array([0.9, 0.6, 0.8])))  # known at fewer than any tried


def test_a_pool_that_doubles_what_is_needed_has_a_rate_of_two(found):
    table = found.exchange
    table = table[table.params == SIZES[-1]].set_index("repeats")
    for repeats in RATES:
        row = table.loc[repeats]
        # Log odds are straight in log exposures, so that reading off between rungs is exact.
        assert row.needed == pytest.approx(made.needed(SIZES[-1], repeats))
        assert row.rate == pytest.approx(RATES[repeats]) and row.seeds == 3
    assert table.rate_low[30] < 1 < table.rate_high[30] and 1.8 < table.rate_low[300] < 2


def test_it_is_told_with_intervals_and_what_may_be_nothing_is_said_so(found):
    (sentence,) = (s for s in found.summary if "a fact is known with p = 0.5 after" in s)
    assert sentence.startswith(
        "At N = 98.3k (f = 0.2), asked by name, a fact is known with p = 0.5 after 50 exposures; beside"
    )
    few, many = sentence.split("; ")[1:]
    assert "30 times after 50, 1.00 times as many (95 %: " in few and "includes no effect)" in few
    assert "300 times after 100, 2.00 times as many (95 %: " in many and "no effect" not in many


def test_a_fact_that_no_number_of_exposures_makes_known_has_no_rate():
    runs = [run_of(SIZES[0], 0, seed, {3: 8, 10: 8, 30: 8}) for seed in (0, 1)]
    rows = [row for run in runs for row in rungs(run, {3: 8, 10: 8, 30: 8})]
    found = analysed(told_study(runs, knowledge=rows), EXCHANGE)
    assert found.exchange.needed.isna().all()
    assert any("no number of exposures makes all seeds know facts" in s for s in found.summary)


def test_the_figures_have_a_line_a_repeat_count_with_bars(found):
    drawn = charts(found, EXCHANGE)
    for key, measure in (("exchange-rate", "probability"), ("bits-against-exposures", "bits")):
        (panel,) = drawn[key].panels
        assert [series.name for series in panel.series] == ["control", "E = 30", "E = 300"]
        control, _, worst = panel.series
        assert control.x.tolist() == [e for e in LADDER if e] and (worst.error >= 0).all()
        assert worst.error.max() > 0 and (worst.y <= control.y + 1e-9).all()
        assert {measure, f"{measure}_low", "run_ids"} <= set(drawn[key].table)


def test_without_its_table_it_tells_nothing(tables):
    found = analyse(make_study(*tables()))
    for name in ("known", "exchange", "lost", "wordings", "unseen", "calibrations"):
        assert found.tables[name].empty
    assert found.hallucinations.empty and found.doses.empty and found.capacity.empty
    assert not any("stated" in sentence for sentence in found.summary)
