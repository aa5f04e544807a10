"""The TFDS builder of facts: a document a statement, all in train, the truth in a file beside."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from data_pipelines.corpora.builder import TextCorpus
from data_pipelines.corpora.documents import BY_SEQUENCE, Document
from data_pipelines.corpora.synthetic.facts.ladder import Ladder
from data_pipelines.corpora.synthetic.facts.lexicon import WORDINGS, WORDS
from data_pipelines.corpora.synthetic.facts.truth import FILE, VERSION, Truth
from data_pipelines.corpora.synthetic.facts.wording import statements
from data_pipelines.errors import OstinatoError
from data_pipelines.system.quiet import tfds


@dataclasses.dataclass(kw_only=True)
class FactsConfig(tfds.core.BuilderConfig):
    """Named after its ladder."""

    ladder: Ladder


class Facts(TextCorpus):
    """Biographies of made-up entities, each stated as often as its rung says."""

    name = "facts"
    VERSION = tfds.core.Version(VERSION)

    def __init__(self, text: str, data_dir: Path):
        """`text` is what stands behind the corpus's name, such as '512x0_512x10-templates'."""
        ladder = Ladder.parse(text)
        if not ladder.statements:
            raise OstinatoError(f"exposures: facts/{text} states nothing; give a rung with some")
        super().__init__(FactsConfig(name=text, ladder=ladder), data_dir)

    def documents(self, split: str) -> Iterator[Document]:
        """In an order drawn once."""
        ladder = self.builder_config.ladder
        truth = Truth.draw(ladder)
        generator = np.random.default_rng(1)
        entities = generator.permutation(np.repeat(np.arange(len(truth)), truth.exposures_E))
        drawn = generator.integers(WORDINGS, size=len(entities))
        wording = truth.wording_E[entities] if truth.verbatim else drawn
        for entity, words in zip(entities, statements(truth, entities, wording), strict=True):
            yield Document(f"entity {entity}", " ".join(WORDS[word] for word in words if word >= 0))

    def splits(self) -> tuple[str, ...]:
        return ("train",)

    def describe(self) -> dict[str, Any]:
        """Called while the corpus is written, whose directory then receives the truth."""
        ladder = self.builder_config.ladder
        truth = Truth.draw(ladder)
        truth.write(Path(self.data_dir) / FILE)
        told = f"{ladder.statements:,} statements of {len(truth):,} entities"
        return {"split_by": BY_SEQUENCE, "summary": f"facts: {told}"}
