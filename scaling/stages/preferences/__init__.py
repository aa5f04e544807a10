"""Stages that learn a preference from comparisons, and what is made of it (Askell et al. 2021, Bai et
al. 2022, Gao et al. 2023).

`records` says what each is and how a grid asks for it, `ranking` trains preference models and
imitators; `best_of_n` is the record of what `judging` measures of their choices.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from scaling.stages.preferences.best_of_n import BestOfN, BestOfNConfig
from scaling.stages.preferences.records import (
    Imitation,
    ImitationConfig,
    PreferenceConfig,
    PreferenceModel,
    PreferencePretraining,
    PreferencePretrainingConfig,
)
from scaling.stages.stage import Stage

if TYPE_CHECKING:
    from scaling.loop import Lane, Surroundings


def run(lanes: Sequence[Lane], around: Surroundings) -> list[dict[str, Any] | Exception]:
    """Train on comparisons, in step; raises as `loop.run`, and OstinatoError where a prompt is both
    trained on and held out."""
    from scaling import loop  # with JAX
    from scaling.stages.preferences.ranking import training_of

    return loop.run(training_of(lanes, around), lanes, around)


def judge(lanes: Sequence[Lane], around: Surroundings) -> list[dict[str, Any] | Exception]:
    """Take the best of samples, one lane after the other; raises as `judging.run`."""
    from scaling.stages.preferences import judging  # with JAX

    return judging.run(lanes, around)


PREFERENCE_PRETRAINING = Stage(
    "preference_pretraining", PreferencePretrainingConfig, run, PreferencePretraining
)
PREFERENCE_MODEL = Stage("preference_model", PreferenceConfig, run, PreferenceModel)
IMITATION = Stage("imitation", ImitationConfig, run, Imitation)
BEST_OF_N = Stage("best_of_n", BestOfNConfig, judge, BestOfN)
