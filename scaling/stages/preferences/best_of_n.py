"""Best of n: of a policy's samples the one that a preference model scores highest, as a record and as
a grid asks for it."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from data_pipelines.config import Count
from data_pipelines.errors import OstinatoError
from scaling.config import RunConfig
from scaling.model.config import ModelConfig
from scaling.record import Record
from scaling.stages.preferences.records import PreferenceConfig
from scaling.stages.stage import Following

TABLE = "best_of_n_prompts"
"""Its table: a row a prompt and n."""


class BestOfNConfig(Record):
    """Samples of a policy, judged by a preference model (the proxy) and by gold."""

    stage: str = Field("best_of_n", pattern="^best_of_n$")
    of: str = Field(pattern=r"^[0-9a-f]{12}$", description="Id of the preference model.")
    policy: str = Field(pattern=r"^[0-9a-f]{12}$", description="Id of the run that is sampled.")
    prompts: Count = Field(128, description="Held-out prompts.")
    samples: Count = Field(1024, description="Responses to each: the largest n.")
    seed: int = Field(0, ge=0, lt=2**31, description="Of the samples.")

    @property
    def after(self) -> tuple[str, ...]:
        return (self.of, self.policy)

    @property
    def tables(self) -> tuple[str, ...]:
        return (TABLE,)


class BestOfN(Following):
    """The best of a control's samples by each preference model."""

    stage: str = Field("best_of_n", pattern="^best_of_n$")
    policy_d_model: Count | None = Field(
        None,
        description="Width of the control that is sampled; null for the preference model's own.",
    )
    prompts: Count = Field(128, description="Held-out prompts.")
    samples: Count = Field(1024, description="Responses to each: the largest n.")

    def accepts(self, parent: Record) -> bool:
        """A preference model."""
        return parent.stage == "preference_model"

    def records(self, parent: Record, runs: Sequence[Record]) -> Sequence[Record]:
        """The preference model with the control of its seed, corpus and sizes that was trained longest.

        Raises OstinatoError where there is none.
        """
        assert isinstance(parent, PreferenceConfig)
        width = self.policy_d_model or parent.d_model
        policies = [run for run in runs if _can_be_sampled(run, parent, width)]
        if not policies:
            raise OstinatoError(
                f"stages: best_of_n: no control of {parent.vocabulary_of} has d_model {width}, seed "
                f"{parent.seed} and the other sizes of {parent.run_id}; add one"
            )
        policy = max(policies, key=lambda run: (run.flops(0), run.run_id))
        asked = {"prompts": self.prompts, "samples": self.samples, "seed": parent.seed}
        return [BestOfNConfig(of=parent.run_id, policy=policy.run_id, **asked)]


def _can_be_sampled(run: Record, judge: PreferenceConfig, width: int) -> bool:
    if not isinstance(run, RunConfig) or run.stage != "pretraining" or not run.is_control:
        return False
    read = run.corpus, run.vocabulary, run.seed
    sizes = [name for name in ModelConfig.model_fields if width == judge.d_model]
    return (
        read == (judge.vocabulary_of, judge.vocabulary, judge.seed)
        and run.d_model == width
        and all(getattr(run, name) == getattr(judge, name) for name in sizes)
    )
