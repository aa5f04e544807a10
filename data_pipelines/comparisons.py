"""Comparisons as they are packed: their two sides, what is truly preferred, and that none is shared.

Their shape is said in `config.comparisons`. Nothing here needs TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from data_pipelines.config import MixtureConfig
from data_pipelines.config.comparisons import CONTEXT, PROMPT, RESPONSE
from data_pipelines.corpora.synthetic.preferences.comparisons import Comparisons
from data_pipelines.corpora.synthetic.preferences.gold import Gold, word_numbers
from data_pipelines.errors import OstinatoError
from data_pipelines.store import SequenceStore, row_digests
from data_pipelines.vocabularies import kept_words

START = 1
"""What a side begins with: the end of the document before."""


def sides(rows_NxW: Any, first: int = START, xp: Any = np) -> Any:
    """Both sides of comparisons [n, CONTEXT + 1], the preferred one first: int32 [n, 2, SIDE], in
    numpy or in jax.numpy; `first` is the token that they begin with."""
    rows = rows_NxW.astype(xp.int32)
    begun = xp.concatenate([xp.full((len(rows), 1), first, xp.int32), rows[:, :PROMPT]], axis=1)
    responses = rows[:, PROMPT:CONTEXT].reshape(-1, 2, RESPONSE)
    return xp.concatenate([xp.repeat(begun[:, None], 2, axis=1), responses], axis=2)


def gold_of(
    config: MixtureConfig, store: SequenceStore, data_dir: Path
) -> Callable[[np.ndarray], np.ndarray]:
    """The true preference over sides [n, SIDE], float64 [n], of what a config compares."""
    gold: Gold = Comparisons.parse(config.corpus).gold
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
