"""Attention to the token before, on held-out text (Olsson et al. 2022): what an induction head of
a later layer builds on."""

from __future__ import annotations

import jax
import jax.numpy as jnp


def score(patterns_BxHxLxL: jax.Array) -> jax.Array:
    """Mean weight that a position gives to the one before it: [H], in [0, 1]."""
    return jnp.diagonal(patterns_BxHxLxL, -1, axis1=-2, axis2=-1).mean((0, -1))
