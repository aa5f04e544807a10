"""`pydocs` and `pycode`: text that every installation of this project brings with it.

English prose from the docstrings and descriptions of a fixed list of packages, and their code
without docstrings. A document of `pydocs` is one docstring of 200 bytes or more: that is the unit
in which packages copy from each other, so the one in which near duplicates can be found and
removed; shorter ones are formulas by the thousand. A document of `pycode` is a file.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from data_pipelines.corpora.builder import TextCorpus
from data_pipelines.corpora.documents import Document, split_of
from data_pipelines.corpora.packages.extraction import Extraction, Kind, extract
from data_pipelines.corpora.packages.sources import STANDARD_LIBRARY, versions
from data_pipelines.system.quiet import tfds

PACKAGES = (
    STANDARD_LIBRARY,
    "clu",
    "etils",
    "flax",
    "jax",
    "keras",
    "matplotlib",
    "numpy",
    "optax",
    "orbax-checkpoint",
    "pandas",
    "plotly",
    "pyarrow",
    "pydantic",
    "rich",
    "scipy",
    "seqio",
    "tensorflow",
    "tensorflow-datasets",
    "typer",
)
"""What the corpora are made from: the standard library and core dependencies, whatever else there is."""


@dataclasses.dataclass
class PackagesConfig(tfds.core.BuilderConfig):
    """Named after the versions of its packages, as other versions make another corpus."""

    versions: dict[str, str] = dataclasses.field(default_factory=dict)

    @classmethod
    def of(cls, packages: tuple[str, ...] = PACKAGES) -> PackagesConfig:
        """The config of `packages` as they are installed; raises OstinatoError if one is not."""
        found = versions(sorted({STANDARD_LIBRARY, *packages}))
        digest = hashlib.sha256(json.dumps(found).encode()).hexdigest()[:10]
        python = "".join(found[STANDARD_LIBRARY].split(".")[:2])
        listed = {package: found[package] for package in sorted(packages)}
        return cls(name=f"py{python}-{len(listed)}-packages-{digest}", versions=listed)


class PackageCorpus(TextCorpus):
    """Text of installed packages, near duplicates removed, split by a hash of the document."""

    kind: ClassVar[Kind]
    processes: int | None = None

    def __init__(self, data_dir: Path, packages: tuple[str, ...] = PACKAGES):
        super().__init__(PackagesConfig.of(packages), data_dir)

    def documents(self, split: str) -> Iterator[Document]:
        return (d for d in self._extraction.documents if split_of(d.text) == split)

    def describe(self) -> dict[str, Any]:
        stages = self._extraction.stages
        steps = ", ".join(f"{s['bytes'] / 1e6:.1f} MB {name}" for name, s in stages.items())
        del self._extraction  # a hundred megabytes that nobody needs any more
        return {
            "packages": self.builder_config.versions,
            "stages": stages,
            "summary": f"{self.name}: {steps}",
        }

    @cached_property
    def _extraction(self) -> Extraction:
        return extract(self.kind, self.builder_config.versions, self.processes)


class PyDocs(PackageCorpus):
    """English prose from the docstrings and descriptions of installed Python packages."""

    name = "pydocs"
    kind = "prose"


class PyCode(PackageCorpus):
    """Source of installed Python packages, without docstrings."""

    name = "pycode"
    kind = "code"
