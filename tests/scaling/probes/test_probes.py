"""Facts that hold of each probe by itself."""

import itertools

import numpy as np
import pytest

from scaling.probes import copying, in_context, passages, sequences
from scaling.probes.heads import prefix_matching, previous_token
from scaling.probes.vectors import vector

LENGTH = 101


def pattern(attends):
    """A pattern [1, 1, L, L] in which position i attends to `attends(i)` alone."""
    weights = np.zeros((1, 1, LENGTH, LENGTH), np.float32)
    for i in range(LENGTH):
        weights[0, 0, i, attends(i)] = 1
    return weights


def test_attention_to_what_followed_the_last_occurrence_matches_every_prefix():
    assert prefix_matching.score(pattern(lambda i: max(0, i - 25 + 1))) == pytest.approx(1)


@pytest.mark.parametrize("attends", [lambda i: max(0, i - 25), lambda i: i, lambda i: 0])
def test_attention_to_the_earlier_token_itself_matches_none(attends):
    assert prefix_matching.score(pattern(attends)) == pytest.approx(0)


def test_even_attention_matches_prefixes_by_chance():
    even = np.tril(np.ones((LENGTH, LENGTH))) / (1 + np.arange(LENGTH))[:, None]
    score = prefix_matching.score(even[None, None].astype(np.float32))
    assert score == pytest.approx(prefix_matching.chance(LENGTH), rel=1e-5)


def test_the_previous_token_score_is_the_share_of_attention_one_back():
    assert previous_token.score(pattern(lambda i: max(0, i - 1))) == pytest.approx(1)
    assert previous_token.score(pattern(lambda i: i)) == pytest.approx(0)


@pytest.mark.parametrize("context", [8, 32, 64, 128, 500, 512, 2048])
def test_the_windows_lie_in_the_context_early_before_late(context):
    early, late = in_context.windows(context)
    assert 0 <= early.start < early.stop <= late.start < late.stop <= context


def test_the_windows_are_around_tokens_50_and_500_where_there_are_so_many():
    early, late = (np.arange(1, 513)[window] for window in in_context.windows(512))
    assert early.mean() == 50
    assert late.mean() == 500


def test_loss_that_falls_with_the_index_scores_below_zero_and_its_curve_falls():
    losses = np.tile(3 - np.arange(256) / 256, (4, 1))
    assert in_context.score(losses) < -0.5
    curve = in_context.curve(losses)
    assert len(curve) == 128
    assert all(a["loss"] > b["loss"] for a, b in itertools.pairwise(curve))
    assert np.mean([row["index"] for row in curve]) == 128.5


@pytest.mark.parametrize(("context", "copies"), [(16, 2), (64, 8), (128, 11), (2048, 11)])
def test_copies_fill_the_context(context, copies):
    assert copying.shape(context)[0] == copies
    common = np.arange(3, 60)
    tokens = copying.random(np.random.default_rng(0), common, 2, context)
    assert tokens.shape == (2, context + 1)
    number, length = copying.shape(context)
    body = tokens[:, 1 : 1 + number * length].reshape(2, number, length)
    assert (body == body[:, :1]).all()
    assert context - number * length < number


def test_the_gain_of_copying_is_the_first_copy_less_the_last():
    copies, length = copying.shape(128)
    losses = np.zeros((3, 128))
    losses[:, :length] = 5
    losses[:, length:] = 1
    measured = copying.measure(losses)
    assert measured["copying_gain"] == 4
    assert measured["copying_loss"] == 1
    assert measured["copying_gain_error"] == 0
    assert [row["copy"] for row in copying.curve(losses, "text")] == list(range(1, copies + 1))


def test_a_name_stands_at_each_of_its_places():
    generator = np.random.default_rng(0)
    heldout = generator.integers(3, 60, (6, 129)).astype(np.uint8)
    made = passages.make(generator, heldout, np.arange(3, 60), 6)
    names = np.take_along_axis(made.tokens[:, 1:], made.places.reshape(6, -1), axis=1).reshape(
        made.places.shape
    )
    assert (names == names[:, :1]).all()
    assert (np.diff(made.places[..., 0], axis=1) > 0).all()
    losses = np.zeros((6, 128))
    np.put_along_axis(losses, made.places[:, 0], np.log(4), axis=1)
    measured = passages.measure(losses, made.places)
    assert measured["name_probability_first"] == pytest.approx(0.25)
    assert measured["name_probability_last"] == 1
    assert measured["name_loss"] == 0


def test_common_tokens_leave_out_the_special_the_most_and_the_least_common():
    counts = {0: 500, 1: 400, 2: 300} | {10 + i: 100 - i for i in range(20)}
    tokens = np.repeat(list(counts), list(counts.values()))
    assert sequences.common_tokens(tokens[None]).tolist() == list(range(12, 28))


def test_a_vector_has_the_same_tokens_for_every_model():
    losses = np.random.default_rng(0).random((5, 32))
    assert (vector(losses * 2) == vector(losses) * 2).all()
    assert all(v in row for v, row in zip(vector(losses), losses, strict=True))
