import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipelines.plan.permutation import Permutation


@settings(deadline=None)
@given(st.integers(1, 3000), st.integers(0, 2**31), st.integers(0, 50))
def test_is_a_bijection(size, seed, tweak):
    images = Permutation(size, (seed,))(np.arange(size), tweak)
    assert np.array_equal(np.sort(images), np.arange(size))


@settings(deadline=None)
@given(st.integers(2, 2**50), st.integers(0, 2**31), st.data())
def test_an_index_alone_gives_what_it_gives_among_others(size, seed, data):
    index = np.array(data.draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=20)))
    permutation = Permutation(size, (seed,))
    together = permutation(index)
    assert together.min() >= 0 and together.max() < size
    assert [int(permutation(np.array(i))) for i in index] == together.tolist()


def test_keys_and_tweaks_choose_unrelated_permutations():
    index = np.arange(10_000)
    base = Permutation(10_000, (1, 0))(index)
    for other in (Permutation(10_000, (1, 1))(index), Permutation(10_000, (1, 0))(index, 1), index):
        assert (other == base).sum() < 10  # one fixed point is expected
        assert abs(np.corrcoef(base, other)[0, 1]) < 0.05


@pytest.mark.slow
@pytest.mark.parametrize("size", [4, 5, 6])
def test_every_place_is_as_likely_for_every_index(size):
    """Chi-square over 6,000 keys: each of the size**2 cells within what chance allows."""
    keys = 6_000
    counts = np.zeros((size, size))
    for key in range(keys):
        counts[np.arange(size), Permutation(size, (key,))(np.arange(size))] += 1
    statistic = ((counts - keys / size) ** 2 / (keys / size)).sum()
    freedom = (size - 1) ** 2
    assert statistic < freedom + 5 * (2 * freedom) ** 0.5
