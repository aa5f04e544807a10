"""The TFDS builder of comparisons: a document a comparison, in splits of prompts of their own."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data_pipelines.corpora.builder import TextCorpus
from data_pipelines.corpora.documents import Document
from data_pipelines.corpora.synthetic.preferences.comparisons import Comparisons
from data_pipelines.system.quiet import tfds


@dataclasses.dataclass(kw_only=True)
class PreferencesConfig(tfds.core.BuilderConfig):
    """Named after its comparisons."""

    comparisons: Comparisons


class Preferences(TextCorpus):
    """Prompts, each with a preferred response and another."""

    name = "preferences"

    def __init__(self, text: str, data_dir: Path):
        """`text` is what stands behind the corpus's name, such as '20000-samples-words200'."""
        config = PreferencesConfig(name=text, comparisons=Comparisons.parse(f"{self.name}/{text}"))
        super().__init__(config, data_dir)

    def documents(self, split: str) -> Iterator[Document]:
        comparisons = self.builder_config.comparisons
        for number, words in enumerate(comparisons.draw(split)):
            yield Document(f"{split}-{number}", comparisons.process.text(words))

    def describe(self) -> dict[str, Any]:
        comparisons = self.builder_config.comparisons
        pairs, kind = comparisons.corpus.pairs, comparisons.corpus.kind
        told = f"{pairs:,} comparisons ({kind}) of {comparisons.process.words} words"
        return {"summary": f"preferences: {told}"}
