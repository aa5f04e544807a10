"""A vocabulary of a user's own: the file of a SentencePiece model, or a Hugging Face tokenizer.json.

It is known by its content: 'file:PATH' becomes 'file:DIGEST:SIZE', wherever the file lies.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from data_pipelines.errors import OstinatoError

SPECIAL = 3
"""Ids before a file's own: padding, the end of a document, and the unknown, as `bytes` has them."""

_KNOWN = re.compile(r"file:([0-9a-f]{16}):(\d+)")
_FORMATS = "a SentencePiece .model or a Hugging Face tokenizer.json"


def identified(path: Path) -> str:
    """'file:DIGEST:SIZE' of a vocabulary's file: 64 bits of its SHA-256, and its tokens with ours.

    Raises OstinatoError naming the file where it is none.
    """
    status = _status(path)
    return _identified(path, status.st_size, status.st_mtime_ns)


def digest_in(name: str) -> str | None:
    """The digest in a name that `identified` has made; None in another."""
    match = _KNOWN.fullmatch(name)
    return match and match[1]


def size_in(name: str) -> int:
    """Tokens of a vocabulary by the name that `identified` has made."""
    return int(name.rpartition(":")[2])


class Model(NamedTuple):
    """What a vocabulary's file holds, in its own ids."""

    size: int
    """One more than the greatest id."""
    encode: Callable[[str], Sequence[int]]
    decode: Callable[[list[int]], str]


def load(path: Path) -> Model:
    """A SentencePiece model, or a tokenizer that adds, cuts and pads nothing.

    Raises OstinatoError naming the file where it is neither.
    """
    _status(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _none(path, f"cannot be read ({error.strerror})") from None
    if data.lstrip()[:1] == b"{":
        return _tokenizer(path, data)
    return _sentencepiece(path, data)


def _sentencepiece(path: Path, data: bytes) -> Model:
    from sentencepiece import SentencePieceProcessor

    try:
        model = SentencePieceProcessor(model_proto=data)
    except RuntimeError:
        raise _none(path, "is no SentencePiece model") from None
    if not data:
        raise _none(path, "is empty")
    return Model(model.get_piece_size(), model.encode, model.decode)


def _tokenizer(path: Path, data: bytes) -> Model:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_buffer(data)
    except Exception as error:  # the library raises no narrower one
        reason = (str(error).splitlines() or ["?"])[0]
        raise _none(path, f"is no tokenizer.json ({reason})") from None
    # As a model is fed, not as a corpus is read: text past a length would be dropped.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return Model(
        max(tokenizer.get_vocab().values(), default=-1) + 1,
        lambda text: tokenizer.encode(text, add_special_tokens=False).ids,
        lambda ids: tokenizer.decode(ids, skip_special_tokens=False),
    )


@lru_cache(maxsize=64)
def _identified(path: Path, size: int, modified: int) -> str:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    return f"file:{digest}:{load(path).size + SPECIAL}"


def _status(path: Path):
    try:
        if not path.is_dir():
            return path.stat()
    except OSError as error:
        raise _none(path, f"cannot be read ({error.strerror})") from None
    raise _none(path, "is a directory")


def _none(path: Path, fault: str) -> OstinatoError:
    return OstinatoError(f"vocabulary: file:{path} {fault}; give {_FORMATS}")
