"""Vocabularies by name: bytes, SentencePiece or words of a corpus, or a file of the user's.

`vocabulary` is what seqio's tasks take; `tokenizer` is the same without seqio, which would load
TensorFlow. Start with `names`.
"""

from data_pipelines.vocabularies.names import keep_file, tokenizer, vocabulary, words_file
from data_pipelines.vocabularies.tokens import Tokenizer
from data_pipelines.vocabularies.trained import TRAINING_BYTES
from data_pipelines.vocabularies.words import kept_words

__all__ = [
    "TRAINING_BYTES",
    "Tokenizer",
    "keep_file",
    "kept_words",
    "tokenizer",
    "vocabulary",
    "words_file",
]
