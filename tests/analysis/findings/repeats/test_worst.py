"""How the worst of a study's scans is told: at length of those with most runs, in short of the others."""

import pytest

from analysis import analyse
from analysis.findings.claims.headline import headline
from analysis.findings.claims.picture import headline_picture
from analysis.findings.repeats.map import multiplier_map
from analysis.study import make_study


def summary_of(results, curves):
    return analyse(make_study(results, curves)).summary


def test_of_many_scans_three_are_told_at_length_and_the_others_together(tables):
    results, curves = tables(fractions=(0.1, 0.2, 0.4, 0.6, 0.8), sizes=(24_576, 98_304))
    few = results.repeated_fraction.isin([0.2, 0.8]) & (
        (results.params == 24_576) | (results.repeats < 64) & (results.repeated_fraction == 0.8)
    )
    told = summary_of(results[~few], curves)
    assert sum("costs most" in sentence for sentence in told) == 3
    (rest,) = (sentence for sentence in told if sentence.startswith("In 2 more scans"))
    assert "the worst is 64 times at N = 98.3k (0.0" in rest and "with f = 0.2; 64 times" in rest
    assert rest.count("at an end of those tried") == 1 and rest.endswith("with f = 0.8.")
    assert sum("is not monotone in repeats at all 2 sizes" in sentence for sentence in told) == 3
    assert (
        "Nor is it in 1 more scan, where most damage is done by 64 with f = 0.2 (at the one size)."
        in told
    )
    assert "It is worst at an end of the repeats tried with f = 0.8." in told


def test_a_control_of_its_own_size_bounds_no_multiplier(tables):
    """One that is no smaller says only that there is damage; a smaller one that the model is worse."""
    results, curves = tables(sizes=(24_576,), control_sizes=(98_304, 393_216))
    told = summary_of(results, curves)
    assert not any("multiplier" in sentence for sentence in told if "costs most" in sentence)
    assert "nats per token above the control" in headline(analyse(make_study(results))).unit

    results, curves = tables(sizes=(49_152, 98_304), control_sizes=(), seeds=(0, 1, 2))
    found = analyse(make_study(results[(results.params > 5e4) | (results.repeats == 0)], curves))
    (sentence,) = (sentence for sentence in found.summary if "costs most" in sentence)
    assert "worse than the smallest control, of 49.2k params (multiplier below 0.50)" in sentence
    told, chart = headline(found), headline_picture(found)
    assert chart.y.label == "damage (nats per token)"  # of a bound alone there is no picture
    assert told.title.endswith("leaves a model worse than one 2 times smaller")
    assert told.number == "below 0.50" and told.interval == "95 %: at most 0.50, 3 seeds"
    assert told.unit.endswith(
        "(N = 98.3k, f = 0.5, E = 64, which does worse than the smallest control)"
    )


def test_the_headline_passes_over_a_tenth_whose_worst_is_at_an_end(tables):
    results, curves = tables(fractions=(0.1, 0.5), repeats=(4, 8, 16, 64, 1024))
    less = results[(results.repeated_fraction != 0.1) | (results.repeats <= 16)]
    assert "f = 0.5" in headline(analyse(make_study(less, curves))).unit
    assert "f = 0.1" in headline(analyse(make_study(results, curves))).unit


def test_the_headlines_picture_goes_no_lower_than_the_smallest_control(tables):
    results, curves = tables(fractions=(0.1,), seeds=(0,), control_sizes=(90_112,))
    results = results[(results.params > 3e4) | (results.repeats == 0)]
    sizes = results[results.params != 24_576]
    chart = headline_picture(analyse(make_study(sizes, curves)))
    (small,) = (series for series in chart.panels[0].series if series.name == "98.3k")
    assert small.y.min() == pytest.approx(90_112 / 98_304)
    assert "No control is smaller than 90.1k params" in chart.caption


def test_the_map_tells_the_smallest_controls_share_where_a_model_is_worse(tables):
    """Of 16 to 256 repeats, which are beyond the law of so few controls; not what lies beyond them."""
    results, curves = tables(sizes=(49_152, 98_304), control_sizes=(), seeds=(0,))
    analysis = analyse(make_study(results, curves))
    (panel,) = multiplier_map(analysis).panels
    texts = dict(zip(panel.heat.rows, panel.heat.texts, strict=True))
    assert "<1.0" not in texts.get("49.2k", [])  # a control of its own size bounds nothing
    assert "<0.50" in texts["98.3k"] and panel.heat.values[-1].min() == 0.5
    beyond = analysis.cells[analysis.cells.extrapolated & (analysis.cells.params == 98_304)]
    assert texts["98.3k"].count("<0.50") == len(beyond) and beyond.multiplier.min() < 0.45
