"""What a stage is: one kind of training, or of measurement, with its record and the function that
carries it out; and how a grid asks for one that follows another."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import Field

from data_pipelines.config import Config
from scaling.record import Record

if TYPE_CHECKING:  # it loads JAX, which saying what there is to do does not need
    from scaling.loop import Lane, Surroundings


class Following(Config, ABC):
    """What a grid says of a stage that follows others: an entry of its `stages`."""

    stage: str = Field(description="Which stage it is.")
    select: str = Field(
        "True", description="Expression; the runs before that match are followed by it."
    )

    @abstractmethod
    def accepts(self, parent: Record) -> bool:
        """Whether a run is one that the stage can follow at all, whatever `select` says."""

    @abstractmethod
    def records(self, parent: Record, runs: Sequence[Record]) -> Sequence[Record]:
        """What follows a run: records `of` it, and what they are to be compared with.

        runs: all that there are before the stage, for what has to choose among them. Raises
        OstinatoError where the run is none that can be followed so.
        """


@dataclass(frozen=True)
class Stage:
    """A kind of run."""

    name: str
    """What its records' `stage` says."""
    record: type[Record]
    run: Callable[[Sequence[Lane], Surroundings], list[dict[str, Any] | Exception]]
    """Carries runs out, together those whose records are `alike`, and returns the summary of each or
    why it failed; raises as `loop.run` does."""
    following: type[Following] | None = None
    """How a grid asks for it; None for what a grid's axes make."""
    compile: Callable[[Any], object] | None = None
    """Compiles what a run alone needs by its record; None for what is not known before its data are
    there."""
