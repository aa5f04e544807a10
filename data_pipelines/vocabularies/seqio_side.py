"""A vocabulary of a user's own as seqio's tasks take it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from data_pipelines.system.quiet import seqio, tf
from data_pipelines.vocabularies.tokens import Tokenizer


class FileVocabulary(seqio.Vocabulary):
    """A `Tokenizer` in Python's own time: TensorFlow calls back for each document."""

    eos_id, unk_id = 1, 2
    _base_vocab_size = 0

    def __init__(self, name: str, tokenizer: Tokenizer, size: int):
        super().__init__()
        self.name, self._tokenizer = name, tokenizer
        self._base_vocab_size = size

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FileVocabulary) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def _encode(self, s: str) -> Sequence[int]:
        return self._tokenizer.encode(s)[:-1].tolist()

    def _decode(self, ids: Sequence[int]) -> str:
        return self._tokenizer.decode(np.array(ids, np.int64))

    def _encode_tf(self, s: tf.Tensor) -> tf.Tensor:
        def encode(text: bytes | np.ndarray) -> np.ndarray:
            # Bytes within a graph, outside of one an array of none but them.
            data = np.asarray(text, object).item()
            return self._tokenizer.encode(data.decode())[:-1]

        text = tf.convert_to_tensor(s)
        return tf.ensure_shape(tf.numpy_function(encode, [text], tf.int32), (None,))

    def _decode_tf(self, ids: tf.Tensor) -> tf.Tensor:
        def decode(tokens: np.ndarray) -> bytes:
            return self._tokenizer.decode(tokens).encode()

        return tf.ensure_shape(tf.numpy_function(decode, [ids], tf.string), ())
