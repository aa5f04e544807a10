"""The model's share of a run's config: one dial, `d_model`, sets every other size by rules written here."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from data_pipelines.config import Config, Count
from data_pipelines.identity import Added

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
    head_size: Annotated[Count | None, Added(None)] = Field(
        None, description="Size of a head; null for d_model / heads."
    )
    d_ff: Count = Field(description="Hidden width of the MLP: 4 * d_model.")
    mlp: Annotated[Literal["gelu", "swiglu"], Added("gelu")] = Field(
        "gelu", description="Two matrices around GELU, or three with a gate (Shazeer 2020)."
    )
    attention_only: bool = Field(False, description="Leave the MLPs out.")
    smeared_keys: Annotated[bool, Added(False)] = Field(
        False,
        description="Mix each key with the one before it, by a learned share a head (Olsson et al. "
        "2022): one layer can then form induction heads.",
    )
    dropout: Annotated[float, Added(0.0)] = Field(
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
