"""Corpora as seqio tasks: documents in, tokens with an end of document out."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from data_pipelines.config import AS_THEY_ARE, Reading
from data_pipelines.corpora import corpus_digest, prepare_corpus
from data_pipelines.corpora.public import split_names
from data_pipelines.system.quiet import seqio, tf
from data_pipelines.vocabularies import vocabulary as vocabulary_of


def corpus_task(
    corpus: str,
    vocabulary: str,
    data_dir: Path,
    *,
    vocabulary_corpus: str | None = None,
    reading: Reading = AS_THEY_ARE,
) -> seqio.Task:
    """The task of a corpus: {'targets': int32 [n]}, a document each, ending in the vocabulary's EOS.

    Splits are train, validation and test, or train alone where sequences are to be split. A trained vocabulary comes from `vocabulary_corpus`, by
    default the corpus itself. The task is in seqio's registry under a name such as
    'pydocs.bytes.3f2a91c07d1e', whose end is of the corpus's content and the vocabulary; asking
    again returns the same task. Raises OstinatoError where the corpus cannot be made.
    """
    trained_on = vocabulary_corpus or corpus
    builder = prepare_corpus(corpus, data_dir, reading=reading)
    name = _task_name(
        corpus, vocabulary, corpus_digest(builder), trained_on + reading.suffix, data_dir
    )
    if name in seqio.TaskRegistry.names():
        return seqio.TaskRegistry.get(name)
    tokens = vocabulary_of(vocabulary, trained_on, data_dir, reading)
    return seqio.TaskRegistry.add(
        name,
        source=seqio.TfdsDataSource(
            _tfds_name(builder),
            tfds_data_dir=str(builder.data_dir).removesuffix(f"/{builder.info.full_name}"),
            splits=split_names(builder),
            read_only=True,
        ),
        preprocessors=[
            _text_to_targets,
            seqio.preprocessors.tokenize,
            seqio.preprocessors.append_eos,
        ],
        output_features={"targets": seqio.Feature(tokens, add_eos=True, dtype=tf.int32)},
    )


def _task_name(corpus: str, vocabulary: str, digest: str, trained_on: str, data_dir: Path) -> str:
    readable = re.sub(r"\W+", "_", f"{corpus.split(':')[0]}") + "." + vocabulary.replace(":", "_")
    content = "\n".join([digest, vocabulary, trained_on, str(data_dir.resolve())])
    return f"{readable}.{hashlib.sha256(content.encode()).hexdigest()[:12]}"


def _tfds_name(builder) -> str:
    """'name/config:version', which is how seqio wants a dataset named."""
    name, _, version = builder.info.full_name.rpartition("/")
    return f"{name}:{version}"


def _text_to_targets(dataset: tf.data.Dataset) -> tf.data.Dataset:
    return dataset.map(lambda example: {"targets": example["text"]}, tf.data.AUTOTUNE)
