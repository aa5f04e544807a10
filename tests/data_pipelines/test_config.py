import pytest

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
        ({"repeated_fraction": 1.5}, "repeated_fraction: input should be less than or equal to 1"),
        (
            {"repeated_fraction": -0.1},
            "repeated_fraction: input should be greater than or equal to 0",
        ),
        ({"repeated_fraction": 0.5}, "repeats: 0 with repeated_fraction 0.5; give at least 1"),
        (
            {"repeated_fraction": 0.5, "repeats": 10**6},
            "pool smaller than one sequence; at most 3904",
        ),
        ({"repeeats": 3}, "repeeats: unknown key; did you mean repeats?"),
        ({"tokens": "lots"}, "tokens: write a number such as"),
        ({"tokens": -5}, "tokens: "),
        ({"context": 0}, "context: "),
        ({"batch_size": "x"}, "batch_size: write a number such as"),
        ({"vocabulary": "gpt2"}, "vocabulary: "),
        ({"seed": "none"}, "seed: "),
    ],
)
def test_bad_fields_are_named_in_one_line(change, line):
    with pytest.raises(OstinatoError) as error:
        MixtureConfig.parse({"tokens": "1M"} | change, "grid.yaml")
    assert line in str(error.value)
    assert str(error.value).startswith("grid.yaml: ") and "\n" not in str(error.value)
