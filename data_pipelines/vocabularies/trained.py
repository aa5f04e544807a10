"""SentencePiece models that are trained on a corpus, and kept."""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from data_pipelines.config import Reading
from data_pipelines.corpora import corpus_digest, prepare_corpus
from data_pipelines.errors import OstinatoError
from data_pipelines.system.atomic import replacing

TRAINING_BYTES = 50 * 2**20
"""Text that a vocabulary is trained on at most: the first of the train split, which is shuffled."""

_PIECE_BYTES = 4096


@lru_cache(maxsize=8)
def trained_model(size: int, corpus: str, data_dir: Path, reading: Reading) -> Path:
    """The file of a SentencePiece model, trained unless it is there.

    Of a corpus that is split by sequence it is trained on all, as documents are in no split there.
    """
    builder = prepare_corpus(corpus, data_dir, reading=reading)
    path = data_dir / "vocabularies" / f"{corpus_digest(builder)[:12]}-{size}.model"
    if not path.exists():
        model = _train(lines(builder), size, corpus)
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


def lines(builder) -> Iterator[str]:
    """The beginning of the train split, in lines, which is how SentencePiece takes text."""
    total = 0
    for example in builder.as_dataset(split="train").as_numpy_iterator():
        text = example["text"].decode()
        total += len(example["text"])
        for line in text.splitlines(keepends=True):
            yield from (line[i : i + _PIECE_BYTES] for i in range(0, len(line), _PIECE_BYTES))
        if total >= TRAINING_BYTES:
            return
