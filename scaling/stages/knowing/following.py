"""What the records of stages after a run that was told facts share, and what a grid says of them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from data_pipelines.errors import OstinatoError
from data_pipelines.identity import Added
from scaling.config import RunConfig
from scaling.record import Record
from scaling.stages.stage import Following

SHOWN = 5
"""Own samples that a model is shown before the answer that it grades (Kadavath et al. 2022, 3.2)."""

LONGEST = 10 + SHOWN
"""Tokens of an answer that is graded, at most: its question's 6, the samples, and four more."""


class KnowingRecord(Record):
    """What is measured of what a run knows of its facts."""

    of: Annotated[str, Added(None, first="pretrained_run")] = Field(
        pattern=r"^[0-9a-f]{12}$",
        description="Id of the run of the study whose final weights are looked at.",
    )
    seed: int = Field(0, ge=0, description="Seed of that run, and of all that is drawn here.")

    @property
    def tables(self) -> tuple[str, ...]:
        """By condition, by exposures, by bin of what is predicted."""
        return self.stage, f"{self.stage}_exposures", f"{self.stage}_reliability"


class OfFacts(Following):
    """Follows pre-training that was told facts."""

    def accepts(self, parent: Record) -> bool:
        """Whether it is that."""
        return (
            isinstance(parent, RunConfig)
            and parent.stage == "pretraining"
            and bool(parent.exposures)
        )

    def parent(self, record: Record) -> RunConfig:
        """The run, if its entities can be halved; raises OstinatoError."""
        assert isinstance(record, RunConfig)
        if max(record.entities) < 2:
            raise OstinatoError(
                f"stages: {self.stage}: entities: {list(record.entities)} leaves none to ask about "
                "beside those that are learnt from; give 2 or more"
            )
        return record
