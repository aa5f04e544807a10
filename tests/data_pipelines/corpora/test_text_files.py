"""`text_files`: every document of a directory as it is, and one line on what cannot be read."""

import gzip
import json
import os
import subprocess
import sys
from itertools import chain
from pathlib import Path

import pandas as pd
import pytest

from data_pipelines.corpora import corpus_builder, corpus_digest, prepare_corpus
from data_pipelines.corpora.directory import TextDirectory, text_files
from data_pipelines.corpora.documents import SPLITS, split_of
from data_pipelines.errors import OstinatoError

TEXTS = [f"Document {number}, with an é and a\nsecond line." for number in range(400)]


@pytest.fixture
def directory(tmp_path):
    """All kinds of file, the same document in several of them, and some that are no text."""
    root = tmp_path / "my texts"
    (root / "deeper").mkdir(parents=True)
    for number, text in enumerate(TEXTS[:100]):
        (root / "deeper" / f"{number}.txt").write_text(text)
    lines = "".join(json.dumps({"text": text, "id": 1}) + "\n" for text in TEXTS[100:200])
    (root / "a.jsonl").write_text(lines)
    with gzip.open(root / "b.jsonl.gz", "wt") as file:
        file.write("".join(json.dumps({"text": text}) + "\n" for text in TEXTS[200:300]))
    pd.DataFrame({"id": 1, "text": TEXTS[300:]}).to_parquet(root / "c.parquet")
    (root / "again.jsonl").write_text(lines)
    (root / "picture.png").write_bytes(b"\x89PNG")
    return root


def read(builder):
    return {
        split: [e["text"].decode() for e in builder.as_dataset(split=split).as_numpy_iterator()]
        for split in SPLITS
    }


def test_every_document_is_in_its_split_as_often_as_in_the_directory(directory, tmp_path):
    splits = read(prepare_corpus(f"text_files:{directory}", tmp_path))
    assert sorted(chain(*splits.values())) == sorted(TEXTS + TEXTS[100:200])
    assert all(split_of(text) == split for split, texts in splits.items() for text in texts)


def test_a_changed_directory_is_a_new_corpus_and_a_touched_one_is_not(directory, tmp_path):
    corpus = f"text_files:{directory}"
    first = prepare_corpus(corpus, tmp_path)
    (directory / "deeper" / "0.txt").touch()
    assert corpus_builder(corpus, tmp_path).data_dir == first.data_dir
    (directory / "deeper" / "0.txt").write_text("Another text.")
    second = prepare_corpus(corpus, tmp_path)
    assert corpus_digest(second) != corpus_digest(first)


def test_empty_documents_are_passed_over(directory, tmp_path):
    (directory / "empty.txt").write_text("")
    (directory / "empty.jsonl").write_text('{"text": ""}\n')
    splits = read(prepare_corpus(f"text_files:{directory}", tmp_path))
    texts = [*chain(*splits.values())]
    assert len(texts) == 500 and "" not in texts


def test_a_corpus_of_empty_documents_is_said_to_be_empty(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": ""}\n' * 3)
    (tmp_path / "b.txt").touch()
    with pytest.raises(OstinatoError, match="its 4 documents are all empty"):
        prepare_corpus(f"text_files:{tmp_path}", tmp_path / "data")


_LOOK = """
import os
from pathlib import Path
from data_pipelines.corpora.directory import text_files
from data_pipelines.errors import OstinatoError
if os.getuid() == 0:
    os.seteuid(65534)  # root may list anything
try:
    print(len(text_files(Path())))
except OstinatoError as error:
    print(error)
"""


@pytest.mark.parametrize("place", [".", "deeper"])
def test_a_directory_that_may_not_be_listed_is_named_not_passed_over(directory, place):
    directory.chmod(0o755)
    (directory / place).chmod(0o311)
    done = subprocess.run(
        [sys.executable, "-c", _LOOK],
        cwd=directory,
        env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
    )
    (directory / place).chmod(0o755)
    fault = f"{Path(place, '')} cannot be read (Permission denied); mend it, or take it away\n"
    assert done.stdout in (f"corpus: {fault}", f"corpus: ./{fault}"), done.stderr


def test_a_missing_or_empty_directory_is_named(tmp_path):
    with pytest.raises(OstinatoError, match=r"text_files:\S+/none is not a directory; check"):
        corpus_builder(f"text_files:{tmp_path / 'none'}", tmp_path)
    (tmp_path / "picture.png").touch()
    with pytest.raises(OstinatoError, match=r"picture\.png is not a directory; give the one that"):
        corpus_builder(f"text_files:{tmp_path / 'picture.png'}", tmp_path)
    with pytest.raises(OstinatoError, match=r"holds no text; put \.txt"):
        text_files(tmp_path)


@pytest.mark.parametrize(
    ("name", "data", "fault"),
    [
        ("a.txt", b"caf\xe9", "a.txt is not UTF-8 .byte 3."),
        ("a.jsonl", b'{"text": "x"}\n{"text": "caf\xe9"}', "a.jsonl line 2 is not UTF-8"),
        (
            "a.jsonl",
            b'{"text": "x"}\nnonsense',
            "a.jsonl line 2 is broken JSON .Expecting value at",
        ),
        ("a.jsonl", b'{"txt": "x"}', "a.jsonl line 1 has no 'text' but txt; name the field with"),
        ("a.jsonl.gz", b"not gzip", "a.jsonl.gz cannot be read"),
        (
            "a.jsonl.gz",
            gzip.compress(b'{"text": "x"}\n' * 99, mtime=0)[:40],
            "a.jsonl.gz cannot be read",
        ),
        ("a.parquet", b"not parquet", "a.parquet cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_in_one_line(name, data, fault, tmp_path):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(OstinatoError, match=fault) as caught:
        list(TextDirectory(tmp_path))
    assert "\n" not in str(caught.value)


def test_a_table_without_text_is_named(tmp_path):
    pd.DataFrame({"body": ["x"]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(OstinatoError, match="no column 'text' but body"):
        list(TextDirectory(tmp_path))


def test_a_fault_found_while_preparing_leaves_nothing_behind(directory, tmp_path):
    (directory / "bad.txt").write_bytes(b"\xff")
    with pytest.raises(OstinatoError, match=r"bad\.txt is not UTF-8"):
        prepare_corpus(f"text_files:{directory}", tmp_path)
    assert not list((tmp_path / "tfds").rglob("*.tfrecord*"))


def test_too_few_documents_for_three_splits_are_left_to_their_sequences(tmp_path):
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "one.txt").write_text("All there is.")
    builder = prepare_corpus(f"text_files:{tmp_path / 'text'}", tmp_path / "data")
    assert [*builder.info.splits] == ["train"]
    assert "too few to be split, so sequences are" in builder.info.metadata["summary"]
