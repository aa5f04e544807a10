"""A run's config: every room's fields in one flat, frozen, fully resolved record.

Only `d_model` and `tokens` have to be given. What is left out is filled in by the rules written
here before the config is hashed, so that a default spelled out is the same run.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from data_pipelines.config import Config, Count, MixtureConfig

PAPER_WIDTH = 128
"""d_model / layers in the paper's family (Hernandez et al. 2022, sizes of Olsson et al. 2022)."""


def layers_for(d_model: int) -> int:
    """The family's one dial: layers of a width.

    The paper's sizes have d_model = 128 * layers from 2 layers on. Below them the aspect is 32,
    and never fewer than 2 layers, as one layer cannot form induction heads.
    """
    if d_model <= PAPER_WIDTH:
        return max(2, d_model // 32)
    if d_model % PAPER_WIDTH == 0:
        return d_model // PAPER_WIDTH
    raise ValueError(
        f"d_model: {d_model} is no width of the family (up to 128, or a multiple of 128); give layers too"
    )


def heads_for(d_model: int) -> int:
    """Heads of 64 as in the paper; of 32 below its sizes, and never fewer than 2."""
    return d_model // 64 if d_model >= 2 * PAPER_WIDTH else max(2, d_model // 32)


def learning_rate_for(d_model: int) -> float:
    """Peak learning rate of a width: 1 / d_model, as AdamW's hidden matrices want it to transfer
    across widths (Yang et al. 2022, "Tensor Programs V"). Tuned on controls only."""
    return round(1 / d_model, 6)


class ModelConfig(Config):
    """A decoder-only transformer; of N = 12 * layers * d_model**2 non-embedding parameters, unless
    heads or MLP are given other sizes."""

    d_model: Count = Field(description="Width: the dial that sets every other size.")
    layers: Count = Field(
        description="Blocks; d_model / 128 at the paper's sizes, d_model / 32 (at least 2) below."
    )
    heads: Count = Field(
        description="Attention heads of size 64 at the paper's sizes, 32 (at least 2 heads) below."
    )
    head_size: Count | None = Field(None, description="Size of a head; null for d_model / heads.")
    d_ff: Count = Field(description="Hidden width of the MLP: 4 * d_model.")
    mlp: Literal["gelu", "swiglu"] = Field(
        "gelu", description="Two matrices around GELU, or three with a gate (Shazeer 2020)."
    )
    attention_only: bool = Field(False, description="Leave the MLPs out.")
    smeared_keys: bool = Field(
        False,
        description="Mix each key with the one before it, by a learned share a head (Olsson et al. "
        "2022): one layer can then form induction heads.",
    )
    dropout: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Dropout of the embedding and of what each layer adds to the stream.",
    )
    positions: Literal["rotary", "learned"] = Field("rotary", description="How positions enter.")
    dtype: Literal["float32", "bfloat16"] = Field(
        "float32", description="Type of activations; weights stay float32."
    )

    @model_validator(mode="before")
    @classmethod
    def _resolve_model(cls, values: Any) -> Any:
        if (
            isinstance(values, dict)
            and isinstance(values.get("d_model"), int)
            and values["d_model"] > 0
        ):
            values = dict(values)
            d_model = values["d_model"]
            if values.get("layers") is None:
                values["layers"] = layers_for(d_model)
            if values.get("heads") is None:
                values["heads"] = heads_for(d_model)
            if values.get("d_ff") is None:
                values["d_ff"] = 4 * d_model
        return values

    @model_validator(mode="after")
    def _heads_divide(self):
        if self.head_size is None and self.d_model % self.heads:
            raise ValueError(
                f"heads: {self.heads} does not divide d_model {self.d_model}; give a divisor, "
                "or head_size"
            )
        if self.positions == "rotary" and self.attention_width // self.heads % 2:
            raise ValueError(
                f"heads: {self.heads} gives heads of odd size {self.attention_width // self.heads}, "
                "which rotary positions cannot turn; give another number or positions: learned"
            )
        return self

    @property
    def attention_width(self) -> int:
        """Width of all heads together."""
        return self.heads * self.head_size if self.head_size else self.d_model

    @property
    def params(self) -> int:
        """Non-embedding parameters N; the norms have none."""
        matrices = 0 if self.attention_only else 2 if self.mlp == "gelu" else 3
        mlp = matrices * self.d_model * self.d_ff
        smear = self.heads if self.smeared_keys else 0
        return self.layers * (4 * self.d_model * self.attention_width + mlp + smear)


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
    probes: tuple[Literal["in_context", "copying", "heads", "vectors", "ablation"], ...] = Field(
        (),
        description="What is measured beside losses at each evaluation: in_context, copying, heads, "
        "vectors, and at the end ablation (with heads).",
    )
    pretrained_run: str | None = Field(
        None,
        pattern=r"^[0-9a-f]{12}$",
        description="Fine-tuning: id of the run of the study whose final weights this one begins with.",
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
    def _in_order(cls, probes: tuple[str, ...]) -> tuple[str, ...]:
        # Sorted, so that equal runs have equal configs.
        if "ablation" in probes and "heads" not in probes:
            raise ValueError("ablation needs heads, to know which to ablate; add heads")
        return tuple(sorted(set(probes)))


_LATER = ("head_size", "mlp", "smeared_keys", "dropout", "probes", "pretrained_run")
"""Fields younger than the first recorded study: no part of a run's identity at their defaults, so
that the runs from before keep theirs."""


class RunConfig(TrainingConfig, ModelConfig, MixtureConfig):
    """One training of one model on one mixture."""

    @property
    def run_id(self) -> str:
        """12 hexadecimal digits of the SHA-256 of the resolved config."""
        values = self.model_dump(mode="json")
        for name in _LATER:
            if getattr(self, name) == type(self).model_fields[name].default:
                del values[name]
        text = json.dumps(values, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def is_control(self) -> bool:
        """Whether nothing is repeated."""
        return self.repeated_fraction == 0

    def control(self) -> RunConfig:
        """The same run with nothing repeated."""
        nothing = {"repeated_fraction": 0.0, "repeats": 0, "order": "uniform", "pools": ()}
        return self.model_copy(update=nothing)

    def flops(self, vocabulary_size: int) -> float:
        """Training FLOPs of the run: 6 per weight and token, 6 * L * (width of all heads) for causal
        attention's scores and values in each layer (Kaplan et al. 2020, section 2.1; half of 12 as
        the mask halves the work), and the unembedding; embedding look-ups cost none."""
        per_token = 6 * self.params + 6 * self.layers * self.context * self.attention_width
        return float(self.tokens) * (per_token + 6 * vocabulary_size * self.d_model)
