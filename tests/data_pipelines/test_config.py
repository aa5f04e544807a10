import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipelines.config import MixtureConfig, parse_count
from data_pipelines.errors import OstinatoError


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("4.1M", 4_100_000),
        ("1e3", 1000),
        ("20k", 20_000),
        ("100B", 10**11),
        (1e6, 10**6),
        ("1_000", 1000),
    ],
)
def test_counts_are_read_as_people_write_them(written, meant):
    assert parse_count(written) == meant


def test_tokens_are_rounded_to_whole_batches():
    assert MixtureConfig(tokens="4.1M").tokens == 500 * 64 * 128


def test_equal_runs_have_equal_configs():
    assert MixtureConfig(tokens="1M", repeats=50) == MixtureConfig(tokens=999_424)


def test_the_pool_is_fraction_times_tokens_over_repeats():
    config = MixtureConfig(tokens="4.1M", repeated_fraction=0.5, repeats=410)
    assert config.pool_size == round(0.5 * 32_000 / 410) == 39
    assert config.pool_tokens == 39 * 128
    assert config.realised_fraction == 39 * 410 / 32_000


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"repeated_fraction": 1.5}, "repeated_fraction: give 1 or less (given: 1.5)"),
        ({"repeated_fraction": -0.1}, "repeated_fraction: give 0 or more (given: -0.1)"),
        ({"repeated_fraction": "half"}, "repeated_fraction: give a number (given: 'half')"),
        (
            {"repeated_fraction": 0.5, "repeats": 2, "order": "sorted"},
            "order: give 'uniform', 'epochs', 'even', 'start' or 'end' (given: 'sorted')",
        ),
        ({"corpus": 3}, "corpus: give text (given: 3)"),
        ({"pools": "all"}, "pools: give a list (given: 'all')"),
        ({"pools": [3]}, "pools.0: give keys with values (given: 3)"),
        ({"tokens": True}, "tokens: write a number such as 4096000, 4.1e6 or 4.1M (given: True)"),
        (
            {"tokens": float("inf")},
            "tokens: write a number such as 4096000, 4.1e6 or 4.1M (given: inf)",
        ),
        (
            {"tokens": "1.2.3"},
            "tokens: write a number such as 4096000, 4.1e6 or 4.1M (given: '1.2.3')",
        ),
        ({"seed": 2**31}, "seed: give less than 2147483648 "),
        ({"repeated_fraction": 0.5}, "repeats: 0 with repeated_fraction 0.5; give at least 1"),
        (
            {"repeated_fraction": 0.5, "repeats": 10**6},
            "pool smaller than one sequence; at most 3904",
        ),
        ({"repeeats": 3}, "repeeats: unknown key; did you mean repeats?"),
        ({"tokens": "lots"}, "tokens: write a number such as"),
        ({"tokens": -5}, "tokens: give 1 or more (given: -5)"),
        ({"context": 0}, "context: give 1 or more (given: 0)"),
        ({"batch_size": "x"}, "batch_size: write a number such as"),
        ({"vocabulary": "gpt2"}, "vocabulary: give what matches ^(bytes|"),
        ({"seed": "none"}, "seed: give a whole number (given: 'none')"),
    ],
)
def test_bad_fields_are_named_in_one_line(change, line):
    with pytest.raises(OstinatoError) as error:
        MixtureConfig.parse({"tokens": "1M"} | change, "grid.yaml")
    assert line in str(error.value)
    assert str(error.value).startswith("grid.yaml: ") and "\n" not in str(error.value)


HISTOGRAM = [
    {"fraction": 0.05, "repeats": 2},
    {"fraction": 0.03, "repeats": 10},
    {"fraction": 0.02, "repeats": 300},
]


def test_several_pools_are_one_fraction_and_the_mean_of_their_repeats():
    config = MixtureConfig(tokens="4.1M", pools=HISTOGRAM)
    assert config.repeated_fraction == pytest.approx(0.1)
    assert config.repeats == round(0.1 / (0.05 / 2 + 0.03 / 10 + 0.02 / 300))
    assert config.pool_shapes == ((800, 2), (96, 10), (2, 300))
    assert config.realised_fraction == (1600 + 960 + 600) / 32_000


def test_a_single_pool_in_a_list_is_that_pool():
    listed = MixtureConfig(tokens="1M", pools=[{"fraction": 0.5, "repeats": 10}])
    assert listed == MixtureConfig(tokens="1M", repeated_fraction=0.5, repeats=10)


def test_a_control_has_no_pools_whatever_was_listed():
    assert MixtureConfig(tokens="1M", pools=[]) == MixtureConfig(tokens="1M")


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.001, 0.1), st.integers(1, 500)), min_size=1, max_size=9),
    st.integers(500, 10**6),
)
def test_hamilton_rounding_gives_each_pool_its_whole_part_or_one_more(pools, total):
    shares = [{"fraction": f, "repeats": e} for f, e in pools]
    try:
        config = MixtureConfig(context=1, batch_size=1, tokens=total, pools=shares)
    except ValueError as error:
        assert "smaller than one sequence" in str(error)
        return
    exact = sum(f for f, _ in pools)
    assert abs(config.realised_fraction - exact) * total <= max(e for _, e in pools)
    assert config.pool_size <= sum(int(f * total / e) + 1 for f, e in pools)
    assert config.pool_size >= sum(int(f * total / e) for f, e in pools)


def test_pools_over_the_whole_budget_are_refused():
    with pytest.raises(OstinatoError, match=r"pools: their fractions add up to 1\.2, over 1"):
        MixtureConfig.parse(
            {"tokens": "1M", "pools": [{"fraction": 0.6, "repeats": r} for r in (2, 3)]}
        )
