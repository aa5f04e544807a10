"""Vocabularies by name: bytes, or SentencePiece trained on a corpus.

`vocabulary` is what seqio's tasks take; `tokenizer` is the same without seqio, which would load
TensorFlow.
"""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data_pipelines.config import AS_THEY_ARE, Reading
from data_pipelines.corpora import corpus_digest, prepare_corpus
from data_pipelines.errors import OstinatoError
from data_pipelines.system.atomic import replacing

if TYPE_CHECKING:
    import seqio

TRAINING_BYTES = 50 * 2**20
"""Text that a vocabulary is trained on at most: the first of the train split, which is shuffled."""

_PIECE_BYTES = 4096


def vocabulary(
    name: str, corpus: str, data_dir: Path, reading: Reading = AS_THEY_ARE
) -> seqio.Vocabulary:
    """The vocabulary 'bytes', or 'sentencepiece:SIZE' trained on the train split of `corpus`.

    Both have 0 for padding and 1 for the end of a document. A trained one is kept in `data_dir`
    under the corpus's digest. Raises OstinatoError on another name, or a size that the corpus is
    too small for.
    """
    from data_pipelines.system.quiet import seqio

    size = _size(name)
    if size is None:
        return seqio.ByteVocabulary(extra_ids=0)
    return seqio.SentencePieceVocabulary(str(_model(size, corpus, data_dir, reading)), extra_ids=0)


def tokenizer(name: str, corpus: str, data_dir: Path, reading: Reading = AS_THEY_ARE) -> Tokenizer:
    """`vocabulary` of the same arguments as a `Tokenizer`; raises as that does."""
    size = _size(name)
    return _Bytes() if size is None else _Pieces(_model(size, corpus, data_dir, reading))


class Tokenizer(ABC):
    """Text to the tokens that a corpus's task has for it, and back."""

    pad_id, eos_id = 0, 1

    @abstractmethod
    def encode(self, text: str) -> np.ndarray:
        """Tokens with the end of document, int32 [n]."""

    @abstractmethod
    def decode(self, tokens: np.ndarray) -> str:
        """Text of tokens, int [n]; special ones are left out, and bytes that are no character."""


class _Bytes(Tokenizer):
    _SPECIAL = 3  # padding, end, and what seqio keeps for the unknown

    def encode(self, text: str) -> np.ndarray:
        data = np.frombuffer(text.encode(), np.uint8)
        return np.append(data + np.int32(self._SPECIAL), np.int32(self.eos_id))

    def decode(self, tokens: np.ndarray) -> str:
        data = tokens[tokens >= self._SPECIAL] - self._SPECIAL
        return data.astype(np.uint8).tobytes().decode(errors="ignore")


class _Pieces(Tokenizer):
    def __init__(self, model: Path):
        from sentencepiece import SentencePieceProcessor

        self._processor = SentencePieceProcessor(model_file=str(model))

    def encode(self, text: str) -> np.ndarray:
        return np.array([*self._processor.encode(text), self.eos_id], np.int32)

    def decode(self, tokens: np.ndarray) -> str:
        return self._processor.decode(tokens.tolist())


def _size(name: str) -> int | None:
    """Pieces of the vocabulary 'sentencepiece:SIZE', None for 'bytes'."""
    if name == "bytes":
        return None
    kind, _, size = name.partition(":")
    if kind != "sentencepiece" or not size.isdigit():
        raise OstinatoError(f"vocabulary: {name} is none; write bytes or sentencepiece:SIZE")
    return int(size)


@lru_cache(maxsize=8)
def _model(size: int, corpus: str, data_dir: Path, reading: Reading) -> Path:
    """The file of a SentencePiece model, trained unless it is there."""
    builder = prepare_corpus(corpus, data_dir, reading=reading)
    path = data_dir / "vocabularies" / f"{corpus_digest(builder)[:12]}-{size}.model"
    if not path.exists():
        model = _train(_pieces(builder), size, corpus)
        with replacing(path) as temporary:
            temporary.write_bytes(model)
    return path


def _train(pieces: Iterator[str], size: int, corpus: str) -> bytes:
    """A SentencePiece BPE model that gives any text back byte by byte (Kudo & Richardson 2018)."""
    import sentencepiece

    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=pieces,
            model_writer=model,
            vocab_size=size,
            model_type="bpe",
            byte_fallback=True,
            normalization_rule_name="identity",
            remove_extra_whitespaces=False,
            allow_whitespace_only_pieces=True,
            add_dummy_prefix=False,
            split_digits=True,
            max_sentence_length=_PIECE_BYTES * 2,
            pad_id=0,
            eos_id=1,
            unk_id=2,
            bos_id=-1,
            num_threads=1,
            minloglevel=2,
        )
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].rpartition("] ")[2].strip()
        raise OstinatoError(
            f"vocabulary: sentencepiece:{size} cannot be trained on {corpus}: {reason}"
        ) from None
    return model.getvalue()


def _pieces(builder) -> Iterator[str]:
    """The beginning of the train split, in lines, which is how SentencePiece takes text."""
    total = 0
    for example in builder.as_dataset(split="train").as_numpy_iterator():
        text = example["text"].decode()
        total += len(example["text"])
        for line in text.splitlines(keepends=True):
            yield from (line[i : i + _PIECE_BYTES] for i in range(0, len(line), _PIECE_BYTES))
        if total >= TRAINING_BYTES:
            return
