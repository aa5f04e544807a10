"""P(True): can a model learn to tell which of its own answers are true?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field

from data_pipelines.config import Count
from data_pipelines.errors import OstinatoError
from scaling.record import Record
from scaling.stages.knowing.following import LONGEST, KnowingRecord, OfFacts
from scaling.stages.stage import Stage

if TYPE_CHECKING:
    from scaling.loop import Lane, Surroundings


class PTrueConfig(KnowingRecord):
    """Fine-tuning of one run on answers of its own that are graded."""

    stage: str = Field("p_true", pattern="^p_true$")
    graded: Count = Field(description="Own answers that it learns from.")
    passes: Count = Field(description="Times that it sees each.")
    learning_rate: float = Field(gt=0, description="Peak learning rate.")


class PTrue(OfFacts):
    """Runs that were told facts, fine-tuned to grade answers of their own."""

    stage: str = Field("p_true", pattern="^p_true$")
    graded: Count = Field(2000, description="Own answers that each learns from.")
    passes: Count = Field(
        8, description="Times that it sees each; 1 as a document in pre-training is seen."
    )
    learning_rate_factor: float = Field(
        0.5, gt=0, description="Peak learning rate, as a share of pre-training's."
    )

    def records(self, parent: Record, runs: Sequence[Record]) -> list[PTrueConfig]:
        """The fine-tuning of `parent`; raises OstinatoError where its context is too short."""
        run = self.parent(parent)
        if run.context < LONGEST:
            raise OstinatoError(
                f"stages: p_true: context: {run.context} is too short for an answer and what is shown "
                f"before it; give {LONGEST} or more"
            )
        rate = run.learning_rate * self.learning_rate_factor
        asked = {"graded": self.graded, "passes": self.passes, "learning_rate": rate}
        return [PTrueConfig(of=run.run_id, seed=run.seed, **asked)]


def run(lanes: Sequence[Lane], around: Surroundings) -> list[dict[str, Any] | Exception]:
    """Fine-tune a run and have it grade; raises as `loop.run` does, and OstinatoError where the data or
    the final weights of the run that it is of are not there."""
    from scaling import loop  # with JAX
    from scaling.stages.knowing.grading import Grading

    (record,) = (lane.record for lane in lanes)  # no two are alike
    assert isinstance(record, PTrueConfig)
    return loop.run(
        Grading(lanes, around, record.graded, record.passes, record.learning_rate), lanes, around
    )


P_TRUE = Stage("p_true", PTrueConfig, run, PTrue)
