"""A run's data, opened: batches of any step, and the held-out sequences its losses are measured on.

Nothing here needs TensorFlow, holds state, or is written: a batch is a pure function of the config
and the step.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data_pipelines.config import MixtureConfig
from data_pipelines.corpora.synthetic.facts.truth import Truth
from data_pipelines.errors import OstinatoError
from data_pipelines.plan import Permutation, RepeatPlan, Slots
from data_pipelines.store import SequenceStore


class Batch(NamedTuple):
    """Sequences of some steps, in the run's order."""

    tokens: np.ndarray
    """[steps, rows, context + 1], the store's integer type: inputs and, one to the right, targets."""
    repeated: np.ndarray
    """bool [steps, rows]: whether the sequence comes from a pool."""
    facts: np.ndarray
    """bool [steps, rows]: whether it holds statements of facts."""


@dataclass(frozen=True)
class Facts:
    """What a run is told beside its corpus."""

    store: SequenceStore
    corpus: str
    data_dir: Path

    def __len__(self) -> int:
        """Rows of statements."""
        return len(self.store.split("train"))

    @cached_property
    def truth(self) -> Truth:
        """What holds of whom; raises OstinatoError where the table is gone."""
        return Truth.read(self.corpus, self.data_dir)


@dataclass(frozen=True)
class TrainingData:
    """The stores of a run and the plan over them."""

    config: MixtureConfig
    plan: RepeatPlan
    store: SequenceStore
    facts: Facts | None = None

    @property
    def digest(self) -> str:
        """Content digest of the training corpus."""
        return self.store.manifest.corpus_digest

    @property
    def vocabulary_size(self) -> int:
        """Token ids are below this."""
        return self.store.manifest.vocabulary_size

    def batches(self, start: int, stop: int, rows: slice = slice(None)) -> Batch:
        """The batches of steps start..stop-1; `rows` is a host's share of each."""
        size = self.config.batch_size
        steps = np.arange(start, stop, dtype=np.int64)[:, None]
        slots = self.plan.at(steps * size + np.arange(size, dtype=np.int64)[rows])
        return Batch(self.read(slots), slots.pool >= 0, slots.facts)

    def read(self, slots: Slots) -> np.ndarray:
        """Tokens of what stands at some positions, [*their shape, context + 1]."""
        facts = slots.facts.ravel()
        rows = slots.sequence.ravel()
        tokens = self.store.split("train").read(np.where(facts, 0, rows))
        if self.facts is not None and facts.any():
            tokens[facts] = self.facts.store.split("train").read(rows[facts])
        return tokens.reshape(*slots.sequence.shape, -1)

    def heldout(self, split: str, limit: int) -> np.ndarray:
        """At most `limit` sequences of a split [n, context + 1]: the same for every run and seed."""
        return heldout(self.store, split, limit)

    def pool(self, limit: int) -> np.ndarray:
        """At most `limit` pooled sequences [n, context + 1].

        A control gets those that pools of its seed would be taken from, which it never sees.
        """
        plan = self.plan
        pooled = sum(pool.size for pool in plan.pools) or plan.corpus_size - plan.total
        rows = plan.unseen_sequences(min(limit, pooled))
        return self.store.split("train").read(rows)


def heldout(store: SequenceStore, split: str, limit: int) -> np.ndarray:
    """At most `limit` sequences of a split, chosen at random once for all runs [n, context + 1]."""
    sequences = store.split(split)
    count = min(limit, len(sequences))
    return sequences.read(Permutation(len(sequences), (0,))(np.arange(count)))


def open_data(config: MixtureConfig, data_dir: Path) -> TrainingData:
    """Open what `prepare_data` has made.

    Raises OstinatoError where the corpus is not prepared, is damaged, or has too few tokens.
    """
    store = open_store(config.corpus, config, data_dir)
    available = len(store.split("train"))
    needed = config.total_sequences + config.pool_size
    if needed > available:
        pool = f" and a pool of {config.pool_tokens:,}" if config.pool_size else ""
        raise OstinatoError(
            f"tokens: {config.tokens:,}{pool} are more than {config.corpus} can feed without "
            f"repeating: it has {available * config.context:,} training tokens at context "
            f"{config.context}; lower tokens or take a larger corpus"
        )
    if not config.facts_corpus:
        return TrainingData(config, RepeatPlan.of(config, available), store)
    told = open_store(config.facts_corpus, config.facts, data_dir)
    facts = Facts(told, config.facts_corpus, data_dir)
    return TrainingData(config, RepeatPlan.of(config, available, len(facts)), store, facts)


def open_store(corpus: str, config: MixtureConfig, data_dir: Path) -> SequenceStore:
    """Open the packed sequences of `corpus` in the vocabulary, context and unit of `config`."""
    home = store_home(corpus, config, data_dir)
    try:
        current = (home / "current").read_text().strip()
    except FileNotFoundError:
        raise OstinatoError(
            f"corpus: {corpus} is not prepared in {data_dir}; `ostinato study` or `ostinato sweep` does it"
        ) from None
    return SequenceStore.open(home / current)


def store_home(corpus: str, config: MixtureConfig, data_dir: Path) -> Path:
    """Where the stores of a corpus lie: one directory a content digest, and `current` naming one."""
    vocabulary = config.vocabulary.replace(":", "-")
    read = config.reading.suffix if corpus.startswith("text_files:") else ""
    trained_on = config.vocabulary_corpus
    if config.vocabulary.startswith(("sentencepiece:", "words:")) and corpus != trained_on:
        vocabulary += f"-of-{corpus_slug(trained_on)}{config.reading.suffix}"
    return (
        data_dir
        / "packed"
        / f"{corpus_slug(corpus)}{read}-{vocabulary}-{config.context}-{config.unit}"
    )


def corpus_slug(corpus: str) -> str:
    """A corpus's name as a file name; a path in it is hashed."""
    kind, _, path = corpus.partition(":")
    if path:
        return f"{kind}-{hashlib.sha256(str(Path(path).resolve()).encode()).hexdigest()[:12]}"
    return re.sub(r"[^\w.=-]+", "_", corpus)
