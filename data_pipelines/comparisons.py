"""Comparisons as they are packed: their two sides, what is truly preferred, and that none is shared.

A row is a prompt, the preferred response, the other, and the end of the document, a side the end of
the document before, the prompt and a response. Nothing here needs TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from data_pipelines.config import MixtureConfig
from data_pipelines.corpora.synthetic.preferences.comparisons import Comparisons
from data_pipelines.corpora.synthetic.preferences.gold import PROMPT, RESPONSE, Gold, word_numbers
from data_pipelines.errors import OstinatoError
from data_pipelines.store import SequenceStore, row_digests
from data_pipelines.vocabularies import kept_words

CONTEXT = PROMPT + 2 * RESPONSE
"""Of the mixtures that read comparisons: a row has a token more, the end of the document."""
GIVEN = 1 + PROMPT
"""Tokens of a side before the response."""
SIDE = GIVEN + RESPONSE

_START = 1


def sides(rows_NxW: np.ndarray) -> np.ndarray:
    """Both sides of comparisons [n, CONTEXT + 1], the preferred one first: int32 [n, 2, SIDE]."""
    found = np.empty((len(rows_NxW), 2, SIDE), np.int32)
    found[:, :, 0] = _START
    found[:, :, 1:GIVEN] = rows_NxW[:, None, :PROMPT]
    found[:, :, GIVEN:] = rows_NxW[:, PROMPT:CONTEXT].reshape(-1, 2, RESPONSE)
    return found


def comparisons_of(corpus: str) -> Comparisons:
    """What a corpus 'preferences/...' is; raises OstinatoError on any other."""
    kind, _, text = corpus.partition("/")
    if kind != "preferences":
        raise OstinatoError(f"corpus: {corpus} holds no comparisons; give preferences/...")
    return Comparisons.parse(text)


def gold_of(
    config: MixtureConfig, store: SequenceStore, data_dir: Path
) -> Callable[[np.ndarray], np.ndarray]:
    """The true preference over sides [n, SIDE], float64 [n], of what a config compares."""
    gold: Gold = comparisons_of(config.corpus).gold
    assert store.manifest.words  # a config that compares has a vocabulary of words
    words = kept_words(store.manifest.words, data_dir)
    return lambda sides_NxL: gold(word_numbers(gold.process, words, sides_NxL[:, 1:]))


def check_disjoint(**rows_NxW: np.ndarray) -> None:
    """Raise OstinatoError where two of these sets of comparisons [n, CONTEXT + 1] share a prompt."""
    digests = {
        name: np.unique(row_digests(np.ascontiguousarray(rows[:, :PROMPT])))
        for name, rows in rows_NxW.items()
    }
    names = list(digests)
    for number, name in enumerate(names):
        for other in names[:number]:
            if shared := len(np.intersect1d(digests[name], digests[other])):
                raise OstinatoError(
                    f"corpus: {shared} prompts are among the {other} and the {name} comparisons; give "
                    "another seed or more words"
                )
