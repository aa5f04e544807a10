"""Products of matrices whose gradients a CPU's kernels are quick at."""

from __future__ import annotations

import jax


@jax.custom_vjp
def product(x: jax.Array, w: jax.Array) -> jax.Array:
    """`x @ w` [..., N, K] of [..., N, M] and [..., M, K], as quick to differentiate by `w` whichever
    of M and K is wider.

    XLA on a CPU leaves this gradient, a sum over rows on both sides, to Eigen, which packs one side
    element by element: with M wider than K it takes twice as long as its transpose.
    """
    return x @ w


def _forward(x: jax.Array, w: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return x @ w, (x, w)


def _backward(kept: tuple[jax.Array, jax.Array], g: jax.Array) -> tuple[jax.Array, jax.Array]:
    x, w = kept
    return g @ w.mT, jax.lax.platform_dependent(x, g, cpu=_wide, default=_plain)


def _plain(x: jax.Array, g: jax.Array) -> jax.Array:
    return x.mT @ g


def _wide(x: jax.Array, g: jax.Array) -> jax.Array:
    """The same, as a matrix at least as wide as high; the barrier keeps XLA from turning it back."""
    if x.shape[-1] <= g.shape[-1]:
        return jax.lax.optimization_barrier(x.mT @ g)
    return jax.lax.optimization_barrier(g.mT @ x).mT


product.defvjp(_forward, _backward)
