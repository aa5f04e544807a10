"""Corpora by name: preparing, splits, digests, and what is said of names that are none."""

import socket
import subprocess
import sys

import numpy as np
import pytest

from data_pipelines.corpora import corpus_builder, corpus_digest, prepare_corpus
from data_pipelines.corpora.builder import TextCorpus
from data_pipelines.corpora.documents import SPLITS, Document, split_of
from data_pipelines.corpora.public import split_names
from data_pipelines.errors import OstinatoError
from data_pipelines.system.quiet import tfds
from tests.processes import readers


class Pages(TextCorpus):
    """Ten pages a split, of as many lines as the config's name says."""

    name = "c4"
    VERSION = tfds.core.Version("3.1.0")

    def documents(self, split):
        lines = 2 if self.builder_config.name == "en" else 1
        for page in range(10):
            yield Document(f"{split}-{page}", f"{split} page {page}\n" * lines)


def pages(root, config="en"):
    builder = Pages(tfds.core.BuilderConfig(name=config), root)
    builder.download_and_prepare()
    return builder


def texts(builder, split):
    return [e["text"].decode() for e in builder.as_dataset(split=split).as_numpy_iterator()]


def test_a_split_is_a_function_of_the_text_alone_and_shares_are_96_2_2():
    documents = [f"document {number}" for number in range(20_000)]
    splits = [split_of(text) for text in documents]
    assert splits[::7] == [split_of(text) for text in documents[::7]]
    assert splits.count("test") == pytest.approx(400, abs=80)
    assert splits.count("validation") == pytest.approx(400, abs=80)


def test_a_prepared_corpus_holds_every_document_in_its_split_and_its_digest(tmp_path):
    builder = pages(tmp_path)
    for split in SPLITS:
        assert sorted(texts(builder, split)) == sorted(d.text for d in builder.documents(split))
    again = Pages(tfds.core.BuilderConfig(name="en"), tmp_path)
    assert len(corpus_digest(again)) == 64
    assert corpus_digest(again) == corpus_digest(pages(tmp_path / "elsewhere"))
    assert corpus_digest(again) != corpus_digest(pages(tmp_path, "short"))


def test_a_dataset_of_tfds_is_read_where_it_lies(tmp_path):
    made = pages(tmp_path / "tfds")
    found = prepare_corpus("c4/en", tmp_path)
    assert found.info.full_name == "c4/en/3.1.0"
    assert sorted(texts(found, "test")) == sorted(texts(made, "test"))
    assert corpus_digest(found) == corpus_digest(prepare_corpus("c4/en", tmp_path))
    script = (
        "import sys; from pathlib import Path\n"
        "from data_pipelines.corpora import corpus_builder, corpus_digest\n"
        "print(corpus_digest(corpus_builder('c4/en', Path(sys.argv[1]))), 'tensorflow' in sys.modules)"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert told == f"{corpus_digest(found)} False\n"


def test_half_of_validation_stands_in_for_a_missing_test_split(tmp_path):
    builder = pages(tmp_path)
    del builder.info.splits["test"]
    names = split_names(builder)
    halves = [texts(builder, names[split]) for split in ("validation", "test")]
    assert [len(half) for half in halves] == [5, 5]
    assert sorted(halves[0] + halves[1]) == sorted(texts(builder, "validation"))


def test_a_dataset_without_text_is_refused_by_name(tmp_path):
    class Numbers(Pages):
        name = "numbers"

        def _info(self):
            features = tfds.features.FeaturesDict({"value": tfds.features.Scalar(np.int64)})
            return tfds.core.DatasetInfo(builder=self, features=features)

        def _split_generators(self, dl_manager):
            return {"train": iter([(0, {"value": 1})])}

    Numbers(tfds.core.BuilderConfig(name="en"), tmp_path / "tfds").download_and_prepare()
    with pytest.raises(OstinatoError, match=r"numbers/en/3.1.0 has no feature 'text' but value"):
        corpus_builder("numbers/en", tmp_path)


@pytest.mark.parametrize("corpus", ["pydoc", "c4/en", "no such thing"])
def test_an_unknown_corpus_is_one_line_even_without_a_network(corpus, tmp_path, monkeypatch):
    def refuse(address, timeout):
        raise OSError("no route")

    monkeypatch.setattr(socket, "create_connection", refuse)
    with pytest.raises(OstinatoError, match=f"corpus: {corpus} is none of pydocs") as caught:
        prepare_corpus(corpus, tmp_path)
    assert "\n" not in str(caught.value)
    assert "cannot be reached" in str(caught.value)
    (tmp_path / "mine").mkdir()
    with pytest.raises(OstinatoError, match=r"/mine is a directory; write text_files:/\S+/mine$"):
        prepare_corpus(str(tmp_path / "mine"), tmp_path)


def _prepare(data_dir, queue):
    queue.put(corpus_digest(prepare_corpus("zipf/300kB", data_dir)))


@pytest.mark.slow
def test_two_processes_that_want_the_same_corpus_get_the_same_one(tmp_path):
    context = readers()
    queue = context.Queue()
    workers = [context.Process(target=_prepare, args=(tmp_path, queue)) for _ in range(2)]
    for worker in workers:
        worker.start()
    digests = {queue.get(timeout=60) for _ in workers}
    for worker in workers:
        worker.join()
    assert digests == {corpus_digest(corpus_builder("zipf/300kB", tmp_path))}
    assert not list(tmp_path.rglob("*incomplete*"))


@pytest.mark.slow
def test_what_a_killed_process_left_behind_is_cleared_away(tmp_path):
    left = tmp_path / "tfds" / "zipf" / "10kB-seed0" / "incomplete.ABCDEF_1.0.0"
    left.mkdir(parents=True)
    prepare_corpus("zipf/10kB", tmp_path)
    assert not left.exists()


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OstinatoError, match=r"data_dir: \S+/file/tfds cannot be written"):
        prepare_corpus("zipf/10kB", tmp_path / "file")
