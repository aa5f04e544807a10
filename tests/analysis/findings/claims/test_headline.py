"""The one number of a study, whatever the study has."""

import numpy as np
import pytest

from analysis import analyse
from analysis.findings.claims.headline import headline
from analysis.findings.claims.picture import headline_picture
from analysis.study import make_study
from tests.recorded import recorded


def of(results, curves=None):
    found = analyse(make_study(results, curves))
    return headline(found), headline_picture(found)


def test_with_controls_it_is_the_multiplier_beside_the_published(tables):
    told, chart = of(*tables(seeds=(0, 1, 2), noise=0.004))
    assert told.title.startswith(
        "Repeating 50% of the data 64 times leaves a model no better than one 3"
    )
    assert told.number.startswith("0.3") and told.interval.startswith("95 %: 0.")
    assert told.interval.endswith("3 seeds") and told.published == "1 / 10 (805M params)"
    assert told.source.endswith("They differ: ours is higher.")
    names = [series.name for series in chart.panels[0].series]
    assert names[:2] == ["as many params as it has", "published"]
    seeds = [series for series in chart.panels[0].series if not series.in_legend]
    assert [len(series.x) for series in seeds] == [18, 18, 18]  # every run is drawn


def test_of_several_fractions_it_is_that_of_the_papers_abstract(tables):
    told, chart = of(*tables(fractions=(0.1, 0.5), seeds=(0,)))
    assert "f = 0.1" in told.unit and told.interval == "1 seed: no interval"
    assert "10% of the data" in told.title and "of its size" in told.title
    published = [series for series in chart.panels[0].series if series.name == "published"]
    assert [series.y[0] for series in published] == [0.42, 0.55]


def test_no_damage_and_noise_are_called_so(tables):
    results, curves = tables(seeds=(0, 1, 2))
    own = results.groupby(["params", "seed"]).test_loss.transform("min")
    results["test_loss"] = own - 1e-3 * (results.repeats > 0)
    assert of(results, curves)[0].title == "No repeat count that was tried does damage"
    noise = np.where(results.repeats > 0, 0.02 * (results.seed - 0.9), 0)
    results["test_loss"] = own * np.exp(noise)
    assert of(results, curves)[0].title.endswith("costs no more than noise")


@pytest.mark.parametrize(
    ("change", "title", "unit"),
    [
        (lambda r: r[r.repeats > 0], "Of the repeats tried ", "there are no controls"),
        (
            lambda r: r[r.repeats == 0],
            "Without repetition test loss falls",
            "exponent of the control",
        ),
        (lambda r: r[r.params == 98_304], "Repeating 50% of the data", "nats per token above"),
        (lambda r: r.head(1), "Test loss comes to", "test loss (nats per token)"),
        (lambda r: r[r.repeats == 64], "Test loss comes to", "no control to compare"),
        (lambda r: r[r.repeats.isin([0, 64])], "Repeating 50% of the data 64 times", "multiplier"),
    ],
    ids=["no controls", "controls only", "one size", "one run", "one count alone", "one count"],
)
def test_half_a_study_still_has_a_headline(tables, change, title, unit):
    results, curves = tables(seeds=(0, 1), evaluations=3)
    told, chart = of(change(results), curves)
    assert told.title.startswith(title) and unit in told.unit
    assert chart is not None and chart.key == "headline"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("study", "number", "interval"),
    [
        ("quick", "0.090", "95 %: 0.046 to 0.17, 3 seeds"),
        ("prose", "2 of 5", "at most 1 seed a model"),
        ("names", "0.971", "95 %: 0.95 to 0.99, 3 seeds"),
        ("learning_rate", "0.089", "95 %: 0.075 to 0.10, 1 seed"),
    ],
)
def test_the_recorded_studies_have_theirs(study, number, interval):
    found = recorded(study)
    told = headline(found)
    assert (told.number, told.interval) == (number, interval)
    assert len(headline_picture(found).panels) == (2 if study == "names" else 1)
