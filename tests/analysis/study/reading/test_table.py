"""One table, written down in the ways that people write tables, is one table."""

import gzip
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.errors import AnalysisError
from analysis.study.reading import read
from analysis.study.reading.faults import sound

ROWS = [(70e6, 2e9, 3.1255), (130e6, 5e9, 2.9011), (1.3e9, 20e9, 2.3507), (2.8e9, 60e9, 2.1)]


def written(separator=",", form="{:.0f}", loss="{:.4f}", head="params{0}tokens{0}loss", end="\n"):
    lines = [head.format(separator)]
    for params, tokens, value in ROWS:
        cells = (form.format(params), form.format(tokens), loss.format(value))
        lines.append(separator.join(f'"{c}"' if separator in c else c for c in cells))
    return end.join(lines) + end


def comma(text):
    return text.replace(",", "#").replace(".", ",").replace("#", ".")


PLAIN = written()
MARKDOWN = "| params | tokens | loss |\n|---:|:---|---|\n" + "".join(
    f"| {p:.0f} | {t:.0f} | {v} |\n" for p, t, v in ROWS
)
CASES = {
    "commas": PLAIN,
    "semicolons": written(";"),
    "tabs": written("\t"),
    "bars": written("|"),
    "blanks": written(" "),
    "Markdown": MARKDOWN,
    "decimal commas": comma(written("\t")),
    "decimal commas, semicolons": comma(written(";")),
    "decimal commas, quoted": written().replace(",", "\t").replace(".", ",").replace("\t", ";"),
    "thousands": written(form="{:,.0f}"),
    "thousands, points": comma(written(";", form="{:,.0f}")),
    "thousands, blanks": written(";", form="{:_.0f}").replace("_", " "),
    "thousands, apostrophes": written(";", form="{:_.0f}").replace("_", "'"),
    "exponents": written(form="{:.3e}"),
    "Windows": written(end="\r\n"),
    "old Macs": written(end="\r"),
    "a mark": "\ufeff" + PLAIN,
    "blank lines": PLAIN.replace("\n", "\n\n"),
    "empty columns": PLAIN.replace("\n", ",,\n"),
    "empty rows": PLAIN + ",,\n,,\n",
    "sep": "sep=;\n" + written(";"),
    "sep, quoted": '"sep=\t"\n' + written("\t"),
    "quotes": "\n".join(",".join(f'"{c}"' for c in line.split(",")) for line in PLAIN.splitlines()),
    "blanks in the header": written(head=" params {0} tokens{0}loss "),
    "a remark": "# from our cluster\n" + PLAIN,
    "a header as numpy's": "# " + PLAIN,
}


@pytest.mark.parametrize("content", CASES.values(), ids=CASES)
def test_a_table_is_read_however_it_is_written(tmp_path, content):
    (tmp_path / "t.csv").write_text(content, newline="")
    assert_is_the_table(read(tmp_path / "t.csv"))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "cp1252"])
def test_a_table_is_read_in_whatever_letters(tmp_path, encoding):
    content = written(
        "\t", head="params{0}tokens{0}loss" + ("{0}Größe" if encoding == "cp1252" else "")
    )
    (tmp_path / "t.txt").write_bytes(content.encode(encoding))
    found = read(tmp_path / "t.txt")
    assert_is_the_table(found)
    assert any("read as cp1252" in note for note in found.notes) == (encoding == "cp1252")


def test_a_table_is_read_from_files_of_other_kinds(tmp_path):
    table = pd.DataFrame(ROWS, columns=["params", "tokens", "loss"])
    table.to_parquet(tmp_path / "t.parquet")
    table.to_parquet(tmp_path / "parquet.csv")
    table.to_json(tmp_path / "t.jsonl", orient="records", lines=True)
    table.to_json(tmp_path / "array.json", orient="records")
    table.to_json(tmp_path / "columns.json")
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(PLAIN.encode()))
    for path in sorted(tmp_path.iterdir()):
        assert_is_the_table(read(path))


def test_a_table_at_hand_serves_as_a_file_does():
    table = pd.DataFrame(ROWS, columns=["params", "tokens", "loss"])
    assert_is_the_table(read(table))
    assert_is_the_table(read(table.set_index(np.arange(7, 11))))
    assert_is_the_table(read(table.to_dict("list")))
    assert_is_the_table(read(table.rename(columns=" {} ".format)))
    assert_is_the_table(read(table.assign(params=["70M", "130M", "1.3B", "2.8B"])))
    assert_is_the_table(read(table.astype("Float64")))
    with pytest.raises(AnalysisError, match="table: int is none"):
        read(3)


def assert_is_the_table(found):
    for place, name in enumerate(("params", "tokens", "loss")):
        assert found.numbers(name).values == pytest.approx([row[place] for row in ROWS], rel=1e-4)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "empty"),
        (" \n\n", "empty"),
        ("params,loss\n7e7,2,35\n", r"row 1: 3 cells under 2 columns \(7e7 \| 2 \| 35\)"),
        ('params,loss\n"7e7,2.3\n8e7,2.2\n', "a quote is never closed"),
        ("7e7,2.3\n8e7,2.2\n", "no header: its first row is 7e7, 2.3"),
        ("loss,loss\n1,2\n", "two columns are called loss"),
        ('{"loss": 1}\n{"loss": \n', "line 2 is no JSON"),
        ("[1, 2]", "record 1 is no object"),
        ("a\0b,c\n", "no text"),
        ("PK\x03\x04...", "a spreadsheet's own file; save it as CSV"),
    ],
)
def test_what_is_no_table_is_said_in_one_line(tmp_path, content, message):
    (tmp_path / "t.csv").write_text(content)
    with pytest.raises(AnalysisError, match=message) as raised:
        read(tmp_path / "t.csv")
    assert str(raised.value).startswith(str(tmp_path)) and "\n" not in str(raised.value)


def test_names_of_runs_and_truths_are_no_numbers(tmp_path):
    (tmp_path / "t.csv").write_text("run_id,smeared_keys,tokens\n00123,True,5\n1e5,False,6\n")
    table = read(tmp_path / "t.csv").table
    assert table.run_id.tolist() == ["00123", "1e5"] and table.smeared_keys.tolist() == [
        True,
        False,
    ]
    assert table.tokens.dtype == "int64"


CELLS = st.text(alphabet='0123456789.,;|\t" eEkMB%nax\u00a0é', max_size=8)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=6))
def test_no_row_of_a_quoted_table_is_lost(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "fuzzed.csv"
    pd.DataFrame(rows, columns=["params", "tokens", "loss"]).to_csv(path, index=False, quoting=1)
    try:
        found = read(path)
    except AnalysisError as error:
        assert "\n" not in str(error).replace("\\n", "")
        return
    blank = sum(not any(cell.strip() for cell in row) for row in rows)
    rules = sum(all(set(cell.strip()) <= set(":-") for cell in row) for row in rows) - blank
    assert len(found.table) == len(rows) - blank - rules


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=200) | st.text(alphabet='ab1.,;\t\n"{}[]:#|', max_size=80).map(str.encode)
)
def test_any_file_is_read_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(content)
    try:
        assert isinstance(read(path).table, pd.DataFrame)
    except AnalysisError as error:
        assert str(error).startswith(str(path))


BAD = st.sampled_from(["2.5", "3.1", "nan", "inf", "", "n/a", "many", "0", "-1", "diverged"])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(BAD, BAD), min_size=1, max_size=12))
def test_bad_rows_are_left_out_and_all_are_counted(rows):
    reading = read({"params": [a for a, _ in rows], "loss": [b for _, b in rows]})
    cells = {name: list(reading.written[name]) for name in ("params", "loss")}
    numbers = pd.DataFrame({name: reading.numbers(name).values for name in cells})
    kept, said = sound(numbers, cells, ("params", "loss"), "table", drop=True)
    assert (kept > 0).all().all() and not kept.duplicated().any()
    counted = int(said.split()[0].replace(",", "")) if said else 0
    assert len(kept) + counted == len(rows)
    by_cause = said.partition(": ")[2].split("), ") if said else []
    assert sum(int(part.split()[0]) for part in by_cause) == counted
    assert set(kept.index) == {
        row for row in range(len(rows)) if rows[row] not in rows[:row]
    } & set(numbers.index[(numbers > 0).all(axis=1) & np.isfinite(numbers).all(axis=1)])


def test_json_of_any_depth_is_flat(tmp_path):
    records = [{"model": {"params": 7e7}, "loss": 3.1}, {"model": {"params": 1e9}, "loss": 2.1}]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, records)))
    assert read(tmp_path / "t.jsonl").table["model.params"].tolist() == [7e7, 1e9]
