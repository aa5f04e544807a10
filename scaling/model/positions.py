"""What its place does to a query or a key: rotation, and a share of the key before it."""

from __future__ import annotations

import jax
import jax.numpy as jnp


@jax.named_scope("rotate")
def rotate(x_BxLxHxK: jax.Array, at: jax.Array | int = 0) -> jax.Array:
    """Rotary positions from `at` on (Su et al. 2021), halves paired, base 10,000."""
    L, K = x_BxLxHxK.shape[1], x_BxLxHxK.shape[3]
    frequency = 1e4 ** (-jnp.arange(K // 2) / (K // 2))
    angle_Lx1xK = ((at + jnp.arange(L))[:, None] * frequency)[:, None, :]
    cos, sin = jnp.cos(angle_Lx1xK), jnp.sin(angle_Lx1xK)
    a, b = jnp.split(x_BxLxHxK.astype(jnp.float32), 2, axis=-1)
    return jnp.concatenate([a * cos - b * sin, a * sin + b * cos], -1).astype(x_BxLxHxK.dtype)


def smear(
    k_BxLxHxK: jax.Array, share_H: jax.Array, before_Bx1xHxK: jax.Array | None = None
) -> jax.Array:
    """Each key mixed with the one before it, of itself `share` in [0, 1] (Olsson et al. 2022);
    `before` stands before the first, by default itself."""
    if before_Bx1xHxK is None:
        before_Bx1xHxK = k_BxLxHxK[:, :1]
    before = jnp.concatenate([before_Bx1xHxK, k_BxLxHxK[:, :-1]], axis=1)
    return share_H[:, None] * k_BxLxHxK + (1 - share_H[:, None]) * before
