"""Files are whole, and tables safe to open."""

import json
import math

import pandas as pd
import pytest

from analysis.files import jsonable, spreadsheet_safe, write_csv, write_text


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", '=HYPERLINK("x")'])
def test_text_that_a_spreadsheet_would_run_is_defused(tmp_path, text):
    path = write_csv(tmp_path / "t.csv", pd.DataFrame({text: [text], "x": [-1.5]}))
    back = pd.read_csv(path)
    assert back.columns[0] == f"'{text}" and back.iloc[0, 0] == f"'{text}"
    assert back.x[0] == -1.5


def test_harmless_text_is_left_alone():
    table = pd.DataFrame({"name": ["f = 0.5", None], "loss": [1.0, 2.0]})
    pd.testing.assert_frame_equal(spreadsheet_safe(table), table)


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = write_text(tmp_path / "a.txt", "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "\udcff")
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_what_is_not_finite_becomes_null():
    assert json.dumps(jsonable({"a": [math.nan, math.inf, 1.0]})) == '{"a": [null, null, 1.0]}'
