"""Numbers as people write them, and what is refused rather than guessed."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.errors import AnalysisError
from analysis.study.reading.numbers import number, parse, size


def read(*cells, **told):
    return parse("column", pd.Series(list(cells), dtype="str"), **told)


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (("1.3B", "70M", "20k", "0.5T"), (1.3e9, 70e6, 20e3, 0.5e12)),
        (("2.8 bn", "3 million", "7 Mio"), (2.8e9, 3e6, 7e6)),
        (("20B tokens", "70M params", "3e9"), (20e9, 70e6, 3e9)),
        (("3x10^9", "7×10⁷", "10^9"), (3e9, 7e7, 1e9)),
        (("1,234,567", "2,000"), (1234567, 2000)),
        (("1.234.567", "2.000"), (1234567, 2000)),
        (("1 234 567", "2 000,5"), (1234567, 2000.5)),
        (("1'234'567", "2’000"), (1234567, 2000)),
        (("1\u202f234", "5\u00a0000\u00a0000"), (1234, 5e6)),
        (("1_000_000", "12"), (1e6, 12)),
        (("12,34,567", "1,23,45,678"), (1234567, 12345678)),
        (("2,35", "3,111"), (2.35, 3.111)),
        (("1.234,5", "0,1"), (1234.5, 0.1)),
        (("1,234.5", "2,345"), (1234.5, 2345)),
        (("12 %", "0.5%"), (0.12, 0.005)),
        (("12,5 per cent",), (0.125,)),
        (('="70000000"', "'5"), (70e6, 5)),
        (("−2.5", "+3"), (-2.5, 3)),
    ],
)
def test_numbers_are_read_as_they_are_meant(cells, values):
    found = read(*cells)
    assert found.values == pytest.approx(values, rel=1e-15) and not found.bad.any()


def test_units_keep_every_digit():
    assert read("2.8B", "1.3B", "4.7M").values.tolist() == [2.8e9, 1.3e9, 4.7e6]


@pytest.mark.parametrize("mark", [",", "."])
def test_one_mark_before_three_digits_is_told_by_its_column_or_its_table(mark):
    assert read("1,234", "2,5").values[0] == 1.234
    assert read("1,234", "2,345,678").values[0] == 1234
    found = read("1,234", decimal=mark)
    assert found.values[0] == (1.234 if mark == "," else 1234)
    assert "as other columns show" in found.said


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (("1,234", "2,345"), r"'1,234' can be 1\.234 or 1234"),
        (("1.5", "2,5"), "a decimal point and '2,5' a decimal comma"),
        (("1,234,567", "2,5"), "decimal comma in one column"),
        (("12%", "0.3"), "some cells are in per cent"),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(cells, message):
    with pytest.raises(AnalysisError, match=message):
        read(*cells)


def test_a_mark_that_is_told_must_be_the_columns():
    with pytest.raises(AnalysisError, match=r"'2\.5' is not written with a decimal comma"):
        read("2.5", decimal=",", given=True)


def test_missing_and_diverged_cells_are_no_text():
    found = read("n/a", "", "nan", "inf", "diverged", "many", "1.2.3", None)
    assert np.isnan(found.values).all()
    assert found.bad.tolist() == [False] * 5 + [True, True, False]


@pytest.mark.parametrize(
    ("unit", "factor"),
    [("M", 1e6), ("in billions", 1e9), ("1e9", 1e9), ("PF-days", 8.64e19), ("metres", None)],
)
def test_a_headers_unit_is_a_factor(unit, factor):
    assert size(unit) == factor


def test_one_number_by_itself():
    assert number("13B") == 13e9 and number("5e12") == 5e12
    assert np.isnan(number("big")) and np.isnan(number("1,5"))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(alphabet="0123456789.,' eE+-%kMB_nax×^\u00a0", max_size=12), max_size=6))
def test_any_text_is_a_number_or_bad_or_refused(cells):
    try:
        found = read(*cells)
    except AnalysisError as error:
        assert "\n" not in str(error)
        return
    assert len(found.values) == len(found.bad) == len(cells)
    assert np.isnan(found.values[found.bad]).all()


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.floats(1e-3, 1e15), min_size=2, max_size=5),
    st.sampled_from([(",", "."), (".", ","), (" ", ","), (" ", "."), ("'", "."), ("", ",")]),
)
def test_grouped_numbers_come_back(values, marks):
    group, decimal = marks
    told = [f"{value:,.4f}".replace(",", "g").replace(".", "d") for value in values]
    cells = [cell.replace("g", group).replace("d", decimal) for cell in told]
    assert read(*cells).values == pytest.approx([float(f"{v:.4f}") for v in values])
