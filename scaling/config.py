"""A run's config: every room's fields in one flat, frozen, fully resolved record.

Only `d_model` and `tokens` have to be given. What is left out is filled in by the rules written
here and in `model.config` before the config is hashed, so that a default spelled out is the same run.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import Field, field_validator, model_validator

from data_pipelines.config import Config, Count, MixtureConfig
from data_pipelines.identity import Added
from scaling.model.config import ModelConfig
from scaling.record import Data, Record

if TYPE_CHECKING:
    from scaling.probes import Probe


def learning_rate_for(d_model: int) -> float:
    """Peak learning rate of a width: 1 / d_model, as AdamW's hidden matrices want it to transfer
    across widths (Yang et al. 2022, "Tensor Programs V"). Tuned on controls only."""
    return round(1 / d_model, 6)


class TrainingConfig(Config):
    """How the weights are moved, and what is measured on the way."""

    learning_rate: float = Field(gt=0, description="Peak learning rate; 1 / d_model.")
    warmup_fraction: float = Field(
        0.1, ge=0, le=1, description="Share of the steps with a rising learning rate."
    )
    final_fraction: float = Field(
        0.1, ge=0, le=1, description="Where the cosine ends, as a share of the peak."
    )
    weight_decay: float = Field(0.1, ge=0, description="AdamW's decoupled weight decay.")
    gradient_clip: float = Field(1.0, gt=0, description="Largest global norm of the gradient.")
    evaluations: Count = Field(
        12, description="Evaluations in a run, evenly spaced, the last at its end."
    )
    evaluation_tokens: Count = Field(
        32_768, description="Held-out tokens each loss is measured on."
    )
    ood_corpus: str | None = Field(
        "pycode", description="Corpus of the out-of-distribution loss; null for none."
    )
    probes: Annotated[tuple[str, ...], Added(())] = Field(
        (), description="What is measured beside losses, at each evaluation or at the end."
    )

    @model_validator(mode="before")
    @classmethod
    def _resolve_training(cls, values: Any) -> Any:
        if (
            isinstance(values, dict)
            and isinstance(values.get("d_model"), int)
            and values["d_model"] > 0
        ):
            values = dict(values)
            if values.get("learning_rate") is None:
                values["learning_rate"] = learning_rate_for(values["d_model"])
        return values

    @field_validator("probes")
    @classmethod
    def _are_probes(cls, probes: tuple[str, ...]) -> tuple[str, ...]:
        # Sorted, so that equal runs have equal configs.
        return tuple(sorted(probe.name for probe in _named(probes)))


class RunConfig(TrainingConfig, ModelConfig, MixtureConfig, Record):
    """Pre-training: one training of one model on one mixture."""

    stage: Annotated[str, Added("pretraining")] = Field("pretraining", pattern="^pretraining$")

    @model_validator(mode="after")
    def _begins_with_nothing(self):
        if self.stage == "pretraining" and self.of is not None:
            raise ValueError(
                f"of: {self.of}, but pre-training begins with no run's weights; leave it out, and "
                "name what follows in the grid's stages"
            )
        return self

    @model_validator(mode="after")
    def _probes_have_what_they_ask_about(self):
        for probe in _named(self.probes):
            for field in probe.fields:
                if not getattr(self, field):
                    raise ValueError(f"probes: {probe.name} needs {field}; give {field}")
        return self

    @property
    def is_control(self) -> bool:
        """Whether nothing is repeated."""
        return self.repeated_fraction == 0

    def control(self) -> Self:
        """The same run with nothing repeated."""
        nothing = {"repeated_fraction": 0.0, "repeats": 0, "order": "uniform", "pools": ()}
        return self.model_copy(update=nothing)

    def flops(self, vocabulary_size: int) -> float:
        """Training FLOPs of the run: 6 per weight and token, 6 * L * (width of all heads) for causal
        attention's scores and values in each layer (Kaplan et al. 2020, section 2.1; half of 12 as
        the mask halves the work), and the unembedding; embedding look-ups cost none."""
        per_token = 6 * self.params + 6 * self.layers * self.context * self.attention_width
        return float(self.tokens) * (per_token + 6 * vocabulary_size * self.d_model)

    @property
    def shape(self) -> tuple[Any, ...]:
        """What its programs depend on."""
        return tuple(getattr(self, name) for name in (*SHAPE, "evaluation_tokens"))

    @property
    def alike(self) -> dict[str, Any]:
        """Runs of one stage, shape, length and evaluations; those with probes go alone, as those look
        at one model."""
        names = ("stage", *SHAPE, "evaluation_tokens", "tokens", "evaluations")
        alone = {"probes": self.run_id} if self.probes else {}
        return {name: getattr(self, name) for name in names} | alone

    @property
    def tables(self) -> tuple[str, ...]:
        """Those of its probes."""
        tables = (table for probe in _named(self.probes) for table in probe.tables)
        return tuple(dict.fromkeys(tables))

    @property
    def data(self) -> Data:
        """Its mixture, and the corpus of its out-of-distribution loss."""
        mixture = {name: getattr(self, name) for name in MixtureConfig.model_fields}
        return Data(MixtureConfig.model_validate(mixture), self.ood_corpus)

    def columns(self) -> dict[str, Any]:
        """Its config and sizes."""
        pools = json.dumps([pool.model_dump() for pool in self.pools]) if self.pools else None
        return super().columns() | {
            "pools": pools,
            "probes": " ".join(self.probes) or None,
            "exposures": " ".join(map(str, self.exposures)) or None,
            "entities": " ".join(map(str, self.entities)) or None,
            "params": self.params,
            "pool_tokens": self.pool_tokens,
            "realised_fraction": self.realised_fraction,
        }


def _named(probes: tuple[str, ...]) -> list[Probe]:
    if not probes:
        return []
    from scaling.probes import named  # with numpy, which most of a study's answers do not need

    return named(probes)


SHAPE = (*ModelConfig.model_fields, "vocabulary", "context", "batch_size")
"""Fields of a run that decide what is compiled for its training."""
