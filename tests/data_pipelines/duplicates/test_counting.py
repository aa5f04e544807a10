"""Windows and their counts: equal hashes for equal stretches, exact counts in bounded memory."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipelines.duplicates.counting import Tally, windows

TOKENS = st.lists(st.integers(0, 2), min_size=1, max_size=40).map(np.array)


@settings(deadline=None)
@given(TOKENS, TOKENS, st.integers(1, 10))
def test_hashes_are_equal_where_the_stretches_are(one, other, length):
    stretches, hashes = [], []
    for tokens in (one, other):
        size = min(length, len(tokens))
        stretches += [tuple(tokens[i : i + size]) for i in range(len(tokens) - size + 1)]
        hashes += windows(tokens, length).hashes.tolist()
    assert len(hashes) == len(stretches)
    assert len(set(hashes)) == len(set(stretches)) == len(set(zip(hashes, stretches, strict=True)))


@settings(deadline=None)
@given(TOKENS, st.integers(1, 10))
def test_windows_stand_for_every_token_once(tokens, length):
    assert windows(tokens, length).tokens.sum() == len(tokens)


def test_a_document_of_any_length_is_hashed_as_its_parts_are():
    tokens = np.random.default_rng(0).integers(256, size=2**20 + 5000)
    whole = windows(tokens, 100).hashes
    for start in (0, 1000, 2**20 - 500, 2**20 + 10):
        part = windows(tokens[start : start + 1500], 100).hashes
        assert (whole[start : start + len(part)] == part).all()


def tally(values, capacity, step=1000):
    hashes = windows(values, 1).hashes
    counts = Tally(capacity)
    for start in range(0, len(values), 1000)[:: step // 1000]:
        part = hashes[start : start + 1000]
        counts.add(part, np.full(len(part), 2), np.arange(start, start + len(part)))
    return counts.counted()


@pytest.mark.parametrize("capacity", [10_000, 100])
def test_parts_may_come_in_any_order(capacity):
    values = np.random.default_rng(1).zipf(1.3, 20_000) % 5000
    forwards, backwards = (tally(values, capacity, step) for step in (1000, -1000))
    for one, other in zip(forwards, backwards, strict=True):
        np.testing.assert_array_equal(one, other)


def test_counts_are_exact_where_memory_suffices():
    values = np.random.default_rng(1).zipf(1.3, 20_000) % 5000
    counted = tally(values, 10_000)
    expected, first = Counter(values.tolist()), {}
    for place, value in enumerate(values.tolist()):
        first.setdefault(value, place)
    assert counted.share == 1
    found = {
        p: (r, t) for p, r, t in zip(counted.place, counted.repeats, counted.tokens, strict=True)
    }
    assert found == {first[v]: (count, 2 * count) for v, count in expected.items()}


def test_a_sample_keeps_all_occurrences_of_what_it_keeps_and_a_known_share():
    values = np.random.default_rng(2).integers(50_000, size=200_000)
    counted = tally(values, 4000)
    assert len(counted.repeats) <= 4000
    expected = Counter(values.tolist())
    assert all(
        expected[int(values[place])] == repeats
        for place, repeats in zip(counted.place, counted.repeats, strict=True)
    )
    assert len(counted.repeats) / counted.share == pytest.approx(len(expected), rel=0.1)
    assert counted.repeats.mean() == pytest.approx(4, rel=0.05)
