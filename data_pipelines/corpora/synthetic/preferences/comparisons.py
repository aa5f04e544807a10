"""How comparisons are drawn: responses, corrupted ones, and which of two is preferred."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from data_pipelines.config.comparisons import KINDS, PROMPT, RESPONSE, ComparedCorpus
from data_pipelines.corpora.documents import SPLITS
from data_pipelines.corpora.synthetic.preferences.gold import Gold, branches
from data_pipelines.corpora.synthetic.zipf import ZipfProcess

LEVELS = (2, 4, 8, 16)
"""Words of a response that a corrupted one has others in place of."""
BINARY_LEVEL = 8

_HELD_OUT = 4096
"""Comparisons in each of the other splits."""
_AT_ONCE = 4096


@dataclass(frozen=True)
class Comparisons:
    """Comparisons as a corpus has them; a prompt is in one split alone, by its content."""

    corpus: ComparedCorpus

    @classmethod
    def parse(cls, corpus: str) -> Comparisons:
        """Those of a name; raises OstinatoError on another corpus's."""
        return cls(ComparedCorpus.parse(corpus))

    @cached_property
    def process(self) -> ZipfProcess:
        """What prompts and responses are drawn from."""
        return ZipfProcess(self.corpus.seed, words=self.corpus.words)

    @cached_property
    def gold(self) -> Gold:
        """What is truly preferred."""
        return Gold(self.process)

    def draw(self, split: str) -> Iterator[np.ndarray]:
        """Word numbers int64 [PROMPT + 2 RESPONSE] of each comparison of a split: the prompt, the
        preferred response, the other. More pairs go on where fewer end."""
        wanted = self.corpus.pairs if split == "train" else _HELD_OUT
        for block in range(-(-wanted // _AT_ONCE)):
            key = (6, KINDS.index(self.corpus.kind), SPLITS.index(split), block)
            rows = self._block(split, self.process.generator(*key))
            yield from rows[: wanted - block * _AT_ONCE]

    def _block(self, split: str, generator: np.random.Generator) -> np.ndarray:
        """_AT_ONCE comparisons, with none of two equal responses among them."""
        found, count = [], 0
        while count < _AT_ONCE:
            pairs = self._pairs(split, generator)
            pairs = pairs[(pairs[:, 0] != pairs[:, 1]).any(axis=1)]
            found.append(pairs)
            count += len(pairs)
        pairs = np.concatenate(found)[:_AT_ONCE]
        return np.concatenate([pairs[:, 0], pairs[:, 1, PROMPT:]], axis=1)

    def _pairs(self, split: str, generator: np.random.Generator) -> np.ndarray:
        """Both rows of comparisons, the preferred one first: [n, 2, PROMPT + RESPONSE]."""
        drawn = branches(
            self.process, generator, _AT_ONCE, 2 if self.corpus.kind == "samples" else 1
        )
        drawn = drawn[:, [_split_of(prompt) == split for prompt in drawn[0, :, :PROMPT]]]
        if self.corpus.kind == "samples":
            pairs = drawn.swapaxes(0, 1)
            gold = self.gold(pairs.reshape(-1, PROMPT + RESPONSE)).reshape(-1, 2)
            other = self._is_preferred(gold[:, 1] - gold[:, 0], generator)
            return np.where(other[:, None, None], pairs[:, ::-1], pairs)
        (real,) = drawn
        levels = np.tile([0, BINARY_LEVEL], (len(real), 1))
        if self.corpus.kind == "levels":
            shuffled = generator.permuted(np.tile(LEVELS, (len(real), 1)), axis=1)
            levels = np.sort(shuffled[:, :2], axis=1)
        return np.stack([self._corrupted(real, own, generator) for own in levels.T], axis=1)

    def _is_preferred(self, by_N: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Whether what is better by so much gold is preferred."""
        return generator.random(len(by_N)) < truth(by_N, self.corpus.temperature)

    def _corrupted(
        self, rows: np.ndarray, level_N: np.ndarray, generator: np.random.Generator
    ) -> np.ndarray:
        """Rows with words of the response replaced at so many places, drawn by how common they are."""
        places = generator.permuted(np.tile(np.arange(RESPONSE), (len(rows), 1)), axis=1)
        mass = self.process.emissions.mean(axis=0)
        others = generator.choice(len(mass), size=places.shape, p=mass / mass.sum())
        corrupted = rows.copy()
        corrupted[:, PROMPT:] = np.where(places < level_N[:, None], others, corrupted[:, PROMPT:])
        return corrupted


def _split_of(prompt: np.ndarray) -> str:
    """Half of all prompts are trained on: short copies make some come again, by which a split must not
    be reached."""
    digest = hashlib.blake2b(prompt.astype("<i8").tobytes(), digest_size=1).digest()
    return ("train", "train", "validation", "test")[digest[0] % 4]


def truth(difference: np.ndarray, temperature: float) -> np.ndarray:
    """Probability that what is better by such a difference of gold is preferred."""
    if temperature == 0:
        return np.heaviside(difference, 0.5)
    return 1 / (1 + np.exp(-difference / temperature))
