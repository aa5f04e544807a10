"""Is the claim true? Count what a run's realised batches hold, by the content of each sequence.

The audit knows the config and the tokens that come out of the stream; which sequence the plan meant
to be where, it does not ask. Memory: 9 bytes a sequence of the run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np
from datasketch import MinHash, MinHashLSH

from data_pipelines.corpora.dedup import PERMUTATIONS, signature, word_shingles
from data_pipelines.corpora.synthetic.facts.truth import Truth
from data_pipelines.corpora.synthetic.facts.wording import stated
from data_pipelines.store import SequenceStore, row_digests
from data_pipelines.stream import TrainingData

NEAR_THRESHOLD = 0.8
"""Jaccard similarity of five-word runs from which two sequences count as near duplicates."""

_SHINGLES = 5
"""Distinct runs of words that a sequence needs to be compared: fewer say nothing."""
_NEAR_SEQUENCES = 50_000
"""Distinct trained sequences compared with the held-out ones; of more, a random share."""
_STEPS_AT_ONCE = 64
_OF_FACTS = ("statements", "statements_elsewhere", "entities_miscounted")
_EXAMPLES = 5


@dataclass(frozen=True)
class Audit:
    """What was asked of a run's data, and what its batches hold."""

    run_id: str
    steps: tuple[int, int]
    """First step and the one after the last, of those that were counted."""
    sequences: int
    asked: dict[str, Any]
    realised: dict[str, Any]
    """The same keys as `asked`."""
    histogram: dict[int, int]
    """Distinct pooled sequences by how often they were seen."""
    batch_share: tuple[int, int]
    """Fewest and most pooled sequences in a batch."""
    near: dict[str, Any]
    """Trained sequences that nearly equal a held-out one: checked, found, examples."""
    left_out: dict[str, int]
    """Records of the corpus that hold no text, by cause: no sequence is made of them."""
    faults: tuple[str, ...]
    """In which way the claim does not hold; empty where it does."""

    def as_dict(self) -> dict[str, Any]:
        """All of it as JSON takes it."""
        return asdict(self)


def audit(
    data: TrainingData,
    run_id: str,
    *,
    stop: int | None = None,
    decode: Callable[[np.ndarray], str] | None = None,
    progress: Callable[[float], None] = lambda share: None,
) -> Audit:
    """Stream steps 0..stop-1 of a run (at least one; default: all) and count them.

    With `decode` (tokens to text) near duplicates of held-out sequences are looked for as well.
    `progress` gets the share of the steps that is done.
    """
    config = data.config
    stop = config.steps if stop is None else stop
    digests, repeated, facts, told = _stream(data, stop, progress)
    whole = stop == config.steps
    pool, times = np.unique(digests[repeated], return_counts=True)
    unique, seen = np.unique(digests[~repeated & ~facts], return_counts=True)
    share = repeated.reshape(stop, -1).sum(axis=1)
    held_out = {
        split: row_digests(sequences.read(np.arange(len(sequences))))
        for split in ("validation", "test")
        for sequences in [data.store.split(split)]
    }
    everything = np.concatenate([pool, unique])
    asked = {
        "repeated_fraction": config.repeated_fraction,
        "pool_sequences": config.pool_size,
        "repeats_least": min((repeats for _, repeats in config.pool_shapes), default=0),
        "repeats_most": max((repeats for _, repeats in config.pool_shapes), default=0),
        "unique_seen_most": 1 if len(unique) else 0,
        "in_pool_and_unique": 0,
        "in_validation": 0,
        "in_test": 0,
    }
    realised = {
        "repeated_fraction": float(repeated.mean()),
        "pool_sequences": len(pool),
        "repeats_least": int(times.min()) if len(times) else 0,
        "repeats_most": int(times.max(initial=0)),
        "unique_seen_most": int(seen.max(initial=0)),
        "in_pool_and_unique": len(np.intersect1d(pool, unique)),
        "in_validation": int(np.isin(everything, held_out["validation"]).sum()),
        "in_test": int(np.isin(everything, held_out["test"]).sum()),
    }
    if told:
        asked |= told.asked(whole)
        realised |= told.realised(whole)
    histogram = {int(k): v for k, v in sorted(Counter(times.tolist()).items())}
    batches = int(share.min()), int(share.max())
    return Audit(
        run_id,
        (0, stop),
        len(digests),
        asked,
        realised,
        histogram,
        batches,
        _near(data, stop, decode) if decode else {},
        data.store.manifest.records_left_out,
        tuple(_faults(data, asked, realised, histogram, batches, whole)),
    )


class _Told:
    """The statements of facts in a stream, counted by the content of each."""

    def __init__(self, truth: Truth):
        self._truth, self._outside, self._broken = truth, 0, 0
        self._digests: list[np.ndarray] = []

    def add(self, rows_NxL: np.ndarray, facts_N: np.ndarray) -> None:
        """Count some rows; `facts` are those that statements belong in."""
        found, broken = stated(rows_NxL[facts_N])
        self._digests.append(row_digests(found))
        self._broken += broken
        found, broken = stated(rows_NxL[~facts_N])
        self._outside += len(found) + broken

    def asked(self, whole: bool) -> dict[str, int]:
        statements = {"statements": int(self._truth.exposures_E.sum())} if whole else {}
        return statements | {
            "false_statements": 0,
            "statements_elsewhere": 0,
            "entities_miscounted": 0,
        }

    def realised(self, whole: bool) -> dict[str, int]:
        """Of a part of a run, entities are miscounted that are stated more often than in all of it."""
        digests, counts = np.unique(np.concatenate(self._digests), return_counts=True)
        true = row_digests(self._truth.contents_ExF)
        place = np.minimum(np.searchsorted(digests, true), len(digests) - 1)
        seen = np.where(digests[place] == true, counts[place], 0) if len(digests) else 0 * true
        over = seen > self._truth.exposures_E
        under = seen < self._truth.exposures_E
        statements = {"statements": int(counts.sum()) + self._broken} if whole else {}
        return statements | {
            "false_statements": int(counts[~np.isin(digests, true)].sum()) + self._broken,
            "statements_elsewhere": self._outside,
            "entities_miscounted": int((over | under).sum() if whole else over.sum()),
        }


def _stream(
    data: TrainingData, stop: int, progress
) -> tuple[np.ndarray, np.ndarray, np.ndarray, _Told | None]:
    digests, repeated, facts = [], [], []
    told = _Told(data.facts.truth) if data.facts else None
    for start in range(0, stop, _STEPS_AT_ONCE):
        end = min(start + _STEPS_AT_ONCE, stop)
        batch = data.batches(start, end)
        rows = batch.tokens.reshape(-1, batch.tokens.shape[-1])
        digests.append(row_digests(rows))
        repeated.append(batch.repeated.ravel())
        facts.append(batch.facts.ravel())
        if told:
            told.add(rows, facts[-1])
        progress(end / stop)
    return np.concatenate(digests), np.concatenate(repeated), np.concatenate(facts), told


def _faults(
    data: TrainingData,
    asked: dict,
    realised: dict,
    histogram: dict,
    batches: tuple[int, int],
    whole: bool,
):
    """Each way in which what was realised is not what was asked; of a part of a run, only what a
    part can show."""
    config = data.config
    names = ["in_pool_and_unique", "in_validation", "in_test"]
    names += ["pool_sequences", "repeats_least", "repeats_most"] if whole else []
    names += [name for name in asked if name.endswith(_OF_FACTS)]
    for name in names:
        if realised[name] != asked[name]:
            yield f"{name}: {realised[name]}, asked {asked[name]}"
    for name in ("unique_seen_most", "repeats_most"):
        if realised[name] > asked[name]:
            yield f"{name}: {realised[name]}, asked {asked[name]} at most"
    planned: Counter[int] = Counter()
    for size, repeats in config.pool_shapes:
        planned[repeats] += size
    if whole and histogram != planned:
        yield f"histogram: {histogram}, planned {dict(planned)}"
    if whole and realised["repeated_fraction"] != config.realised_fraction:
        yield f"repeated_fraction: {realised['repeated_fraction']}, planned {config.realised_fraction}"
    even = config.order in ("uniform", "epochs", "even")
    exact = config.batch_size * config.realised_fraction
    slack = max(1, len(config.pool_shapes)) + bool(config.facts_corpus)
    if even and not (exact - slack < batches[0] + 1e-9 and batches[1] - 1e-9 < exact + slack):
        yield f"batch_share: {batches[0]} to {batches[1]} pooled sequences, asked {exact:g} to within {slack}"


def _near(data: TrainingData, stop: int, decode: Callable[[np.ndarray], str]) -> dict[str, Any]:
    """Trained sequences whose text nearly equals that of one in validation or test."""
    index, held = _held_out_index(data.store, decode)
    slots = data.plan.at(np.arange(stop * data.config.batch_size))
    trained = np.unique(slots.sequence[~slots.facts])
    if len(trained) > _NEAR_SEQUENCES:
        trained = np.sort(np.random.default_rng(0).choice(trained, _NEAR_SEQUENCES, replace=False))
    found, examples = 0, list[dict[str, str]]()
    for tokens in data.store.split("train").read(trained):
        mine = _minhash(decode(tokens))
        near = mine and [k for k in index.query(mine) if held[k].jaccard(mine) >= NEAR_THRESHOLD]
        found += bool(near)
        if near and len(examples) < _EXAMPLES:
            split, row = near[0]
            twin = data.store.split(split).read(np.array([row]))[0]
            examples.append({"split": split, "trained": decode(tokens), "held_out": decode(twin)})
    return {"checked": len(trained), "found": found, "examples": examples}


@lru_cache(maxsize=2)
def _held_out_index(
    store: SequenceStore, decode: Callable[[np.ndarray], str]
) -> tuple[MinHashLSH, dict[tuple[str, int], MinHash]]:
    index, held = MinHashLSH(threshold=NEAR_THRESHOLD, num_perm=PERMUTATIONS), {}
    for split in ("validation", "test"):
        sequences = store.split(split)
        for row, tokens in enumerate(sequences.read(np.arange(len(sequences)))):
            if minhash := _minhash(decode(tokens)):
                held[split, row] = minhash
                index.insert((split, row), minhash)
    return index, held


def _minhash(text: str) -> MinHash | None:
    """The MinHash of a text's runs of words; None of one with fewer words than a run."""
    shingles = word_shingles(text)
    if len(shingles) < _SHINGLES:
        return None
    return MinHash(
        hashvalues=signature(shingles), permutations=_blank().permutations, scheme="affine32"
    )


@cache
def _blank() -> MinHash:
    return MinHash(num_perm=PERMUTATIONS, seed=1, scheme="affine32", hashfunc=int)
