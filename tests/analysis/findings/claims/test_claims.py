"""Claims measured on synthetic studies whose truth is known, and on the recorded ones."""

import numpy as np
import pytest

from analysis import analyse
from analysis.files import markdown_table
from analysis.findings.claims import CLAIMED, claim_listing
from analysis.study import make_study
from tests.analysis.conftest import control_loss
from tests.recorded import recorded

STEPS = (4, 16, 64, 256, 1024, 4096, 16384)


@pytest.fixture(scope="module")
def claims(tables):
    study = tables(fractions=(0.1, 0.5), seeds=(0, 1, 2), noise=0.004, repeats=STEPS)
    return analyse(make_study(*study))


def row(found, name):
    (own,) = found.claims[found.claims.claim == name].to_dict("records")
    return own


def test_the_multiplier_at_the_worst_is_the_one_drawn(claims):
    """0.3 at f = 0.5, 0.3^(1/5) at f = 0.1; the worst lies next to a count that was tried."""
    half, tenth = (row(claims, f"multiplier at the worst, f = {f}") for f in (0.5, 0.1))
    assert half["low"] < 0.31 and 0.29 < half["value"] < 0.33 and half["seeds"] == 3
    assert half["verdict"] == "differ" and half["why"] == "ours is higher"
    assert 0.75 < tenth["value"] < 0.82 and tenth["how"].startswith("N = ")
    assert row(claims, "multiplier at the worst, f = 0.9")["seeds"] == 0


def test_below_the_smallest_control_a_multiplier_is_a_bound_even_if_a_seed_is_not(tables):
    shape = dict(fractions=(0.9,), sizes=(24_576, 98_304), control_sizes=(), repeats=(4, 128, 4096))
    drawn = tables(**shape, seeds=(0, 1, 2))
    bound = row(analyse(make_study(*drawn)), "multiplier at the worst, f = 0.9")
    assert (bound["low"], bound["value"], bound["high"]) == (0, 0.25, 0.25)
    results, curves = drawn
    own = results[results.params == 98_304]
    results.loc[own.test_loss.idxmax(), "test_loss"] = control_loss(0.3 * 98_304)
    mixed = row(analyse(make_study(results, curves)), "multiplier at the worst, f = 0.9")
    assert mixed["low"] == 0 and 0.25 < mixed["value"] < 0.3 < mixed["high"]


def test_a_bump_between_is_not_monotone_and_falls_on(claims):
    for f in (0.1, 0.5):
        assert row(claims, f"non-monotone in repeats, f = {f}")["verdict"] == "agree"
    last = row(claims, "beyond the worst")
    assert last["verdict"] == "agree" and last["high"] < 0
    assert last["how"].endswith("E = 4,096 to 16,384")


def test_the_worst_moves_as_drawn_and_is_nearer_the_edges(claims):
    """E goes as N^-0.5."""
    near, steep = row(claims, "worst repeats, as the edges"), row(claims, "worst repeats, steeper")
    assert near["value"] == pytest.approx(-0.5, abs=0.05) and near["value"] == steep["value"]
    assert near["verdict"] == "agree" and steep["verdict"] == "differ"
    assert row(claims, "control law")["value"] == pytest.approx(0.09, abs=0.005)


def test_one_row_a_claim_and_what_is_not_measured_is_named_in_one_line(claims):
    assert len(claims.claims) == len(CLAIMED) == claims.claims.claim.nunique()
    (note,) = [note for note in claims.notes if note.startswith("Published, and not measured")]
    listed = claim_listing(claims).table
    assert len(listed) == (claims.claims.seeds > 0).sum() < len(CLAIMED)
    for name in ("double descent in training time, f = 0.9", "names that come back, one layer"):
        assert name in note and not listed.claim.str.startswith(name).any()


def test_a_second_rise_differs_from_what_was_published(tables):
    results, curves = tables(seeds=(0, 1, 2), noise=0.004, repeats=STEPS)
    last = results.repeats == STEPS[-1]
    results.loc[last, "test_loss"] += 0.02 + 0.001 * results.seed[last]
    found = row(analyse(make_study(results, curves)), "beyond the worst")
    assert found["verdict"] == "differ" and found["low"] > 0


def test_a_study_without_repetition_or_controls_has_what_can_be_measured(tables):
    results, curves = tables(seeds=(0,))
    only = analyse(make_study(results[results.repeats == 0], curves))
    assert only.claims.claim[only.claims.seeds > 0].to_list() == ["control law"]
    none = analyse(make_study(results[results.repeats > 0], curves))
    assert (none.claims.seeds == 0).all() and claim_listing(none) is None
    assert not any(note.startswith("Published, and not") for note in none.notes)


def test_a_listing_is_a_table_of_markdown(claims):
    lines = markdown_table(claim_listing(claims).table).splitlines()
    assert lines[0] == "| claim | published | ours | verdict | why |"
    assert len({line.count(" | ") for line in lines}) == 1 and len(lines) > 10


@pytest.mark.slow
@pytest.mark.parametrize(
    ("study", "name", "verdict", "value"),
    [
        ("mechanism", "copying of random tokens against test loss", "agree", 0.82),
        ("mechanism", "copying of text against test loss", "differ", 2.2),
        ("mechanism", "fine-tuning after the worst repeats", "differ", 0.50),
        ("mechanism", "induction heads, several layers", "agree", 0.82),
        ("names", "induction heads, one layer", "agree", 0.022),
        ("names", "names that come back, several layers", "agree", 0.074),
        ("names", "names that come back, one layer", "differ", 1.1),
        ("regularisation", "what weight decay removes", "differ", 0.126),
        ("regularisation", "what dropout removes", "agree", 0.20),
        ("code", "out-of-distribution loss against test loss", "agree", 0.81),
        ("in_context", "in-context learning", "differ", -1.313),
        ("prose", "induction heads, one layer, smeared keys", "cannot tell", 0.68),
    ],
)
def test_the_recorded_studies_tell_of_what_they_measured(study, name, verdict, value):
    found = row(recorded(study), name)
    assert found["verdict"] == verdict and found["value"] == pytest.approx(value, rel=0.03)
    assert np.isnan(found["low"]) == (study == "prose")


@pytest.mark.slow
@pytest.mark.parametrize("study", ["mechanism", "names", "induction"])
def test_where_later_tokens_are_harder_in_themselves_nothing_is_said_of_context(study):
    assert row(recorded(study), "in-context learning")["seeds"] == 0
