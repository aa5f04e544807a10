"""What corpora drawn from a random process share: their name, their size, their streams of documents."""

from __future__ import annotations

import dataclasses
import itertools
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from data_pipelines.corpora.builder import TextCorpus
from data_pipelines.corpora.documents import SPLITS, Document
from data_pipelines.errors import OstinatoError
from data_pipelines.system.quiet import tfds

_UNITS = {"kB": 10**3, "MB": 10**6, "GB": 10**9}
_HELDOUT_BYTES = 10**6
_DOCUMENTS_AT_ONCE = 8192


@dataclasses.dataclass(frozen=True)
class Process(ABC):
    """A source of documents, each a row of symbol numbers; all it draws follows from its seed."""

    seed: int = 0

    @abstractmethod
    def sample(self, stream: tuple[int, ...], documents: int) -> Iterable[np.ndarray]:
        """`documents` documents, each int64 [its length]; the same for a stream."""

    @abstractmethod
    def text(self, symbols: np.ndarray) -> str:
        """A document as text, in ASCII."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """What is told of it beside its parameters: 'summary', a line, and what else it has to say."""

    def generator(self, *key: int) -> np.random.Generator:
        """Random numbers of this seed for one purpose."""
        return np.random.default_rng((self.seed, *key))


@dataclasses.dataclass(kw_only=True)
class SyntheticConfig(tfds.core.BuilderConfig):
    """How much text of which process: `size` bytes in the train split, a megabyte in the others."""

    size: int
    process: Process

    @classmethod
    def parse(cls, corpus: str, process: type[Process], text: str) -> SyntheticConfig:
        """Read '', '200MB', 'seed3' or '200MB-seed3', of a process with words '200MB-seed3-words200' as
        well; raises OstinatoError."""
        match = re.fullmatch(r"(?:([1-9]\d*)([kMG]B))?-?(?:seed(\d+))?(?:-?words([1-9]\d*))?", text)
        of_words = "words" in {field.name for field in dataclasses.fields(process)}
        if not match or (match[4] and not of_words):
            raise OstinatoError(
                f"corpus: {corpus}/{text} is none; write {corpus}, {corpus}/200MB or "
                f"{corpus}/200MB-seed3{f', or {corpus}/200MB-words200' if of_words else ''}"
            )
        number, unit, seed = match[1] or "20", match[2] or "MB", int(match[3] or 0)
        words = {"words": int(match[4])} if match[4] else {}
        return cls(
            name=f"{number}{unit}-seed{seed}" + (f"-words{match[4]}" if match[4] else ""),
            size=int(number) * _UNITS[unit],
            process=process(seed, **words),
        )


class SyntheticCorpus(TextCorpus):
    """Documents of a process, as many as the config asks for."""

    process_type: ClassVar[type[Process]]

    def __init__(self, text: str, data_dir: Path):
        """`text` is what stands behind the corpus's name, such as '200MB-seed3'."""
        super().__init__(SyntheticConfig.parse(self.name, self.process_type, text), data_dir)

    @property
    def process(self) -> Process:
        """The process that documents are drawn from, of `process_type`."""
        return self.builder_config.process

    def documents(self, split: str) -> Iterator[Document]:
        """Each split is a stream of its own: a larger corpus goes on where a smaller one ends."""
        process, size, number = self.process, 0, 0
        wanted = self.builder_config.size if split == "train" else _HELDOUT_BYTES
        for block in itertools.count():
            for symbols in process.sample((SPLITS.index(split), block), _DOCUMENTS_AT_ONCE):
                text = process.text(symbols)
                yield Document(f"{self.name}-seed{process.seed}:{split}-{number}", text)
                size, number = size + len(text) + 1, number + 1
                if size >= wanted:
                    return

    def describe(self) -> dict[str, Any]:
        return {"process": dataclasses.asdict(self.process)} | self.process.describe()
