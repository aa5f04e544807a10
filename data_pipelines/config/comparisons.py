"""Which comparisons of two responses there are, as the name of their corpus says it, and their shape."""

from __future__ import annotations

import re
from dataclasses import dataclass

from data_pipelines.errors import OstinatoError

PROMPT, RESPONSE = 16, 24
"""Words of a prompt and of a response."""
CONTEXT = PROMPT + 2 * RESPONSE
"""Of mixtures of comparisons: a row is a prompt, the preferred response, the other, and the end."""
GIVEN = 1 + PROMPT
"""Tokens of a side before the response: the end of the document before, the prompt."""
SIDE = GIVEN + RESPONSE

KINDS = ("samples", "levels", "binary")
"""The better of two responses by gold; the less corrupted of two; the real one against one corrupted."""


@dataclass(frozen=True)
class ComparedCorpus:
    """`pairs` comparisons to train on, in the words of the corpus zipf of a seed.

    temperature: the better of samples by gold is preferred with probability sigmoid(difference /
    temperature), 0 for always.
    """

    pairs: int
    kind: str
    temperature: float = 0.0
    seed: int = 0
    words: int = 1000

    @classmethod
    def parse(cls, corpus: str) -> ComparedCorpus:
        """Read 'preferences/20000-samples-t0.5-seed0-words200', all but the first two left out where
        they are the default; raises OstinatoError."""
        match = re.fullmatch(
            rf"preferences/([1-9]\d*)-({'|'.join(KINDS)})"
            r"(?:-t(\d+(?:\.\d+)?))?(?:-seed(\d+))?(?:-words([1-9]\d*))?",
            corpus,
        )
        if not match or (match[3] and match[2] != "samples"):
            raise OstinatoError(
                f"corpus: {corpus} holds no comparisons; write pairs, kind ({', '.join(KINDS)}) and what "
                "they are drawn from, such as preferences/20000-samples-t0.5-seed0-words200 (a "
                "temperature t of samples alone)"
            )
        temperature, seed, words = match[3] or 0, match[4] or 0, match[5] or cls.words
        return cls(int(match[1]), match[2], float(temperature), int(seed), int(words))

    @classmethod
    def beside(cls, corpus: str, pairs: int, kind: str, temperature: float) -> ComparedCorpus:
        """Comparisons in the words of a corpus such as 'zipf/20MB-seed0-words200'; raises OstinatoError
        on one that is not zipf."""
        match = re.fullmatch(r"zipf(?:/[^-]*?-?(?:seed(\d+))?(?:-?words(\d+))?)?", corpus)
        if not match:
            raise OstinatoError(
                f"corpus: {corpus} has no true preference over its text; pre-train on zipf/..."
            )
        return cls(pairs, kind, temperature, int(match[1] or 0), int(match[2] or cls.words))

    def __str__(self) -> str:
        """As `parse` takes it."""
        t = f"-t{self.temperature:g}" if self.temperature else ""
        return f"preferences/{self.pairs}-{self.kind}{t}-seed{self.seed}-words{self.words}"
