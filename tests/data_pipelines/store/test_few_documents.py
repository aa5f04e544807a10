"""A book, or thirty, are a corpus: what cannot be split by document is split by sequence."""

import json
import random

import numpy as np
import pytest

from data_pipelines.audit import audit
from data_pipelines.config import MixtureConfig
from data_pipelines.corpora.documents import split_of
from data_pipelines.errors import OstinatoError
from data_pipelines.prepare import prepare_data, prepare_store
from data_pipelines.store import SPLITS
from data_pipelines.stream import open_data

WORDS = [a + b for a in "bdfgklmnprst" for b in ("ate", "ile", "one", "ude", "ash", "ing")]


def book(seed, words=4000):
    return f"{seed} " + " ".join(random.Random(seed).choices(WORDS, k=words))


def mixture(directory, **fields):
    fields = {"context": 32, "batch_size": 8, "tokens": 2048} | fields
    return MixtureConfig(corpus=f"text_files:{directory}", **fields)


def rows(store):
    return {s: store.split(s).read(np.arange(len(store.split(s)))) for s in SPLITS}


def contents(store):
    return {split: {row.tobytes() for row in found} for split, found in rows(store).items()}


@pytest.fixture(params=["a book", "thirty lines", "thirty files", "copies"])
def few(request, tmp_path):
    """A directory none of whose documents falls into one of the splits, and those documents."""
    root = tmp_path / "text"
    root.mkdir()
    texts = [book(n, 1500) for n in range(200) if split_of(book(n, 1500)) != "test"][:30]
    texts = {"a book": [book(0)], "copies": texts[:3] * 10}.get(request.param, texts)
    if request.param == "thirty lines":
        lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
        (root / "a.jsonl").write_text(lines)
    else:
        for number, text in enumerate(texts):
            (root / f"{number:02d}.txt").write_text(text)
    return root, texts


def test_each_sequence_is_on_one_side_and_none_is_lost(few, tmp_path):
    root, texts = few
    store = prepare_store(f"text_files:{root}", mixture(root), tmp_path / "data", SPLITS)
    assert store.manifest.split_by == "sequence"
    sides = contents(store)
    assert sum(map(len, sides.values())) == len(set.union(*sides.values()))
    tokens = np.concatenate([[*(b + 3 for b in text.encode()), 1] for text in texts])
    assert sum(shard.sequences for shard in store.manifest.splits["train"]) == len(tokens) // 33
    if len(texts) == 1:  # the order of several is TFDS's
        starts = range(0, len(tokens) - 32, 33)
        stream = {tokens[start : start + 33].astype(np.uint16).tobytes() for start in starts}
        assert stream == set.union(*sides.values())
    distinct = sum(map(len, sides.values()))
    assert len(sides["test"]) == len(sides["validation"]) == max(1, distinct * 2 // 100)


def test_the_split_is_of_the_content_alone(few, tmp_path):
    root, _ = few
    first = prepare_store(f"text_files:{root}", mixture(root), tmp_path / "data", SPLITS)
    elsewhere = root.rename(tmp_path / "moved")
    again = prepare_store(f"text_files:{elsewhere}", mixture(elsewhere), tmp_path / "more", SPLITS)
    assert contents(first) == contents(again)


def test_of_another_run_s_corpus_the_test_split_alone_is_the_same(few, tmp_path):
    root, _ = few
    config = mixture(root)
    alone = prepare_store(config.corpus, config, tmp_path / "data", ("test",))
    assert [*alone.manifest.splits] == ["test"]
    tokens = alone.split("test").read(np.arange(len(alone.split("test"))))
    whole = prepare_store(config.corpus, config, tmp_path / "data", SPLITS)
    assert np.array_equal(rows(whole)["test"], tokens)


def test_a_run_on_a_book_repeats_what_was_asked_for(tmp_path):
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "book.txt").write_text(book(1))
    config = mixture(tmp_path / "text", repeated_fraction=0.5, repeats=8)
    prepare_data(config, tmp_path / "data")
    assert not audit(open_data(config, tmp_path / "data"), "a book").faults


@pytest.mark.parametrize("unit", ["sequence", "document"])
def test_less_than_three_sequences_are_no_corpus(unit, tmp_path):
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "a.txt").write_text("Two sequences of text, and a little more than that.")
    config = mixture(tmp_path / "text", context=20, unit=unit)
    with pytest.raises(OstinatoError, match=r"distinct sequences, fewer than its three splits"):
        prepare_data(config, tmp_path / "data")
    assert not [*(tmp_path / "data").rglob("manifest.json")]


@pytest.mark.slow
def test_a_vocabulary_is_trained_on_few_documents_as_well(few, tmp_path):
    config = mixture(few[0], vocabulary="sentencepiece:300")
    store = prepare_store(config.corpus, config, tmp_path / "data", SPLITS)
    assert all(len(found) for found in rows(store).values())
