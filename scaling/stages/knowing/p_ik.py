"""P(IK): does a model's state at the end of a question say whether its answer will be right?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field

from data_pipelines.config import Count
from scaling.record import Record
from scaling.stages.knowing.following import KnowingRecord, OfFacts
from scaling.stages.stage import Stage

if TYPE_CHECKING:
    from scaling.loop import Lane, Surroundings


class PIKConfig(KnowingRecord):
    """A measurement of one run; nothing is trained but heads."""

    stage: str = Field("p_ik", pattern="^p_ik$")
    samples: Count = Field(30, description="Answers to each question that one of the heads learns.")


class PIK(OfFacts):
    """Heads on the frozen trunks of runs that were told facts."""

    stage: str = Field("p_ik", pattern="^p_ik$")
    samples: Count = Field(
        30, description="Answers to each question, sampled at temperature 1, that one head learns."
    )

    def records(self, parent: Record, runs: Sequence[Record]) -> list[PIKConfig]:
        """The measurement of `parent`."""
        run = self.parent(parent)
        return [PIKConfig(of=run.run_id, seed=run.seed, samples=self.samples)]


def run(lanes: Sequence[Lane], around: Surroundings) -> list[dict[str, Any] | Exception]:
    """Measure a run; raises OstinatoError where its data or its final weights are not there."""
    from scaling import loop  # with JAX
    from scaling.stages.knowing.heads import Heads

    (record,) = (lane.record for lane in lanes)  # no two are alike
    assert isinstance(record, PIKConfig)
    return loop.run(Heads(lanes, around, record.samples), lanes, around)


P_IK = Stage("p_ik", PIKConfig, run, PIK)
