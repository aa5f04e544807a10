"""`text_files:DIR`: a user's own directory as a corpus; `directory` reads it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data_pipelines.corpora.builder import TextCorpus
from data_pipelines.corpora.directory import TextDirectory
from data_pipelines.corpora.documents import Document
from data_pipelines.system.quiet import tfds


@dataclasses.dataclass
class DirectoryConfig(tfds.core.BuilderConfig):
    """Named after the directory and a digest of its contents, as a changed one is a new corpus."""

    text: TextDirectory | None = None

    @classmethod
    def of(cls, text: TextDirectory) -> DirectoryConfig:
        """The config of a directory as it now is; raises OstinatoError if a file cannot be read."""
        readable = re.sub(r"\W+", "_", text.directory.name, flags=re.ASCII)
        return cls(name=f"{readable}-{text.digest()[:16]}", text=text)


class TextFiles(TextCorpus):
    """Text files of a directory, split by a hash of the document."""

    name = "text_files"

    def __init__(self, directory: Path, data_dir: Path):
        super().__init__(DirectoryConfig.of(TextDirectory(directory)), data_dir)

    def documents(self, split: str) -> Iterator[Document]:
        return self.builder_config.text.documents(split)

    def describe(self) -> dict[str, Any]:
        text = self.builder_config.text
        return {
            "directory": str(text.directory),
            "summary": f"text_files: {text.read:,} documents in {text.directory}",
        }
