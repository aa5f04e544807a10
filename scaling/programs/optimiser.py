"""AdamW with a warm-up and a cosine, its numbers traced so that no value of them recompiles."""

from __future__ import annotations

from typing import NamedTuple

import jax
import numpy as np
import optax

from scaling.config import RunConfig

BETA_1, BETA_2 = 0.9, 0.95

_AT_ONCE = 4096
"""Steps whose learning rates are computed at a time."""


Scalar = float | np.generic | jax.Array | jax.ShapeDtypeStruct
"""A number, or what stands for one while a function is traced or lowered."""


class Hyper(NamedTuple):
    """The numbers of a training step, as arguments of the compiled one."""

    weight_decay: Scalar
    gradient_clip: Scalar
    seed: Scalar = 0
    """Of dropout."""

    @classmethod
    def of(cls, config: RunConfig) -> Hyper:
        """Those of a run."""
        return cls(
            np.float32(config.weight_decay),
            np.float32(config.gradient_clip),
            np.uint32(config.seed),
        )


def learning_rates(config: RunConfig) -> np.ndarray:
    """The learning rate of every step, float32 [steps]: a linear warm-up, then a cosine that ends
    at `final_fraction` of the peak."""
    warmup = min(max(1, round(config.warmup_fraction * config.steps)), config.steps)
    schedule = optax.warmup_cosine_decay_schedule(
        init_value=0.0,
        peak_value=config.learning_rate,
        warmup_steps=warmup,
        decay_steps=max(config.steps, warmup + 1),
        end_value=config.learning_rate * config.final_fraction,
    )
    # Step k moves by the rate at its end, so that the first one moves at all. JAX compiles a
    # schedule's operations for each length: most runs share one.
    length = -(-config.steps // _AT_ONCE) * _AT_ONCE
    return np.asarray(schedule(np.arange(1, length + 1)), np.float32)[: config.steps]


def optimiser(hyper: Hyper, learning_rate: Scalar) -> optax.GradientTransformation:
    """Clipping by global norm, Adam, decoupled weight decay (Loshchilov and Hutter 2019)."""
    return optax.chain(
        optax.clip_by_global_norm(hyper.gradient_clip),
        optax.adamw(learning_rate, BETA_1, BETA_2, weight_decay=hyper.weight_decay),
    )
