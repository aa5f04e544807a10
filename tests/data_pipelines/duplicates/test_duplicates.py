"""What a corpus repeats is found: planted copies, changed copies and shared passages."""

import gzip
import json
import os
import random
import re
import subprocess
import sys
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

from data_pipelines.corpora import prepare_corpus
from data_pipelines.corpora.dedup import signature, word_shingles
from data_pipelines.corpora.documents import SPLITS, split_of
from data_pipelines.corpora.reading import PreparedDocuments, open_documents
from data_pipelines.duplicates import find_duplicates, near, search
from data_pipelines.duplicates.near import near_clusters
from data_pipelines.errors import OstinatoError
from data_pipelines.system import pace

WORDS = [a + b for a in "bdfgklmnprst" for b in ("ate", "ile", "one", "ude", "ash", "ing")]
CONTEXT = 64


def text(seed, words=60):
    return f"{seed} " + " ".join(random.Random(seed).choices(WORDS, k=words))


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """A directory whose train split has 100 single documents, 5 seen 4 times and 1 seen 40 times,
    10 that are each a changed copy of another one, and a passage that 7 documents share."""
    singles = in_train(range(1000), 100)
    four = in_train(range(1000, 2000), 5)
    forty = in_train(range(2000, 3000), 1)
    pairs = ((text(f"{n} pair"), text(f"{n} pair") + f" {n} more") for n in range(1000))
    pairs = (pair for pair in pairs if all(split_of(t) == "train" for t in pair))
    changed = [t for _, pair in zip(range(10), pairs, strict=False) for t in pair]
    passage = text("shared", 100)
    share = in_train((f"{n} share" for n in range(1000)), 7, lambda n: text(n) + " " + passage)
    heldout = [t for t in (text(f"{n} other") for n in range(500)) if split_of(t) != "train"]
    documents = singles + 4 * four + 40 * forty + changed + share + heldout
    root = tmp_path_factory.mktemp("planted")
    lines = "".join(json.dumps({"text": document}) + "\n" for document in documents)
    (root / "documents.jsonl").write_text(lines)
    sizes = {"4": size(four), "40": size(forty), "passage": size([passage])}
    return f"text_files:{root}", sizes


def in_train(seeds, count, make=text):
    found = (make(seed) for seed in seeds)
    return [next(t for t in found if split_of(t) == "train") for _ in range(count)]


def size(documents):
    """Tokens of documents with their ends."""
    return sum(len(document) + 1 for document in documents)


@pytest.fixture(scope="module")
def report(planted, tmp_path_factory):
    return find_duplicates(
        planted[0], tmp_path_factory.mktemp("data"), split="train", context=CONTEXT
    )


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """A directory of every kind of file, with copies, changed copies and shared passages."""
    root = tmp_path_factory.mktemp("mixed")
    texts = [text(n) for n in range(250)] + [text(n) + f" é{n}" for n in range(0, 250, 2)]
    texts += [f"{n} {text(n % 7)} {text(f'{n} own')}" for n in range(100)] + texts[:40] * 3 + [""]
    for number, document in enumerate(texts[::4]):
        (root / f"{number}.txt").write_text(document)
    lines = [json.dumps({"text": document}) + "\n" for document in texts]
    (root / "a.jsonl").write_text("".join(lines[1::4]))
    (root / "b.jsonl.gz").write_bytes(gzip.compress("".join(lines[2::4]).encode()))
    pd.DataFrame({"text": texts[3::4]}).to_parquet(root / "deeper.parquet")
    return f"text_files:{root}"


@pytest.mark.slow
@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("vocabulary", ["bytes", "sentencepiece:400"])
def test_files_read_where_they_lie_are_the_prepared_corpus(
    mixed, split, vocabulary, data_dir, monkeypatch
):
    options = {"split": split, "vocabulary": vocabulary, "context": 32, "capacity": 5000}
    lying = find_duplicates(mixed, data_dir, **options)
    prepared = PreparedDocuments(prepare_corpus(mixed, data_dir), split)
    opened = open_documents(mixed, split, data_dir, lambda message: None)
    assert sorted(opened) == list(prepared) and len(opened) == len(prepared)
    monkeypatch.setattr(search, "open_documents", lambda *_: prepared)
    written = asdict(find_duplicates(mixed, data_dir, **options))
    if split == "train":
        assert {e.kind for e in lying.examples} == {"document", "near document", "span"}
        assert lying.sampled < 1
    for name, found in asdict(lying).items():
        if isinstance(found, pd.DataFrame):
            pd.testing.assert_frame_equal(found, written[name], check_exact=True)
        else:
            assert found == written[name]


_DUPLICATES = """
import sys
from sweeps.cli import main
sys.argv = ["ostinato", "duplicates", *sys.argv[1:]]
try:
    main()
finally:
    print(*{"tensorflow", "tensorflow_datasets", "jax"} & {*sys.modules}, file=sys.stderr)
"""


@pytest.mark.slow
def test_reading_files_where_they_lie_needs_no_tensorflow(mixed, tmp_path):
    command = [sys.executable, "-c", _DUPLICATES, mixed, "--data-dir", tmp_path / "data"]
    environment = dict(os.environ) | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert "Equal documents" in done.stdout and not done.stderr.strip()
    assert not list((tmp_path / "data").iterdir())


def test_all_of_a_corpus_is_looked_at_unless_a_split_is_asked_for(planted, tmp_path):
    whole = find_duplicates(planted[0], tmp_path, context=CONTEXT)
    parts = [find_duplicates(planted[0], tmp_path, split=s, context=CONTEXT) for s in SPLITS]
    assert whole.split == "all" and whole.documents == sum(part.documents for part in parts)
    assert whole.tokens == sum(part.tokens for part in parts)
    # Equal documents are in one split: each count is the sum of theirs.
    together = pd.concat(part.exact for part in parts).groupby("repeats").documents.sum()
    assert whole.exact.set_index("repeats").documents.to_dict() == together.to_dict()


@pytest.mark.slow
def test_all_of_a_prepared_corpus_is_all_its_splits(tmp_path):
    whole = find_duplicates("zipf/30kB", tmp_path)
    parts = [find_duplicates("zipf/30kB", tmp_path, split=split) for split in SPLITS]
    assert whole.documents == sum(part.documents for part in parts)
    assert whole.tokens == sum(part.tokens for part in parts)


def test_a_book_is_looked_at_whole_and_has_no_splits(tmp_path):
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "book.txt").write_text(text(1, 5000))
    corpus = f"text_files:{tmp_path / 'text'}"
    assert find_duplicates(corpus, tmp_path).documents == 1
    with pytest.raises(OstinatoError, match=r"split: test: .* too few documents .* leave split"):
        find_duplicates(corpus, tmp_path, split="test")


def test_long_reading_is_told_with_the_time_left(planted, tmp_path, monkeypatch):
    monkeypatch.setattr(pace, "_FIRST_SECONDS", 0)
    monkeypatch.setattr(search, "_NOTE_SECONDS", 0)
    told = []
    find_duplicates(planted[0], tmp_path, context=CONTEXT, progress=told.append)
    shares = [int(re.search(r"(\d+)%", note)[1]) for note in told if "%" in note]
    assert shares == sorted(shares) and shares[-1] == 100 and len(shares) > 50
    assert any(re.fullmatch(r"reading text_files:\S+: \d+%, \d+ s left", note) for note in told)


def test_documents_are_counted_as_often_as_they_come_up(report, planted):
    table = report.exact.set_index("repeats")
    assert table["documents"].to_dict() == {1: 127, 4: 5, 40: 1}
    assert table["tokens"][4] == 4 * planted[1]["4"]
    assert table["tokens"][40] == 40 * planted[1]["40"]
    assert table["tokens"].sum() == report.tokens
    assert report.documents == 127 + 20 + 40


def test_changed_copies_are_clusters(report):
    near = report.near.set_index("repeats")["documents"]
    assert near[1] == 107 and near[2] == 10 and near[4] == 5 and near[40] == 1


def test_every_stretch_is_counted_wherever_it_starts(report, planted):
    """Copies of whole documents, passages shared within them, and what nobody shares."""
    table = report.spans.set_index("repeats")
    assert report.sampled == 1
    assert table["tokens"][40] == 40 * planted[1]["40"]
    # some of the documents that share the passage share the letters before it as well
    assert table["tokens"][4] == pytest.approx(4 * planted[1]["4"], abs=50)
    assert table["tokens"][7] == pytest.approx(7 * planted[1]["passage"], abs=50)
    assert table["tokens"].sum() == report.tokens
    assert table["token_share"].sum() == pytest.approx(1)


def test_shares_are_unbiased_where_memory_holds_a_sample(report, planted, tmp_path):
    sample = find_duplicates(planted[0], tmp_path, split="train", context=CONTEXT, capacity=3000)
    assert sample.sampled < 0.5
    shares, exact = (r.spans.set_index("repeats")["token_share"] for r in (sample, report))
    assert shares[1] == pytest.approx(exact[1], abs=0.05)
    assert shares[40] == pytest.approx(exact[40], abs=0.05)


def test_pools_are_what_a_grid_needs(report, tmp_path):
    for name, read in {"pools.csv": pd.read_csv, "pools.parquet": pd.read_parquet}.items():
        report.write(tmp_path / name)
        pools = read(tmp_path / name)
        assert list(pools.columns) == ["repeats", "sequences", "tokens", "token_share"]
        assert pools["token_share"].sum() == pytest.approx(1)
        made = pools["repeats"] * pools["sequences"] * CONTEXT
        assert (made - pools["tokens"]).abs().max() < 0.05 * report.tokens
        assert pools["repeats"].is_monotonic_increasing
    assert [file.name for file in sorted(tmp_path.iterdir())] == ["pools.csv", "pools.parquet"]
    with pytest.raises(OstinatoError, match=r"pools\.txt: write to a \.csv or \.parquet file"):
        report.write(tmp_path / "pools.txt")


def test_examples_show_what_is_repeated_most_and_where(report):
    first = {
        kind: next(e for e in report.examples if e.kind == kind) for kind in ("document", "span")
    }
    assert first["document"].repeats == first["span"].repeats == 40
    assert len(first["document"].sources) == 3
    assert "documents.jsonl:" in first["span"].sources[0]
    assert len(first["span"].text.encode()) <= CONTEXT


def test_a_trained_vocabulary_counts_in_its_own_tokens(planted, tmp_path, report):
    options = {"split": "train", "vocabulary": "sentencepiece:400", "context": 16}
    tokens = find_duplicates(planted[0], tmp_path, **options)
    assert tokens.tokens < report.tokens / 2
    assert tokens.exact["documents"].tolist() == report.exact["documents"].tolist()


def test_documents_that_are_not_alike_are_not_linked(monkeypatch):
    monkeypatch.setattr(near, "_ROWS_AT_ONCE", 3)
    texts = [text(n) for n in range(50)] + [text(n) + " end" for n in range(0, 50, 5)]
    signatures = np.stack([signature(word_shingles(t)) for t in texts])
    clusters = near_clusters(signatures, 0.5)
    assert len(set(clusters[:50])) == 50
    assert clusters[50:].tolist() == clusters[:50:5].tolist()


def test_a_directory_without_documents_is_one_line(tmp_path):
    def refused(fault):
        for use in (find_duplicates, prepare_corpus):  # in the same words
            with pytest.raises(OstinatoError, match=fault):
                use(f"text_files:{tmp_path / 'text'}", tmp_path / "data")

    refused("is not a directory")
    (tmp_path / "text").mkdir()
    refused("holds no text; put .txt, .jsonl, .ndjson, .json, .csv, .parquet files there")
    (tmp_path / "text" / "a.txt").touch()
    refused("holds no text, its 1 documents are all empty")
    (tmp_path / "text" / "c.txt").write_bytes(b"\xff")
    refused("c.txt is not UTF-8")
    with pytest.raises(OstinatoError, match="split: dev: unknown split; known: test, train, valid"):
        find_duplicates(f"text_files:{tmp_path / 'text'}", tmp_path / "data", split="dev")


def test_a_data_directory_that_cannot_be_made_is_named(mixed, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OstinatoError, match=r"data_dir: .*/file/data cannot be written"):
        find_duplicates(mixed, tmp_path / "file" / "data")
