"""What holds of whom: the table beside a corpus of facts, and how it is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from data_pipelines.corpora.synthetic.facts.ladder import Ladder
from data_pipelines.corpora.synthetic.facts.lexicon import (
    ATTRIBUTES,
    ENTITIES,
    FIRST_VALUE,
    NAME_TOKENS,
    NAMES_A_PLACE,
    VALUES,
    WORDINGS,
    WORDS,
)
from data_pipelines.errors import OstinatoError

VERSION = "1.0.0"
"""Of the corpora; to be raised with every change of what is written for the same ladder."""
FILE = "truth.parquet"


@dataclass(frozen=True, eq=False)
class Truth:
    """Every entity with its name and the values of its attributes; the row is its number."""

    exposures_E: np.ndarray
    """Times that it is stated, int64."""
    names_ExN: np.ndarray
    """Places in `lexicon.WORDS` of its name's words, int64."""
    values_ExA: np.ndarray
    """Value of each attribute, 0..VALUES-1, int64."""
    wording_E: np.ndarray
    """How it is stated wherever that does not change (`wording`), int64."""
    verbatim: bool
    """Whether it does not."""

    @classmethod
    def draw(cls, ladder: Ladder) -> Truth:
        """Names that are all different, values uniform and independent."""
        each = ladder.each
        generator = np.random.default_rng(0)
        codes = generator.choice(ENTITIES, len(each), replace=False)
        places = np.arange(NAME_TOKENS)
        names = codes[:, None] // NAMES_A_PLACE**places % NAMES_A_PLACE + NAMES_A_PLACE * places
        values = generator.integers(VALUES, size=(len(each), len(ATTRIBUTES)))
        wording = generator.integers(WORDINGS, size=len(each))
        return cls(each, names, values, wording, ladder.verbatim)

    @classmethod
    def read(cls, corpus: str, data_dir: Path) -> Truth:
        """That of a prepared corpus 'facts/...'; raises OstinatoError where it is not there."""
        import pandas as pd  # not to be loaded by what reads a config

        path = data_dir / "tfds" / corpus / VERSION / FILE
        try:
            table = pd.read_parquet(path)
        except OSError:
            raise OstinatoError(
                f"corpus: {corpus} has no {FILE} in {path.parent}; delete that directory and prepare "
                "the corpus again"
            ) from None
        number = {word: place for place, word in enumerate(WORDS)}
        names = [[number[word] for word in name.split()] for name in table.name]
        values = [[number[word] - FIRST_VALUE for word in table[a]] for a in ATTRIBUTES]
        return cls(
            table.exposures.to_numpy(),
            np.array(names, np.int64).reshape(-1, NAME_TOKENS),
            np.array(values, np.int64).T.reshape(-1, len(ATTRIBUTES)),
            table.wording.to_numpy(),
            corpus.partition("-")[2].startswith("verbatim"),
        )

    def write(self, path: Path) -> None:
        """A row an entity: exposures, name, the value of each attribute, wording."""
        import pandas as pd

        words = np.array(WORDS, object)
        values = words[FIRST_VALUE + self.values_ExA]
        columns = {
            "exposures": self.exposures_E,
            "name": [" ".join(name) for name in words[self.names_ExN]],
            **{attribute: values[:, a] for a, attribute in enumerate(ATTRIBUTES)},
            "wording": self.wording_E,
        }
        pd.DataFrame(columns).to_parquet(path)

    def __len__(self) -> int:
        return len(self.exposures_E)

    @cached_property
    def contents_ExF(self) -> np.ndarray:
        """What is stated of each entity, as `wording.stated` reads it, int64 [E, N + A]."""
        return np.concatenate([self.names_ExN, self.values_ExA], axis=1)

    @cached_property
    def rungs(self) -> dict[int, np.ndarray]:
        """Numbers of the entities by their exposures, ascending."""
        return {int(e): np.flatnonzero(self.exposures_E == e) for e in np.unique(self.exposures_E)}
