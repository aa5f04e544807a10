"""Which vocabulary a name means, and where its file is kept."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from data_pipelines.config import AS_THEY_ARE, MixtureConfig, Reading
from data_pipelines.config.vocabulary_file import digest_in, identified, size_in
from data_pipelines.errors import OstinatoError
from data_pipelines.system.atomic import replacing
from data_pipelines.vocabularies.tokens import Bytes, OfFile, Pieces, Tokenizer
from data_pipelines.vocabularies.trained import trained_model
from data_pipelines.vocabularies.words import Words, word_list

if TYPE_CHECKING:
    import seqio


def vocabulary(
    name: str, corpus: str, data_dir: Path, reading: Reading = AS_THEY_ARE
) -> seqio.Vocabulary:
    """The vocabulary 'bytes', 'sentencepiece:SIZE' or 'words:SIZE' of the train split of `corpus`, or
    that of a file: 'file:PATH', or 'file:DIGEST:SIZE' of one that is kept.

    All have 0 for padding and 1 for the end of a document. A trained one is kept in `data_dir` under
    the corpus's digest; `reading` is how a user's own files are read. Raises OstinatoError on another
    name, a size that the corpus is too small for, or a file that is no vocabulary.
    """
    from data_pipelines.system.quiet import seqio

    size, file = _size(name), _file(name, data_dir)
    if size and name.startswith("words:"):
        from data_pipelines.vocabularies.seqio_side import FileVocabulary

        words = word_list(size, corpus, data_dir, reading)
        return FileVocabulary(str(words), Words(words), size)
    if file:
        from data_pipelines.vocabularies.seqio_side import FileVocabulary

        known = name if digest_in(name) else identified(file)
        return FileVocabulary(known, OfFile(file), size_in(known))
    if size is None:
        return seqio.ByteVocabulary(extra_ids=0)
    model = trained_model(size, corpus, data_dir, reading)
    return seqio.SentencePieceVocabulary(str(model), extra_ids=0)


def tokenizer(name: str, corpus: str, data_dir: Path, reading: Reading = AS_THEY_ARE) -> Tokenizer:
    """`vocabulary` of the same arguments as a `Tokenizer`; raises as that does."""
    size = _size(name)
    if file := _file(name, data_dir):
        return OfFile(file)
    if size and name.startswith("words:"):
        return Words(word_list(size, corpus, data_dir, reading))
    return Bytes() if size is None else Pieces(trained_model(size, corpus, data_dir, reading))


def keep_file(config: MixtureConfig, data_dir: Path) -> None:
    """Copy the vocabulary's file of a config, if it has one, to where it is found by its content.

    Raises OstinatoError where it is gone, or is no longer what the config says.
    """
    digest = digest_in(config.vocabulary)
    if not digest or _kept(digest, data_dir).exists():
        return
    if config.vocabulary_file is None:
        raise _not_kept(config.vocabulary, data_dir)
    source = Path(config.vocabulary_file)
    if identified(source) != config.vocabulary:
        raise OstinatoError(
            f"vocabulary: file:{source} is no longer {config.vocabulary}, which these runs are of; "
            "restore it, or begin another study"
        )
    with replacing(_kept(digest, data_dir)) as temporary:
        shutil.copyfile(source, temporary)


def words_file(config: MixtureConfig, data_dir: Path) -> Path | None:
    """The file of the vocabulary of a config that is a list of words, None of another."""
    size = _size(config.vocabulary)
    if not size or not config.vocabulary.startswith("words:"):
        return None
    return word_list(size, config.vocabulary_corpus, data_dir, config.reading)


def _file(name: str, data_dir: Path) -> Path | None:
    """The file of 'file:PATH' or 'file:DIGEST:SIZE', None of another name."""
    if not name.startswith("file:"):
        return None
    digest = digest_in(name)
    if digest is None:
        return Path(name.partition(":")[2]).expanduser()
    if not _kept(digest, data_dir).exists():
        raise _not_kept(name, data_dir)
    return _kept(digest, data_dir)


def _kept(digest: str, data_dir: Path) -> Path:
    return data_dir / "vocabularies" / f"{digest}.file"


def _not_kept(name: str, data_dir: Path) -> OstinatoError:
    return OstinatoError(
        f"vocabulary: {name} is not kept in {data_dir}; `ostinato study` or `ostinato sweep` does it "
        "where its file lies"
    )


def _size(name: str) -> int | None:
    """Tokens of 'sentencepiece:SIZE' and 'words:SIZE', None for 'bytes' and for a file."""
    kind, _, size = name.partition(":")
    if name == "bytes" or (kind == "file" and size):
        return None
    if kind not in ("sentencepiece", "words") or not size.isdigit():
        raise OstinatoError(
            f"vocabulary: {name} is none; write bytes, sentencepiece:SIZE, words:SIZE or file:PATH"
        )
    return int(size)
