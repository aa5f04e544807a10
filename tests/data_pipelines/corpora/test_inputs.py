"""Corpora as they lie about: every kind of file as people have them, whole, packed, marked and broken.

Whatever is read, every record is a document or is left out for a cause that is counted, and what
cannot be read is one line that names the file. All in one module, however long, as all its cases are
written by the same few generators.
"""

import bz2
import csv
import gzip
import io
import json
import lzma
import random
from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from data_pipelines.config import Reading
from data_pipelines.corpora import corpus_digest, prepare_corpus
from data_pipelines.corpora.directory import SUFFIXES, Bad, TextDirectory, lines, read_records
from data_pipelines.errors import OstinatoError

TEXTS = ['One, with an é and\na "second" line.', "Two; 漢字 \U0001f600", "  Three\t|", "x" * 3000]
SKIP = Reading(on_bad_record="skip")


def zstd(data: bytes) -> bytes:
    packed = pa.BufferOutputStream()
    with pa.CompressedOutputStream(packed, "zstd") as stream:
        stream.write(data)
    return packed.getvalue().to_pybytes()


PACK = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstd,
}


def parquet(column, **others) -> bytes:
    data = pa.BufferOutputStream()
    pq.write_table(pa.table({"text": column} | others), data)
    return data.getvalue().to_pybytes()


def json_lines(texts, end="\n", name="text") -> bytes:
    return "".join(json.dumps({"id": 1, name: text}) + end for text in texts).encode()


def comma_separated(texts, name="text", **dialect) -> bytes:
    file = io.StringIO(newline="")
    writer = csv.writer(file, **dialect)
    writer.writerows([["id", name], *([n, text] for n, text in enumerate(texts))])
    return file.getvalue().encode()


WAYS = {
    ".jsonl": json_lines,
    ".ndjson": json_lines,
    ".json": lambda texts: json.dumps([{"text": text} for text in texts]).encode(),
    ".csv": comma_separated,
    ".parquet": lambda texts: parquet(pa.array(texts, pa.string())),
}


def read(tmp_path, name, data, reading=Reading()):  # noqa: B008 - frozen
    """The documents of a directory that holds one file."""
    (tmp_path / name).write_bytes(data)
    return [document.text for document in TextDirectory(tmp_path, reading)]


def refused(tmp_path, name, data, reading=Reading()) -> str:  # noqa: B008
    with pytest.raises(OstinatoError) as caught:
        read(tmp_path, name, data, reading)
    line = str(caught.value)
    assert line.startswith(f"corpus: {tmp_path}") and line.isprintable()
    return line


# Kinds of files, packed and marked in every way.


@pytest.mark.parametrize("packing", PACK)
@pytest.mark.parametrize("kind", WAYS)
def test_every_kind_in_every_packing_holds_the_same_documents(kind, packing, tmp_path):
    name = f"a{kind}{packing}"
    assert name.endswith(SUFFIXES)
    assert read(tmp_path, name, PACK[packing](WAYS[kind](TEXTS))) == TEXTS
    (tmp_path / name).rename(tmp_path / name.upper())
    assert [document.text for document in TextDirectory(tmp_path)] == TEXTS


@pytest.mark.parametrize("packing", PACK)
def test_a_text_file_is_a_document_in_every_packing(packing, tmp_path):
    assert read(tmp_path, f"a.txt{packing}", PACK[packing](TEXTS[0].encode())) == TEXTS[:1]


@pytest.mark.parametrize("packing", [packing for packing in PACK if packing])
@pytest.mark.parametrize("parts", [2, 3, 7])
def test_files_of_several_members_are_read_to_the_end(packing, parts, tmp_path):
    members = [
        PACK[packing](json_lines([f"{text} {part}"])) for part in range(parts) for text in "ab"
    ]
    found = read(tmp_path, f"a.jsonl{packing}", b"".join(members))
    assert found == [f"{text} {part}" for part in range(parts) for text in "ab"]


@pytest.mark.parametrize("packing", [packing for packing in PACK if packing])
@pytest.mark.parametrize(
    "damage", [lambda d: d[: len(d) // 2], lambda d: b"no such thing", lambda d: d + b"garbage!"]
)
@pytest.mark.parametrize("kind", [".jsonl", ".csv", ".parquet"])
def test_a_damaged_packing_is_refused_even_where_bad_records_are_not(
    kind, packing, damage, tmp_path
):
    text = " ".join(map(str, range(5000)))
    data = damage(PACK[packing](WAYS[kind]([text])))
    for reading in (Reading(), SKIP):
        line = refused(tmp_path, f"a{kind}{packing}", data, reading)
        assert f"a{kind}{packing} cannot be read (" in line


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("blank", ["none", "last", "between", "first"])
@pytest.mark.parametrize("kind", [".jsonl", ".json", ".csv"])
def test_marks_ends_of_lines_and_blank_lines_change_nothing(kind, blank, end, mark, tmp_path):
    texts = ["one", "two é", "three"]
    rows = (json_lines if kind != ".csv" else comma_separated)(texts).splitlines()
    rows = {
        "none": rows,
        "last": [*rows, b"", b" "],
        "between": [row for r in rows for row in (r, b"")],
        "first": [b"", *rows],
    }[blank]
    if kind == ".csv":
        rows = [row for row in rows if row != b" "]
    assert read(tmp_path, f"a{kind}", mark + end.join(rows) + end) == texts
    assert read(tmp_path, f"a{kind}", mark + end.join(rows)) == texts


def test_a_mark_is_no_part_of_a_text(tmp_path):
    assert read(tmp_path, "a.txt", b"\xef\xbb\xbfText\r\n") == ["Text\r\n"]


@pytest.mark.parametrize(
    "write",
    [
        lambda records: json.dumps(records),
        lambda records: json.dumps(records, indent=2),
        lambda records: "[\n" + ",\n".join(map(json.dumps, records)) + "\n]\n",
        lambda records: "\n".join(json.dumps(record, indent=1) for record in records),
        lambda records: json.dumps(records, ensure_ascii=False),
    ],
)
@pytest.mark.parametrize("block", [7, 64, 2**20])
def test_json_is_read_however_it_is_laid_out(write, block, tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "_AT_ONCE", block)
    records = [{"id": 12345, "text": text, "more": [1, {"text": "no"}]} for text in TEXTS]
    for mark in ("", "\ufeff"):
        assert read(tmp_path, "a.json", (mark + write(records)).encode()) == TEXTS
    (tmp_path / "b.json").write_bytes(b" [ ] \n")
    assert [*read_records(tmp_path / "b.json")] == []


@pytest.mark.parametrize(
    "broken",
    [
        '[{"text": "a"}, {"text": "b"',
        '[{"text": "a"} {"text": "b"}]',
        '[{"text": "a"}, {"text": }, {"text": "c"}]',
        '[{"text": "a"}] {"text": "b"}',
        '[{"text": "a"},',
        '[{"text": "a"}, nul',
        '{"text":\n "a"}\n{"text"\n: ',
        "[" * 100_000,
        "[" + "1" * 5000 + "]",
    ],
)
def test_a_broken_array_is_refused_as_a_whole(broken, tmp_path):
    for reading in (Reading(), SKIP):
        line = refused(tmp_path, "a.json", broken.encode(), reading)
        assert "a.json is broken JSON (" in line and "write a record a line" in line


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_ALL, csv.QUOTE_MINIMAL])
def test_tables_of_text_are_read_with_their_own_delimiter(delimiter, quoting, tmp_path):
    data = comma_separated(TEXTS, delimiter=delimiter, quoting=quoting)
    assert read(tmp_path, "a.csv", data) == TEXTS


@pytest.mark.parametrize("head", ["text,more\n", "\n \ntext,more\n", 'text,"more\nand more"\n'])
def test_a_head_may_stand_below_blank_lines_or_on_several(head, tmp_path):
    assert read(tmp_path, "a.csv", (head + "a,1\nb,2\n").encode()) == ["a", "b"]
    line = refused(tmp_path, "a.csv", (head + "a,1\nb,2,3\n").encode())
    assert f"a.csv line {head.count(chr(10)) + 2} has 3 cells" in line


def test_cells_longer_than_the_library_s_limit_are_read(tmp_path):
    assert read(tmp_path, "a.csv", comma_separated(["long " * 10**5])) == ["long " * 10**5]


@pytest.mark.parametrize(
    "data", [b'id,text\n1,"no end\n2,b\n', b'id,text\n1,"a" b\n2,c\n', b'id,text\n1,a\n2,"c""\n']
)
def test_a_table_with_a_quote_out_of_place_is_refused_as_a_whole(data, tmp_path):
    for reading in (Reading(), SKIP):
        assert "is broken CSV (" in refused(tmp_path, "a.csv", data, reading)


KINDS_OF_STRINGS = [
    pa.string(),
    pa.large_string(),
    pa.string_view(),
    pa.binary(),
    pa.dictionary(pa.int32(), pa.string()),
    pa.dictionary(pa.int8(), pa.large_string()),
]


@pytest.mark.parametrize("kind", KINDS_OF_STRINGS, ids=str)
def test_every_kind_of_string_in_parquet_is_text(kind, tmp_path):
    values = [text.encode() for text in TEXTS] if kind == pa.binary() else TEXTS
    column = pa.array(TEXTS).cast(kind) if pa.types.is_dictionary(kind) else pa.array(values, kind)
    assert read(tmp_path, "a.parquet", parquet(column)) == TEXTS


@pytest.mark.parametrize(
    "kind", [pa.int64(), pa.list_(pa.field("element", pa.int8())), pa.bool_()], ids=str
)
def test_a_column_that_is_no_text_is_named_with_its_type(kind, tmp_path):
    data = parquet(pa.array([], kind), body=pa.array([], pa.string()))
    line = refused(tmp_path, "a.parquet", data, SKIP)
    assert f"column 'text' holds {kind}, not strings; name another with text_field" in line
    assert "text, body" in line


WORDS = [text.split() for text in TEXTS]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.parquet", parquet(pa.array(WORDS))),
        ("a.parquet", parquet(pa.array(WORDS, pa.large_list(pa.large_string())))),
        ("a.jsonl", json_lines(WORDS)),
        ("a.json", json.dumps([{"text": words} for words in WORDS]).encode()),
    ],
)
def test_lists_of_strings_are_joined_only_when_that_is_asked_for(name, data, tmp_path):
    line = refused(tmp_path, name, data)
    assert "lists of strings" in line or "a list of strings in 'text'" in line
    assert "join_lists: ' ' (--join-lists ' ')" in line
    for between in (" ", "", "\n\n"):
        found = read(tmp_path, name, data, Reading(join_lists=between))
        assert found == [between.join(words) for words in WORDS]


@pytest.mark.parametrize("kind", [".txt", ".jsonl", ".parquet"])
def test_hidden_files_and_links_are_files_and_loops_have_an_end(kind, tmp_path):
    data = WAYS[kind](["hidden"]) if kind in WAYS else b"hidden"
    (tmp_path / "outside").mkdir()
    (tmp_path / "text" / ".deeper").mkdir(parents=True)
    (tmp_path / "text" / ".deeper" / f".hidden{kind}").write_bytes(data)
    (tmp_path / "outside" / f"linked{kind}").write_bytes(data.replace(b"hidden", b"linked"))
    (tmp_path / "text" / f"link{kind}").symlink_to(tmp_path / "outside" / f"linked{kind}")
    (tmp_path / "text" / "loop").symlink_to(tmp_path / "text")
    (tmp_path / "text" / "elsewhere").symlink_to(tmp_path / "outside")
    (tmp_path / "text" / f"nowhere{kind}").symlink_to(tmp_path / "none")
    found = [document.text for document in TextDirectory(tmp_path / "text")]
    assert len(found) == 2 and found[0] == "hidden"


# Which field.


@pytest.mark.parametrize("field", ["content", "document.text", "a.b.c", "größe"])
@pytest.mark.parametrize("kind", [".jsonl", ".json", ".parquet", ".csv"])
@pytest.mark.parametrize("nested", [False, True])
def test_a_field_is_named_as_it_is_written_nested_or_not(field, kind, nested, tmp_path):
    first, *parts = field.split(".") if nested and kind != ".csv" else [field]
    records = [{"id": 1, first: _within(parts, text)} for text in TEXTS]
    data = {
        ".jsonl": lambda: "".join(json.dumps(record) + "\n" for record in records).encode(),
        ".json": lambda: json.dumps(records).encode(),
        ".csv": lambda: comma_separated(TEXTS, name=field),
        ".parquet": lambda: _table(records),
    }[kind]()
    assert read(tmp_path, f"a{kind}", data, Reading(text_field=field)) == TEXTS
    line = refused(tmp_path, f"a{kind}", data)
    assert f" 'text' but {'id, ' if kind != '.parquet' else ''}" in line and field in line
    assert "text_field (--text-field" in line


def _within(parts, text):
    for part in reversed(parts):
        text = {part: text}
    return text


def _table(records) -> bytes:
    data = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(records), data)
    return data.getvalue().to_pybytes()


@pytest.mark.parametrize("record", ["[1]", '"text"', "3", "null"])
def test_a_line_that_is_no_object_is_named(record, tmp_path):
    line = refused(tmp_path, "a.jsonl", record.encode())
    assert "line 1 is " in line and "not an object with 'text'" in line


def test_null_within_a_nested_field_is_null(tmp_path):
    data = b'{"document": null}\n{"document": {"text": null}}\n{"document": {"text": "a"}}\n'
    reading = Reading("document.text", "skip")
    assert read(tmp_path, "a.jsonl", data, reading) == ["a"]
    text = TextDirectory(tmp_path, reading)
    assert [*text] and text.left_out == {"null": 2}


# Bad records.

BAD_LINES = {
    "broken JSON": [
        b'{"text": "broken',
        b"nonsense",
        b"{'text': 'a'}",
        b"[" * 10**5,
        b'{"text": 1',
    ],
    "null": [b'{"text": null}'],
    "not a string": [b'{"text": 3}', b'{"text": {"a": "b"}}', b'{"text": [1]}', b'{"text": true}'],
    "lone surrogate": [b'{"text": "a \\ud800"}', b'{"text": "\\udc00 b"}', b'{"text":"\\udfff"}'],
    "undecodable bytes": [b'{"text": "caf\xe9"}', b"\xff\xfe{\0", b'{"text": "\xed\xa0\x80"}'],
    "no such field": [b'{"body": "a"}', b"[]", b'"text"', b"{}"],
    "empty": [b'{"text": ""}'],
    "list of strings": [b'{"text": ["a", "b"]}', b'{"text": []}'],
}


@pytest.mark.parametrize(
    ("cause", "line"),
    [(cause, line) for cause, all_lines in BAD_LINES.items() for line in all_lines],
)
def test_a_bad_line_is_refused_with_its_place_or_left_out_and_counted(cause, line, tmp_path):
    data = b"\n".join([b'{"text": "a"}', b"", line, b'{"text": "b"}'])
    assert read(tmp_path, "a.jsonl", data, SKIP) == ["a", "b"]
    text = TextDirectory(tmp_path, SKIP)
    assert [*text] and text.left_out == {cause: 1} and text.read == 3
    if cause == "empty":
        assert read(tmp_path, "a.jsonl", data) == ["a", "b"]
    else:
        said = refused(tmp_path, "a.jsonl", data)
        assert f"{tmp_path}/a.jsonl line 3 " in said
        assert "on_bad_record: skip (--on-bad-record skip)" in said


BAD_ROWS = {"null": None, "empty": "", "undecodable bytes": b"caf\xe9", "lone surrogate": b"\xed"}


@pytest.mark.parametrize("kind", ["string", "binary"])
def test_bad_rows_of_parquet_have_the_same_rule(kind, tmp_path):
    values = [b"a", None, b"caf\xe9", b"", b"b", None]
    column = pa.array(values, pa.binary())
    if kind == "string":  # whose bytes nobody has checked
        column = pa.Array.from_buffers(pa.string(), len(column), column.buffers(), 2)
    data = parquet(column)
    assert read(tmp_path, "a.parquet", data, SKIP) == ["a", "b"]
    text = TextDirectory(tmp_path, SKIP)
    assert [*text] and text.left_out == {"null": 2, "undecodable bytes": 1, "empty": 1}
    line = refused(tmp_path, "a.parquet", data)
    assert "row 2 has null in 'text', row 3 is not UTF-8 (byte 3), row 6 has null" in line


def test_bad_rows_of_csv_have_the_same_rule(tmp_path):
    data = b'id,text\n1,a\n2,b, unquoted\n3\n4,caf\xe9\n5,\n\n6,"c\nd"\n7,e,f\n'
    assert read(tmp_path, "a.csv", data, SKIP) == ["a", "c\nd"]
    text = TextDirectory(tmp_path, SKIP)
    assert [*text] and text.read == 7
    assert text.left_out == {"ragged row": 3, "undecodable bytes": 1, "empty": 1}
    line = refused(tmp_path, "a.csv", data)
    assert "line 3 has 3 cells, the header 2" in line and "line 5 is not UTF-8" in line
    assert "line 10 has 3 cells" in line


@pytest.mark.parametrize("data", [b"caf\xe9", b"\xff\xfea\0", b"\0\xd8"])
def test_a_text_file_that_is_not_utf8_is_a_bad_record(data, tmp_path):
    (tmp_path / "b.txt").write_text("good")
    assert read(tmp_path, "a.txt", data, SKIP) == ["good"]
    assert "a.txt is " in (line := refused(tmp_path, "a.txt", data)) and "not UTF-8" in line
    assert ("UTF-16" in line) == data.startswith(b"\xff\xfe")


def test_many_bad_records_are_named_up_to_five(tmp_path):
    data = b"\n".join([b'{"text": "a"}', b'{"text": null}'] * 20)
    line = refused(tmp_path, "a.jsonl", data)
    assert [f"line {2 * n} has null" in line for n in range(1, 7)] == [True] * 5 + [False]
    assert " and more; mend them, or leave them out with on_bad_record: skip" in line


def test_records_that_are_all_bad_are_no_corpus(tmp_path):
    line = refused(tmp_path, "a.jsonl", b'{"body": "a"}\n' * 3, SKIP)
    assert "its 3 documents are all bad: 3 no such field; is 'text' the field" in line


def test_what_is_left_out_is_said_and_kept_with_the_corpus(tmp_path):
    (tmp_path / "text").mkdir()
    data = json_lines([f"Document {n}" for n in range(300)]) + b'{"text": null}\nnonsense\n'
    (tmp_path / "text" / "a.jsonl").write_bytes(data)
    builder = prepare_corpus(f"text_files:{tmp_path / 'text'}", tmp_path / "data", reading=SKIP)
    assert builder.info.metadata["left_out"] == {"null": 1, "broken JSON": 1}
    summary = builder.info.metadata["summary"]
    assert f"300 documents in {tmp_path / 'text'}, left out 1 broken JSON, 1 null" in summary
    with pytest.raises(OstinatoError, match="line 301 has null in 'text', line 302 is broken JSON"):
        prepare_corpus(f"text_files:{tmp_path / 'text'}", tmp_path / "data")


def test_a_corpus_that_could_be_read_before_is_what_it_was(tmp_path):
    """Recorded runs name its digest: what a kind of file holds, its order and splits are settled."""
    root = tmp_path / "pinned"
    root.mkdir()
    texts = [f"Document {n} with an é." for n in range(400)] + ["", "Document 7 with an é."]
    for number, text in enumerate(texts[:100]):
        (root / f"{number:03d}.txt").write_text(text)
    (root / "a.jsonl").write_text("".join(json.dumps({"text": t}) + "\n" for t in texts[100:200]))
    (root / "b.jsonl.gz").write_bytes(gzip.compress(json_lines(texts[200:300]), mtime=0))
    (root / "c.parquet").write_bytes(parquet(pa.array(texts[300:])))
    builder = prepare_corpus(f"text_files:{root}", tmp_path / "data")
    digest = "e19bbd1fc04acfb49a778cdeb60fc111e33ddace6d0b4647e89e136846655fdd"
    assert corpus_digest(builder) == digest, "as version 0.1.0 made it"
    sizes = {name: split.num_examples for name, split in builder.info.splits.items()}
    assert sizes == {"train": 391, "validation": 4, "test": 6}


# Whatever there may be in a file.

FUZZ = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
SNIPPETS = st.sampled_from(
    [
        *(
            b'{"text": "a"}',
            b'{"text"',
            b"[",
            b"]",
            b",",
            b"\n",
            b"\r\n",
            b'"',
            b"\\ud800",
            b"\xff",
        ),
        *(b"\xef\xbb\xbf", b"id,text\n", b"text\n", b"1e999", b"-", b"nul", b"{", b"}", b":", b" "),
    ]
)


def counted(file, reading) -> Counter:
    """Documents and bad records of a file; a refusal is one line that names it."""
    try:
        records = [*read_records(file, reading)]
    except OstinatoError as error:
        line = str(error)
        assert line.startswith(f"corpus: {file}") and "\n" not in line
        return Counter(refused=1)
    for record in records:
        assert record.encode() if isinstance(record, str) else record.cause and record.told
    return Counter("bad" if isinstance(record, Bad) else "document" for record in records)


@FUZZ
@given(
    st.one_of(st.binary(max_size=300), st.lists(SNIPPETS, max_size=25).map(b"".join)),
    st.sampled_from(SUFFIXES),
    st.booleans(),
)
@example(b'[{"text": "a"}, {"text": "\xff"}]', ".json", False)
@example(b'"\n', ".csv", False)
@example(b'{"a\\nb": 1}', ".jsonl", False)
def test_no_bytes_under_any_name_are_a_traceback(tmp_path, data, suffix, is_packed):
    file = tmp_path / f"a{suffix}"
    packing = next((p for p in PACK if p and suffix.endswith(p)), "")
    file.write_bytes(PACK[packing](data) if is_packed else data)
    counted(file, Reading())


RECORDS = st.lists(
    st.one_of(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
        st.none(),
        st.integers(),
        st.lists(st.text("ab", max_size=2), max_size=2),
    ),
    max_size=12,
)


@FUZZ
@given(RECORDS, st.sampled_from([".jsonl", ".json", ".ndjson"]), st.sampled_from([*PACK]))
def test_of_json_no_record_is_lost(tmp_path, records, kind, packing):
    values = [{"text": record} for record in records]
    if kind == ".json":
        data = json.dumps(values, ensure_ascii=False)
    else:
        data = "".join(
            json.dumps(value) + random.Random(0).choice("\n\r") + "\n" for value in values
        )
    file = tmp_path / f"a{kind}{packing}"
    file.write_bytes(PACK[packing](data.encode()))
    texts = sum(isinstance(record, str) and record != "" for record in records)
    found = counted(file, Reading())
    assert (found["document"], found["bad"]) == (texts, len(records) - texts)


@FUZZ
@given(st.lists(st.one_of(st.none(), st.binary(max_size=8)), max_size=20), st.integers(1, 5))
def test_of_parquet_no_row_is_lost(tmp_path, values, rows_in_a_group):
    column = pa.array(values, pa.binary())
    column = pa.Array.from_buffers(pa.string(), len(column), column.buffers(), column.null_count)
    pq.write_table(
        pa.table({"text": column}), tmp_path / "a.parquet", row_group_size=rows_in_a_group
    )
    found = counted(tmp_path / "a.parquet", Reading())
    assert not found["refused"] and found.total() == len(values)


@FUZZ
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), max_size=20))
def test_of_csv_no_row_is_lost(tmp_path, texts):
    (tmp_path / "a.csv").write_bytes(comma_separated(texts))
    found = [*read_records(tmp_path / "a.csv")]
    assert [r for r in found if isinstance(r, str)] == [text for text in texts if text]
    assert len(found) == len(texts)


@FUZZ
@given(st.lists(st.one_of(SNIPPETS, st.binary(max_size=20)), max_size=25))
def test_of_lines_every_one_that_is_not_blank_is_counted(tmp_path, snippets):
    rows = [snippet.replace(b"\n", b"") for snippet in snippets]
    (tmp_path / "a.jsonl").write_bytes(b"\n".join(rows))
    first = b"".join(rows[:1]).removeprefix(b"\xef\xbb\xbf")
    expected = sum(bool(row.strip()) for row in [first, *rows[1:]])
    assert counted(tmp_path / "a.jsonl", Reading()).total() == expected
