"""`text_files:DIR`: a user's own directory as a corpus; `directory` reads it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data_pipelines.config.reading import AS_THEY_ARE, Reading
from data_pipelines.corpora.builder import TextCorpus
from data_pipelines.corpora.directory import TextDirectory
from data_pipelines.corpora.directory.records import by_cause
from data_pipelines.corpora.documents import BY_SEQUENCE, SPLITS, Document
from data_pipelines.system.quiet import tfds


@dataclasses.dataclass
class DirectoryConfig(tfds.core.BuilderConfig):
    """Named after the directory and a digest of its contents, as a changed one is a new corpus."""

    text: TextDirectory | None = None

    @classmethod
    def of(cls, text: TextDirectory) -> DirectoryConfig:
        """The config of a directory as it now is; raises OstinatoError if a file cannot be read."""
        readable = re.sub(r"\W+", "_", text.directory.name, flags=re.ASCII)
        name = f"{readable}-{text.digest()[:16]}{text.reading.suffix}"
        return cls(name=name, text=text)


class TextFiles(TextCorpus):
    """Text files of a directory, split by a hash of the document, or by sequence if those are few."""

    name = "text_files"

    def __init__(self, directory: Path, data_dir: Path, reading: Reading = AS_THEY_ARE):
        super().__init__(DirectoryConfig.of(TextDirectory(directory, reading)), data_dir)

    def documents(self, split: str) -> Iterator[Document]:
        text = self.builder_config.text
        return text.documents(split) if text.splits_by_document else iter(text)

    def splits(self) -> tuple[str, ...]:
        return SPLITS if self.builder_config.text.splits_by_document else ("train",)

    def share(self) -> float:
        return self.builder_config.text.share

    def describe(self) -> dict[str, Any]:
        text = self.builder_config.text
        taken = text.read - text.left_out.total()
        left_out = f", left out {by_cause(text.left_out)}" if text.left_out else ""
        few = "" if text.splits_by_document else "; too few to be split, so sequences are"
        described = {
            "directory": str(text.directory),
            "summary": f"text_files: {taken:,} documents in {text.directory}{left_out}{few}",
            "left_out": dict(text.left_out),
        }
        return described | ({} if text.splits_by_document else {"split_by": BY_SEQUENCE})
