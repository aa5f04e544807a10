"""Pre-training: a language model from its initial weights, on a mixture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from scaling.config import RunConfig
from scaling.stages.stage import Stage

if TYPE_CHECKING:
    from scaling.loop import Lane, Surroundings


def run(lanes: Sequence[Lane], around: Surroundings) -> list[dict[str, Any] | Exception]:
    """Train language models, of one shape and length, in step.

    Raises OstinatoError on runs that differ otherwise than in their data, rates and seeds, and on
    data, layout or checkpoints that do not fit; Interrupted when stopped.
    """
    from scaling import loop  # with JAX
    from scaling.stages.language_modelling import LanguageModelling

    return loop.run(LanguageModelling(lanes, around), lanes, around)


def compile_alone(record: RunConfig) -> None:
    """Compile what trains and evaluates a run alone, in the vocabulary that its record names."""
    from scaling.programs.program import program_for

    program_for(record, record.vocabulary_size).compile()


PRETRAINING = Stage("pretraining", RunConfig, run, compile=compile_alone)
