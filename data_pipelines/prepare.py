"""From a config to packed sequences on disk: corpus, vocabulary, stores.

The only part of a run that needs TensorFlow; done once a corpus, vocabulary and context.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from data_pipelines.config import MixtureConfig
from data_pipelines.errors import OstinatoError
from data_pipelines.store import SPLITS, SequenceStore
from data_pipelines.stream import store_home
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
    prepare_store(config.corpus, config, data_dir, SPLITS, progress)
    if config.facts_corpus:
        prepare_store(config.facts_corpus, config.facts, data_dir, ("train",), progress)
    if ood_corpus:
        prepare_store(ood_corpus, config, data_dir, ("test",), progress)


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
