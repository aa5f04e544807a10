"""Stages: what is trained or measured, one after the other, each with the weights of one before.

A module a stage: its record, the function that carries it out, how a grid asks for it, and a `Stage`
that names the three; STAGES lists them. A new one is its module and its line there. `train` carries
runs out in this process. Importing this loads no JAX.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from data_pipelines.config import unknown_name
from data_pipelines.errors import OstinatoError
from scaling.stages.fine_tuning import FINE_TUNING
from scaling.stages.knowing.p_ik import P_IK
from scaling.stages.knowing.p_true import P_TRUE
from scaling.stages.preferences import (
    BEST_OF_N,
    IMITATION,
    PREFERENCE_MODEL,
    PREFERENCE_PRETRAINING,
)
from scaling.stages.pretraining import PRETRAINING
from scaling.stages.stage import Following, Stage

if TYPE_CHECKING:
    from scaling.loop import Lane, Surroundings

__all__ = ["STAGES", "Following", "Stage", "following", "stage_named", "train"]

STAGES: list[Stage] = [
    PRETRAINING,
    FINE_TUNING,
    P_IK,
    P_TRUE,
    PREFERENCE_PRETRAINING,
    PREFERENCE_MODEL,
    IMITATION,
    BEST_OF_N,
]
"""In the order in which they are told; a program may append its own."""


def stage_named(name: str) -> Stage:
    """The stage of a name; raises OstinatoError naming the nearest one."""
    known = {stage.name: stage for stage in STAGES}
    if name not in known:
        raise OstinatoError(f"stage: {unknown_name('stage', name, known)}")
    return known[name]


def following(entry: dict[str, Any]) -> Following:
    """An entry of a grid's `stages`; raises OstinatoError on a stage that follows none, and as its
    own model does."""
    asked = {stage.name: stage.following for stage in STAGES if stage.following}
    if "stage" not in entry:
        raise OstinatoError(f"stage: missing; known: {', '.join(sorted(asked))}")
    model = asked.get(str(entry["stage"]))
    if model is None:
        raise OstinatoError(f"stage: {unknown_name('stage', str(entry['stage']), asked)}")
    return model.parse(entry)


def train(lanes: Sequence[Lane], around: Surroundings) -> list[dict[str, Any] | Exception]:
    """Carry runs out in this process, several in step where their records are `alike`; returns the
    summary of each (final losses in nats per token, sizes, FLOPs, seconds), or why it failed.

    train([Lane(RunConfig(d_model=32, tokens=100_000), on_evaluation=print)], Surroundings(data_dir))

    They go on from the newest checkpoint. Raises OstinatoError on records that are not alike, and as
    their stage's function does.
    """
    first, *others = (lane.record for lane in lanes)
    for other in others:
        for name in first.alike | other.alike:
            if first.alike.get(name) != other.alike.get(name):
                raise OstinatoError(
                    f"{name}: differs among {len(lanes)} runs to be trained together; stack equals"
                )
    return stage_named(first.stage).run(lanes, around)
