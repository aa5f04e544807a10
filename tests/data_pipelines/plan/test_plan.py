import resource
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipelines.errors import OstinatoError
from data_pipelines.plan.repeats import Pool, RepeatPlan, _scaled_floor

ORDERS = ("uniform", "epochs", "even", "start", "end")


@st.composite
def plans(draw, orders=ORDERS):
    pools = draw(
        st.lists(
            st.tuples(st.integers(1, 20), st.integers(1, 40)).map(lambda p: Pool(*p)), max_size=3
        )
    )
    repeated = sum(pool.size * pool.repeats for pool in pools)
    total = repeated + draw(st.integers(0 if repeated else 1, 500))
    corpus = total + sum(pool.size for pool in pools) + draw(st.integers(0, 300))
    return RepeatPlan(
        total, corpus, tuple(pools), draw(st.integers(0, 99)), draw(st.sampled_from(orders))
    )


@settings(deadline=None)
@given(plans())
def test_each_pooled_sequence_is_seen_exactly_its_repeats_and_each_unique_one_once(plan):
    slots = plan.at(np.arange(plan.total))
    first = 0
    for number, pool in enumerate(plan.pools):
        here = slots.sequence[slots.pool == number]
        sequences, counts = np.unique(here, return_counts=True)
        assert set(sequences) == set(plan.pool_sequences(number)) and len(sequences) == pool.size
        assert (counts == pool.repeats).all()
        copies = slots.copy[slots.pool == number]
        assert len(set(zip(here, copies, strict=True))) == len(here)
        assert set(copies) == set(range(pool.repeats))
        first += pool.size
    unique = slots.sequence[slots.pool < 0]
    assert len(np.unique(unique)) == len(unique) == plan.total - plan.repeated_slots
    assert not set(unique) & set(slots.sequence[slots.pool >= 0])


@settings(deadline=None)
@given(plans())
def test_unique_slots_hold_what_the_control_sees_there(plan):
    positions = np.arange(plan.total)
    control = RepeatPlan(plan.total, plan.corpus_size, (), plan.seed).at(positions)
    slots = plan.at(positions)
    unique = slots.pool < 0
    assert np.array_equal(slots.sequence[unique], control.sequence[unique])
    assert not set(control.sequence) & set(slots.sequence[~unique])


@settings(deadline=None)
@given(plans(orders=("uniform", "epochs", "even")), st.integers(1, 64))
def test_every_batch_holds_its_share_to_within_one_sequence_a_pool(plan, batch):
    share = plan.repeated_slots / plan.total
    pool = plan.at(np.arange(plan.total)).pool >= 0
    whole = plan.total // batch * batch
    held = pool[:whole].reshape(-1, batch).sum(axis=1)
    slack = 1 if len(plan.pools) == 1 else len(plan.pools) + 1
    assert (np.abs(held - share * batch) < slack + 1e-9).all()


@settings(deadline=None)
@given(plans(), st.data())
def test_any_position_is_the_same_however_it_is_asked_for(plan, data):
    positions = np.array(
        data.draw(st.lists(st.integers(0, plan.total - 1), min_size=1, max_size=30))
    )
    whole = plan.at(np.arange(plan.total))
    for part, all_of_it in zip(plan.at(positions), whole, strict=True):
        assert np.array_equal(part, all_of_it[positions])


@settings(deadline=None)
@given(plans(orders=("epochs", "even")))
def test_epochs_show_the_whole_pool_before_any_of_it_again(plan):
    slots = plan.at(np.arange(plan.total))
    for number, pool in enumerate(plan.pools):
        epochs = slots.sequence[slots.pool == number].reshape(pool.repeats, pool.size)
        assert (np.sort(epochs, axis=1) == np.sort(epochs[0])).all()
        if plan.order == "even":
            assert (epochs == epochs[0]).all()


def test_epochs_are_shuffled_anew():
    slots = RepeatPlan(1000, 2000, (Pool(100, 5),), 0, "epochs").at(np.arange(1000))
    epochs = slots.sequence[slots.pool == 0].reshape(5, 100)
    assert all((epochs[i] != epochs[j]).mean() > 0.9 for i in range(5) for j in range(i))


@pytest.mark.parametrize(("order", "place"), [("start", slice(0, 500)), ("end", slice(500, 1000))])
def test_clustered_orders_put_all_repeats_at_one_end(order, place):
    pool = RepeatPlan(1000, 2000, (Pool(100, 5),), 0, order).at(np.arange(1000)).pool
    assert (pool[place] == 0).all() and (pool == 0).sum() == 500


def test_pools_of_a_seed_are_nested():
    small = RepeatPlan(1000, 5000, (Pool(10, 50),), 7).pool_sequences()
    large = RepeatPlan(2000, 5000, (Pool(500, 2),), 7).pool_sequences()
    assert np.array_equal(large[:10], small)


@settings(deadline=None)
@given(st.integers(0, 2**45), st.integers(1, 2**45), st.integers(0, 2**45))
def test_scaled_floor_is_exact(value, denominator, numerator):
    value, numerator = value % (denominator + 1), numerator % (denominator + 1)
    got = _scaled_floor(np.array([value]), numerator, denominator)
    assert int(got[0]) == value * numerator // denominator


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10**11 - 65), st.integers(1, 10_000))
def test_a_plan_of_1e13_tokens_keeps_its_promises_anywhere(position, repeats):
    total = 10**11  # sequences of about 100 tokens
    plan = RepeatPlan(total, 2 * total, (Pool(total // 2 // repeats, repeats),), 3)
    slots = plan.at(position + np.arange(64))
    assert abs((slots.pool >= 0).sum() - 64 * plan.repeated_slots / total) <= 1
    assert (slots.copy < repeats).all()
    assert (slots.sequence < plan.corpus_size).all() and (slots.sequence >= 0).all()


def test_a_jump_far_ahead_costs_no_memory_and_no_replay():
    plan = RepeatPlan(64 * 10**10, 2 * 64 * 10**10, (Pool(10**6, 10**4),), 0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    plan.at(64 * 10**9 + np.arange(64))
    assert time.perf_counter() - start < 1  # a replay would take days
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024


def test_a_budget_over_the_corpus_is_refused_with_both_numbers():
    with pytest.raises(
        OstinatoError, match=r"need 1010 distinct sequences, and the corpus has 1009"
    ):
        RepeatPlan(1000, 1009, (Pool(10, 50),), 0)
