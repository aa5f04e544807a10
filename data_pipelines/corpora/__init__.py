"""Corpora by name, as TFDS builders: what they are made of, prepared once and read ever after.

Start with `corpus_builder`. `packages` makes text from what is installed, `synthetic` from processes
that are known, `text_files` from a user's directory; any other name is one of TFDS (`public`).
Imports stand inside the functions, so that the processes that extract text load no TensorFlow.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from data_pipelines.config.reading import AS_THEY_ARE, Reading
from data_pipelines.errors import OstinatoError

if TYPE_CHECKING:
    from tensorflow_datasets.core import DatasetBuilder


def corpus_builder(corpus: str, data_dir: Path, reading: Reading = AS_THEY_ARE) -> DatasetBuilder:
    """The TFDS builder of a corpus, prepared or not; `reading` is how a user's own files are read.

    `corpus` is 'pydocs', 'pycode', 'zipf', 'zipf/200MB-seed3', 'markov', 'echo',
    'facts/64x10-templates', 'preferences/20000-samples-words200', 'text_files:DIR', or the 'name/config' of a TFDS dataset with a text
    feature, such as 'c4/en'.
    Raises OstinatoError on a name that is none of them.
    """
    root = data_dir / "tfds"
    synthetic = corpus.startswith(("zipf", "markov", "echo", "facts", "preferences"))
    kind, _, rest = corpus.partition("/" if synthetic else ":")
    if kind in ("pydocs", "pycode") and not rest:
        from data_pipelines.corpora.packages.embedded import PyCode, PyDocs

        return PyDocs(root) if kind == "pydocs" else PyCode(root)
    if kind == "zipf":
        from data_pipelines.corpora.synthetic.zipf import Zipf

        return Zipf(rest, root)
    if kind == "markov":
        from data_pipelines.corpora.synthetic.markov import Markov

        return Markov(rest, root)
    if kind == "facts":
        from data_pipelines.corpora.synthetic.facts.corpus import Facts

        return Facts(rest, root)
    if kind == "preferences":
        from data_pipelines.corpora.synthetic.preferences.corpus import Preferences

        return Preferences(rest, root)
    if kind == "echo":
        from data_pipelines.corpora.synthetic.echo import Echo

        return Echo(rest, root)
    if kind == "text_files":
        from data_pipelines.corpora.text_files import TextFiles

        return TextFiles(Path(rest), root, reading)
    from data_pipelines.corpora.public import public_builder

    return public_builder(corpus, root)


def prepare_corpus(
    corpus: str,
    data_dir: Path,
    progress: Callable[[str], None] | None = None,
    reading: Reading = AS_THEY_ARE,
) -> DatasetBuilder:
    """Make a corpus unless it is there, and return its builder.

    Where two processes want the same corpus, one makes it and the other waits. `progress` is told
    in words what is being done. Raises OstinatoError where the corpus cannot be made.
    """
    progress = progress or (lambda message: None)
    builder = corpus_builder(corpus, data_dir, reading)
    if builder.info.splits:
        return builder
    with _lock(data_dir / "tfds" / f".{builder.info.full_name.replace('/', '-')}.lock"):
        builder = corpus_builder(corpus, data_dir, reading)
        if not builder.info.splits:
            progress(f"making the corpus {corpus}")
            _discard_unfinished(builder)
            builder.progress = progress
            builder.download_and_prepare()
            builder = corpus_builder(corpus, data_dir, reading)
            if not builder.info.splits:
                raise OstinatoError(
                    f"corpus: {corpus} has changed while it was read; is something still written to "
                    f"it, or does the data_dir ({data_dir}) lie within it?"
                )
            progress(builder.info.metadata["summary"])
    return builder


def corpus_digest(builder: DatasetBuilder) -> str:
    """Content digest of a prepared corpus, in hexadecimal.

    Ours hold one of every document; of another's TFDS dataset it is over its name, version and
    shards, as to read a web corpus for it would take hours.
    """
    metadata = builder.info.metadata
    if metadata and "digest" in metadata:
        return metadata["digest"]
    shards = {
        name: [info.num_bytes, *info.shard_lengths] for name, info in builder.info.splits.items()
    }
    identity = json.dumps([builder.info.full_name, shards], sort_keys=True)
    return hashlib.sha256(identity.encode()).hexdigest()


def _discard_unfinished(builder: DatasetBuilder) -> None:
    """Remove what a killed process has left; the lock says that nobody is at work on it."""
    import shutil

    from tensorflow_datasets.core.constants import INCOMPLETE_PREFIX

    place = Path(builder.data_dir)
    for directory in place.parent.glob(f"{INCOMPLETE_PREFIX}*_{place.name}"):
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Hold a lock among processes; the system lets go of it if this one dies."""
    with open_in(path.parent, lambda: path.open("w")) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def open_in(directory: Path, opened: Callable[[], IO]) -> IO:
    """`opened()`, a file in a directory of the data_dir, which is made; OstinatoError if it cannot."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        return opened()
    except OSError as error:
        raise OstinatoError(
            f"data_dir: {directory} cannot be written ({error.strerror}); set OSTINATO_DATA_DIR"
        ) from None
