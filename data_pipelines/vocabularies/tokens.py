"""Text to tokens and back without seqio, which would load TensorFlow."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np

from data_pipelines.config.vocabulary_file import SPECIAL, load


class Tokenizer(ABC):
    """Text to the tokens that a corpus's task has for it, and back."""

    pad_id, eos_id = 0, 1

    @abstractmethod
    def encode(self, text: str) -> np.ndarray:
        """Tokens with the end of document, int32 [n]."""

    @abstractmethod
    def decode(self, tokens: np.ndarray) -> str:
        """Text of tokens, int [n]; special ones are left out, and bytes that are no character."""


class Bytes(Tokenizer):
    """Bytes of UTF-8, each with a token of its own."""

    _SPECIAL = SPECIAL

    def encode(self, text: str) -> np.ndarray:
        data = np.frombuffer(text.encode(), np.uint8)
        return np.append(data + np.int32(self._SPECIAL), np.int32(self.eos_id))

    def decode(self, tokens: np.ndarray) -> str:
        data = tokens[tokens >= self._SPECIAL] - self._SPECIAL
        return data.astype(np.uint8).tobytes().decode(errors="ignore")


class Pieces(Tokenizer):
    """A SentencePiece model that has 0 for padding and 1 for the end, as those trained here do."""

    def __init__(self, model: Path):
        from sentencepiece import SentencePieceProcessor

        self._processor = SentencePieceProcessor(model_file=str(model))

    def encode(self, text: str) -> np.ndarray:
        return np.array([*self._processor.encode(text), self.eos_id], np.int32)

    def decode(self, tokens: np.ndarray) -> str:
        return self._processor.decode(tokens.tolist())


class OfFile(Tokenizer):
    """A vocabulary of a user's own, its ids moved up by three: what it has for padding, if anything,
    and for the end of a document is not asked."""

    def __init__(self, file: Path):
        self._model = load(file)

    def encode(self, text: str) -> np.ndarray:
        ids = self._model.encode(text)
        return np.array([*(i + SPECIAL for i in ids), self.eos_id], np.int32)

    def decode(self, tokens: np.ndarray) -> str:
        ids = (tokens[tokens >= SPECIAL].astype(np.int64) - SPECIAL).tolist()
        return self._model.decode(ids)
