"""What probes say of a perfect induction circuit, and of a model without heads."""

import math

import numpy as np
import pytest

from scaling.probes import ablation, copying, in_context, passages, sequences
from scaling.probes.heads import looking as heads
from scaling.probes.heads import prefix_matching

ROWS = 8


@pytest.fixture(scope="module")
def common(heldout):
    return sequences.common_tokens(heldout)


@pytest.fixture(scope="module")
def shown(program, common, heldout):
    length = heads.length_of(program.context)
    repeated = prefix_matching.examples(np.random.default_rng(2), common, heads.EXAMPLES, length)
    return repeated, heldout[: heads.EXAMPLES, :length].astype(np.int32)


@pytest.fixture(scope="module")
def found(program, circuit, shown):
    return heads.measure(program, circuit, *shown)


@pytest.fixture(scope="module")
def tiled(program, common):
    return copying.random(np.random.default_rng(0), common, ROWS, program.context)


def test_the_circuit_s_head_matches_prefixes_and_copies_and_the_others_do_not(found, shown):
    assert found.prefix_matching[1, 0] > 0.99
    assert found.copying[1, 0] > 0.95
    assert found.copying_eigenvalues[1, 0] == pytest.approx(1)
    chance = prefix_matching.chance(shown[0].shape[1])
    assert found.prefix_matching[:, 1] == pytest.approx(chance, rel=1e-4)
    assert found.prefix_matching[0, 0] < 0.01
    summary = found.summary()
    assert summary["prefix_matching_score"] > 0.99
    assert summary["prefix_matching_copying"] > 0.95


def test_the_first_layer_s_head_attends_to_the_token_before(found):
    assert found.previous_token[0, 0] > 0.99
    assert found.previous_token[1, 0] < 0.1
    assert found.summary()["previous_token_score"] > 0.99


def test_the_pictured_pattern_is_the_induction_head_s(found):
    rows = [row for row in found.pictures() if (row["layer"], row["head"]) == (1, 0)]
    best = {row["query"]: row["key"] for row in rows if row["weight"] > 0.9}
    assert all(best[i] == i - prefix_matching.PERIOD + 1 for i in range(26, 51))


def test_the_circuit_copies_random_tokens_from_the_second_copy_on(program, circuit, tiled):
    losses = program.token_losses(circuit, tiled)
    copies, length = copying.shape(program.context)
    assert copies == copying.COPIES
    # What follows the end of the first copy has not been seen to follow it.
    assert losses[:, length + 1 : copies * length].max() < 0.01
    assert losses[:, :length].mean() > math.log(program.vocabulary_size)
    assert copying.by_copy(losses)[:, 2:].max() < 0.01
    assert copying.measure(losses)["copying_gain"] > math.log(program.vocabulary_size)


def test_the_circuit_knows_a_name_when_it_comes_back(program, circuit, common, heldout):
    made = passages.make(np.random.default_rng(1), heldout, common, ROWS)
    circuit_finds = passages.measure(program.token_losses(circuit, made.tokens), made.places)
    assert circuit_finds["name_probability_first"] < 0.2
    assert circuit_finds["name_probability_last"] > 2 * circuit_finds["name_probability_first"]


def test_ablating_the_induction_head_undoes_copying_and_ablating_an_idle_one_nothing(
    program, circuit, heldout, tiled, found
):
    rows = ablation.measure(
        program, circuit, heldout[:ROWS], tiled, found.prefix_matching, np.random.default_rng(4)
    )
    change = {
        (r["layer"], r["head"], r["mode"]): r["copying_change"] for r in rows if r["kind"] == "head"
    }
    for mode in ("full", "pattern"):
        assert change[1, 0, mode] > 1
        assert change[0, 1, mode] == pytest.approx(0, abs=1e-5)
        assert change[1, 1, mode] == pytest.approx(0, abs=1e-5)
    assert change[0, 0, "full"] > 1  # later heads see what is gone
    # Only the pattern used it, and the norm before the unembedding.
    assert change[0, 0, "pattern"] == pytest.approx(0, abs=0.1)
    together = [r["copying_change"] for r in rows if r["kind"] == "induction"]
    assert min(together) > 1
    for row in rows:  # the context is a multiple of the groups, so that their mean is the whole's
        assert len(row["index_changes"]) == in_context.GROUPS
        assert np.mean(row["index_changes"]) == pytest.approx(row["test_change"], abs=1e-5)


def test_random_sets_leave_out_the_induction_heads_and_are_all_different():
    scores = np.linspace(1, 0, 8).reshape(2, 4)
    sets = ablation._sets(scores, np.random.default_rng(0))
    (induction,) = [keep for about, keep in sets if about["kind"] == "induction"]
    random = [keep for about, keep in sets if about["kind"] == "random"]
    assert (induction == 0).sum() == 3 and (induction[0] == 0).sum() == 3
    assert len({keep.tobytes() for keep in random}) == len(random) == ablation.DRAWS
    assert all((keep == 0).sum() == 3 and keep[induction == 0].all() for keep in random)
    few = ablation._sets(scores[:1], np.random.default_rng(0))
    assert sum(about["kind"] == "random" for about, _ in few) == 1


def test_a_model_without_heads_is_at_chance(program, headless, shown, tiled, heldout):
    found = heads.measure(program, headless, *shown)
    chance = prefix_matching.chance(shown[0].shape[1])
    assert found.prefix_matching == pytest.approx(chance, rel=1e-4)
    assert found.copying == pytest.approx(2 / prefix_matching.PERIOD - 1)
    assert found.copying_eigenvalues == pytest.approx(0)
    losses = program.token_losses(headless, tiled)
    measured = copying.measure(losses)
    assert measured["copying_loss"] == pytest.approx(math.log(program.vocabulary_size), rel=1e-4)
    assert measured["copying_gain"] == pytest.approx(0, abs=1e-4)
    assert in_context.score(program.token_losses(headless, heldout)) == pytest.approx(0, abs=1e-4)


def test_an_untrained_model_is_near_chance(program, shown, tiled):
    params = program.init(0).params
    found = heads.measure(program, params, *shown)
    chance = prefix_matching.chance(shown[0].shape[1])
    assert np.abs(found.prefix_matching - chance).max() < 0.05
    assert np.abs(found.copying_eigenvalues).max() < 0.5
    assert abs(copying.measure(program.token_losses(params, tiled))["copying_gain"]) < 0.5
