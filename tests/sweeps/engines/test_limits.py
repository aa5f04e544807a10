"""Time and memory: what people write, what Slurm is told, what is said of it."""

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeps.engines.limits import in_words, memory, seconds_of, time_limit


@pytest.mark.parametrize(
    ("written", "slurms", "words"),
    [
        ("4:00", "00:04:00", "4 minutes"),  # not hours
        ("4:00:00", "04:00:00", "4 hours"),
        ("90", "01:30:00", "1 hour 30 minutes"),
        ("2-4", "2-04:00:00", "2 days 4 hours"),
        ("2-4:30", "2-04:30:00", "2 days 4 hours 30 minutes"),
        ("4h", "04:00:00", "4 hours"),
        ("90 min", "01:30:00", "1 hour 30 minutes"),
        ("1d12H", "1-12:00:00", "1 day 12 hours"),
        ("1.5 hours", "01:30:00", "1 hour 30 minutes"),
    ],
)
def test_a_time_is_kept_so_that_nobody_can_misread_it(written, slurms, words):
    assert time_limit(written) == slurms and in_words(slurms) == words


@pytest.mark.parametrize("written", ["soon", "", "-4", "4h30", "1:2:3:4", "9" * 99, "4:00h"])
def test_a_time_that_is_none_is_answered_with_examples(written):
    with pytest.raises(ValueError, match=re.escape("write 4h, 90min or 1d12h, or as Slurm does")):
        time_limit(written)


@given(st.integers(1, 10**8))
def test_every_time_means_again_what_it_meant(seconds):
    limit = time_limit(f"{seconds}s")
    assert seconds_of(limit) == seconds and time_limit(limit) == limit


@pytest.mark.parametrize(
    ("written", "slurms"),
    [("16GB", "16G"), ("16g", "16G"), ("16 GiB", "16G"), ("16384", "16384M"), ("1.5G", "1536M")],
)
def test_memory_is_what_slurm_takes(written, slurms):
    assert memory(written) == slurms and memory(slurms) == slurms


def test_memory_that_is_none_or_far_too_small_is_answered_with_examples():
    with pytest.raises(ValueError, match="write 16G, 16GB or 500M"):
        memory("lots")
    with pytest.raises(ValueError, match="a number alone is megabytes, and a worker needs more"):
        memory("16")


@given(st.one_of(st.text(max_size=10), st.text("0123456789.:- dhmskgtib", max_size=14)))
def test_any_text_is_understood_or_refused(text):
    for read in (time_limit, memory):
        with suppress(ValueError):
            assert read(read(text)) == read(text)
