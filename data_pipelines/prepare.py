"""From a config to packed sequences on disk: corpus, vocabulary, stores.

The only part of a run that needs TensorFlow; done once a corpus, vocabulary and context. To see that it
is done takes TFDS alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from data_pipelines.config import MixtureConfig
from data_pipelines.errors import OstinatoError
from data_pipelines.store import SPLITS, SequenceStore
from data_pipelines.stream import open_store, store_home
from data_pipelines.system.atomic import replacing


def default_data_dir() -> Path:
    """Where corpora are kept: $OSTINATO_DATA_DIR, or ~/.cache/ostinato."""
    return Path(os.environ.get("OSTINATO_DATA_DIR") or Path.home() / ".cache" / "ostinato")


def prepare_data(
    config: MixtureConfig,
    data_dir: Path,
    *,
    ood_corpus: str | None = None,
    progress: Callable[[str], None] = lambda message: None,
) -> None:
    """Make what a run reads, unless it is there: its corpus whole, its facts, of `ood_corpus` the test split.

    `progress` is told in words what is being done. Raises OstinatoError on a corpus that cannot be made.
    """
    for corpus, read, splits in _wanted(config, ood_corpus):
        prepare_store(corpus, read, data_dir, splits, progress)


def is_prepared(config: MixtureConfig, data_dir: Path, *, ood_corpus: str | None = None) -> bool:
    """Whether `prepare_data` has nothing to make, of corpora as they are now.

    Raises OstinatoError on a corpus that cannot be made.
    """
    from data_pipelines.corpora import corpus_builder, corpus_digest

    for corpus, read, splits in _wanted(config, ood_corpus):
        builder = corpus_builder(corpus, data_dir, read.reading)
        if not builder.info.splits:
            return False
        try:
            manifest = open_store(corpus, read, data_dir).manifest
        except OstinatoError:
            return False
        if manifest.corpus_digest != corpus_digest(builder) or not set(splits) <= set(
            manifest.splits
        ):
            return False
    return True


def _wanted(
    config: MixtureConfig, ood_corpus: str | None
) -> Iterator[tuple[str, MixtureConfig, tuple[str, ...]]]:
    """Each corpus that a run reads, how it is read, and the splits of it."""
    yield config.corpus, config, SPLITS
    if config.facts_corpus:
        yield config.facts_corpus, config.facts, ("train",)
    if ood_corpus:
        yield ood_corpus, config, ("test",)


def prepare_store(
    corpus: str,
    config: MixtureConfig,
    data_dir: Path,
    splits: tuple[str, ...],
    progress: Callable[[str], None] = lambda message: None,
) -> SequenceStore:
    """Pack `splits` of a corpus in the vocabulary, context and unit of `config`; return the store."""
    from data_pipelines.corpora import corpus_digest, prepare_corpus

    builder = prepare_corpus(corpus, data_dir, progress, config.reading)
    digest = corpus_digest(builder)
    home = store_home(corpus, config, data_dir)
    directory = home / digest[:12]
    if not _complete(directory, splits):
        # They bring seqio, seconds that a packed corpus saves.
        from data_pipelines.store.packing import pack
        from data_pipelines.vocabularies import keep_file, words_file

        left_out = (builder.info.metadata or {}).get("left_out", {})
        manifest = {"corpus_digest": digest, "records_left_out": left_out}
        keep_file(config, data_dir)
        if words := words_file(config, data_dir):
            manifest["words"] = words.name
        pack(corpus, config, data_dir, directory, manifest, splits=splits, progress=progress)
        SequenceStore.open.cache_clear()
    with replacing(home / "current") as temporary:
        temporary.write_text(directory.name + "\n")
    return SequenceStore.open(directory)


def _complete(directory: Path, splits: tuple[str, ...]) -> bool:
    """Whether a store is there, undamaged, with these splits."""
    if not (directory / "manifest.json").exists():
        return False
    try:
        return set(splits) <= SequenceStore.open(directory).manifest.splits.keys()
    except OstinatoError:
        return False
