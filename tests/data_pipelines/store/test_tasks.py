"""Corpora as seqio tasks: every document once, tokenised, with its end."""

import json

import numpy as np
import pytest

from data_pipelines.corpora import prepare_corpus
from data_pipelines.corpora.builder import TextCorpus
from data_pipelines.corpora.documents import Document
from data_pipelines.store.tasks import corpus_task
from data_pipelines.system.quiet import seqio, tfds


def documents(task, split, shard=None):
    dataset = task.get_dataset(None, split, shuffle=False, shard_info=shard)
    return [example["targets"] for example in dataset.as_numpy_iterator()]


@pytest.mark.parametrize("vocabulary", ["bytes", "sentencepiece:320"])
def test_a_task_yields_every_document_of_a_split_with_its_end(vocabulary, text_corpus, data_dir):
    task = corpus_task(text_corpus, vocabulary, data_dir)
    tokens = task.output_features["targets"].vocabulary
    builder = prepare_corpus(text_corpus, data_dir)
    texts = [e["text"].decode() for e in builder.as_dataset(split="test").as_numpy_iterator()]
    found = documents(task, "test")
    assert found[0].dtype == np.int32
    assert all(d[-1] == tokens.eos_id and tokens.eos_id not in d[:-1] for d in found)
    assert sorted(tokens.decode(d[:-1].tolist()) for d in found) == sorted(texts)


def test_a_task_is_registered_once_under_a_readable_name(text_corpus, data_dir):
    task = corpus_task(text_corpus, "bytes", data_dir)
    assert task.name.startswith("text_files.bytes.")
    assert corpus_task(text_corpus, "bytes", data_dir) is task
    assert seqio.get_mixture_or_task(task.name) is task
    assert set(task.splits) == {"train", "validation", "test"}


@pytest.mark.slow
def test_a_vocabulary_of_another_corpus_makes_another_task(text_corpus, data_dir):
    name = "sentencepiece:300"
    task = corpus_task("zipf/200kB", name, data_dir, vocabulary_corpus=text_corpus)
    tokens = task.output_features["targets"].vocabulary
    assert tokens == corpus_task(text_corpus, name, data_dir).output_features["targets"].vocabulary
    assert task is not corpus_task("zipf/200kB", name, data_dir)


class C4(TextCorpus):
    """C4's layout: no test split, validation in several shards."""

    name = "c4"
    VERSION = tfds.core.Version("3.1.0")

    def documents(self, split):
        return (Document(f"{split}-{page}", f"{split} page {page}") for page in range(20))

    def _split_generators(self, dl_manager):
        return super()._split_generators(dl_manager) | {
            "test": iter([(0, dict(text="t", source="t"))])
        }


def test_a_dataset_without_a_test_split_lends_half_its_validation(tmp_path):
    builder = C4(tfds.core.BuilderConfig(name="en"), tmp_path / "tfds")
    builder.download_and_prepare()
    info = tmp_path / "tfds" / "c4" / "en" / "3.1.0" / "dataset_info.json"
    contents = json.loads(info.read_text())
    assert [split["name"] for split in contents["splits"]] == ["train", "validation", "test"]
    del contents["splits"][2]
    info.write_text(json.dumps(contents))

    task = corpus_task("c4/en", "bytes", tmp_path)
    tokens = task.output_features["targets"].vocabulary
    halves = [
        {tokens.decode(d[:-1].tolist()) for d in documents(task, split, seqio.ShardInfo(0, 1))}
        for split in ("validation", "test")
    ]
    assert [len(half) for half in halves] == [10, 10]
    assert halves[0] | halves[1] == {f"validation page {page}" for page in range(20)}
    assert len(documents(task, "train")) == 20
