"""A token a word: the words of facts first, then a corpus's most common ones; others are unknown."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from pathlib import Path

import numpy as np

from data_pipelines.config import Reading
from data_pipelines.config.vocabulary_file import SPECIAL
from data_pipelines.corpora import corpus_digest, prepare_corpus
from data_pipelines.corpora.synthetic.facts.lexicon import WORDS
from data_pipelines.errors import OstinatoError
from data_pipelines.system.atomic import replacing
from data_pipelines.vocabularies.tokens import Tokenizer
from data_pipelines.vocabularies.trained import lines


class Words(Tokenizer):
    """Words between blanks, which alone text is made of when it comes back."""

    unk_id = 2

    def __init__(self, file: Path):
        self._words = file.read_text().splitlines()
        self._ids = {word: SPECIAL + place for place, word in enumerate(self._words)}

    def encode(self, text: str) -> np.ndarray:
        ids = [self._ids.get(word, self.unk_id) for word in text.split()]
        return np.array([*ids, self.eos_id], np.int32)

    def decode(self, tokens: np.ndarray) -> str:
        return " ".join(self._words[token - SPECIAL] for token in tokens if token >= SPECIAL)


def kept_words(file: str, data_dir: Path) -> tuple[str, ...]:
    """The words of a file that `word_list` has made, by its name; raises OstinatoError where it is gone."""
    path = data_dir / "vocabularies" / file
    try:
        return tuple(path.read_text().splitlines())
    except OSError:
        raise OstinatoError(
            f"vocabulary: {path} is gone; delete the packed sequences in {data_dir / 'packed'} and "
            "prepare them again"
        ) from None


@lru_cache(maxsize=8)
def word_list(size: int, corpus: str, data_dir: Path, reading: Reading) -> Path:
    """The file of a vocabulary of `size` tokens, a word a line, made unless it is there: of a corpus
    with fewer words some tokens mean none.

    The train split is counted up to as many bytes as a trained vocabulary sees.
    """
    room = size - SPECIAL - len(WORDS)
    if room < 1:
        raise OstinatoError(
            f"vocabulary: words:{size} has no room for a word beside the {len(WORDS)} of facts; give "
            f"words:{SPECIAL + len(WORDS) + 200} or more"
        )
    builder = prepare_corpus(corpus, data_dir, reading=reading)
    path = data_dir / "vocabularies" / f"{corpus_digest(builder)[:12]}-{size}.words"
    if not path.exists():
        counts = Counter(word for line in lines(builder) for word in line.split())
        for word in WORDS:
            del counts[word]
        # Equally common ones in the order of the alphabet, whatever order they were met in.
        common = sorted(counts, key=lambda word: (-counts[word], word))[:room]
        with replacing(path) as temporary:
            temporary.write_text("".join(f"{word}\n" for word in (*WORDS, *common)))
    return path
