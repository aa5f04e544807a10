"""Bits a param are those that were put in, and a model that knows all it was told is said to."""

import pytest

from analysis import analyse
from analysis.findings.knowing.capacity import CAPACITY
from tests.analysis.findings.knowing.conftest import (
    SIZES,
    analysed,
    charts,
    run_of,
    rungs,
    told_study,
)

ENTITIES = 4096


def held(bits_a_param, exposures, seeds=(0, 1, 2)):
    """Runs that hold that many bits of facts a param, embeddings counted, seeds within 2 %."""
    runs, rows = [], []
    for params in SIZES[:3]:
        for seed in seeds:
            run = run_of(params, 0, seed, {exposures: ENTITIES})
            share = bits_a_param * run["params_total"] / (24 * ENTITIES) * (1 + 0.01 * (seed - 1))
            rows += rungs(run, {exposures: ENTITIES}, of=lambda *_, share=share: min(1.0, share))
            runs.append(run)
    return runs, rows


def test_the_most_bits_a_param_come_out_beside_what_was_published():
    (few, few_rows), (many, many_rows) = held(0.5, 100), held(0.8, 1000)
    found = analyse(told_study(few + many, knowledge=few_rows + many_rows))
    cells = found.capacity.set_index(["exposures", "params"])
    for params in SIZES[:3]:
        assert cells.bits_per_param[100, params] == pytest.approx(0.5)
        assert cells.bits_per_N[1000, params] == pytest.approx(0.8 * (params + 50_000) / params)
        assert cells.offered[100, params] == 24 * ENTITIES and cells.seeds[100, params] == 3
    (told,) = (s for s in found.summary if "stated 100 times are held" in s)
    assert "up to 0.50 bits a param, embeddings counted (95 %: 0.49 to 0.51)" in told
    assert "published: 1" in told and "% of what it was told" in told
    claims = found.claims.set_index("claim")
    assert claims.verdict["bits a param at 100 exposures"] == "differ"
    assert claims.value["bits a param at 1,000 exposures"] == pytest.approx(0.8)


def test_a_model_that_knows_all_there_is_has_shown_no_capacity():
    runs, rows = held(5.0, 100)
    found = analysed(told_study(runs, knowledge=rows), CAPACITY)
    (told,) = (s for s in found.summary if "stated 100 times are held" in s)
    assert "there was no more to be known" in told
    chart = charts(found, CAPACITY)["capacity"]
    lines = {series.name: series.y for series in chart.panels[0].series}
    known, offered = lines["100 exposures"], lines["all that is stated 100 times"]
    assert known.tolist() == pytest.approx(offered.tolist())


def test_one_size_alone_or_a_ladder_is_no_capacity(found):
    runs, rows = held(0.5, 100)
    one = [run for run in runs if run["params"] == SIZES[0]]
    assert analysed(told_study(one, knowledge=rows), CAPACITY).capacity.empty
    assert found.capacity.empty
