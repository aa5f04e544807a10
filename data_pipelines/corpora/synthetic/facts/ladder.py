"""How often how many entities are stated, as the name of a corpus says it."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from data_pipelines.corpora.synthetic.facts.lexicon import ENTITIES
from data_pipelines.errors import OstinatoError


@dataclass(frozen=True)
class Ladder:
    """Rungs of entities; `verbatim` where each is always stated in the same words."""

    exposures: tuple[int, ...]
    entities: tuple[int, ...]
    verbatim: bool

    @classmethod
    def parse(cls, text: str) -> Ladder:
        """Read '512x0_512x10-templates' (entities x exposures); raises OstinatoError."""
        match = re.fullmatch(r"(\d+x\d+(?:_\d+x\d+)*)-(templates|verbatim)", text)
        if not match:
            raise OstinatoError(
                f"corpus: facts/{text} is none; write entities x exposures and how they are stated, "
                "such as facts/512x0_512x10-templates or facts/64x100-verbatim"
            )
        rungs = [tuple(map(int, rung.split("x"))) for rung in match[1].split("_")]
        entities, exposures = zip(*rungs, strict=True)
        if sum(entities) > ENTITIES:
            raise OstinatoError(
                f"entities: {sum(entities):,} are more than the {ENTITIES:,} names that there are"
            )
        return cls(exposures, entities, match[2] == "verbatim")

    @property
    def each(self) -> np.ndarray:
        """Exposures of every entity, int64 [entities]."""
        return np.repeat(np.array(self.exposures), self.entities)

    @property
    def statements(self) -> int:
        """Biographies in all."""
        return int(self.each.sum())
