"""What every stage's record has: a frozen config whose hash is its id."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, NamedTuple, Self

from pydantic import Field

from data_pipelines.config import Config, MixtureConfig
from data_pipelines.identity import Added, identity


class Data(NamedTuple):
    """Data that has to be prepared before a stage can be run."""

    mixture: MixtureConfig
    ood_corpus: str | None


class Record(Config):
    """One training, or one measurement, of a study: what is done, with which weights it begins.

    A subclass gives `stage` its one value, and says of itself what is said here of any.
    """

    stage: str = Field(description="What is trained or measured.")
    of: Annotated[str | None, Added(None, first="pretrained_run")] = Field(
        None, description="Id of the run whose final weights this one begins with; null for none."
    )

    @cached_property
    def run_id(self) -> str:
        """12 hexadecimal digits of the SHA-256 of what the record is known by (`identity`)."""
        text = json.dumps(identity(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Another record with some values of its own, and so its own id."""
        copied = super().model_copy(update=update, deep=deep)
        copied.__dict__.pop("run_id", None)
        return copied

    @property
    def after(self) -> tuple[str, ...]:
        """Ids of the runs whose weights it uses, which have to be done before."""
        return (self.of,) if self.of else ()

    @property
    def shape(self) -> tuple[Any, ...]:
        """Equal for records whose programs are the same: a worker that has one compiled goes on."""
        return (self.stage,)

    @property
    def alike(self) -> dict[str, Any]:
        """Equal for records that can be trained together, in step; by default none can."""
        return {"run_id": self.run_id}

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables that it leaves beside its curve."""
        return ()

    @property
    def data(self) -> Data | None:
        """What it reads."""
        return None

    def flops(self, vocabulary_size: int) -> float:
        """FLOPs that it takes: the longest is begun first."""
        return 0.0

    def columns(self) -> dict[str, Any]:
        """Its values under the names of the tables' columns."""
        return self.model_dump() | {"run_id": self.run_id}
