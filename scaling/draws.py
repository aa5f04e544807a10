"""Random numbers: JAX's own, bit by bit, of which a CPU's programs are compiled in a quarter of the time.

For a CPU JAX writes Threefry's twenty rounds as a loop, which XLA makes ten kernels of for each kind of
weight and each draw; here they are written out, as JAX does it elsewhere, and are one.
"""

from __future__ import annotations

from math import prod

import jax
import jax.numpy as jnp
from jax.extend.random import define_prng_impl, threefry_prng_impl

_ROTATIONS = (13, 15, 26, 6), (17, 29, 16, 24)
_PARITY = 0x1BD11BDA


def key(seed: jax.Array | int) -> jax.Array:
    """The key of a seed: draws as `jax.random.key` gives them."""
    if jax.default_backend() != "cpu":
        return jax.random.key(seed)
    return jax.random.key(seed, impl=_WRITTEN_OUT)


def _threefry(key: jax.Array, high: jax.Array, low: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Threefry-2x32 in 20 rounds (Salmon et al. 2011) of counters of one shape, each in two halves."""
    keys = key[0], key[1], key[0] ^ key[1] ^ jnp.uint32(_PARITY)
    x, y = high + keys[0], low + keys[1]
    for part in range(5):
        for by in _ROTATIONS[part % 2]:
            x = x + y
            y = x ^ (y << by | y >> (32 - by))
        x, y = x + keys[(part + 1) % 3], y + keys[(part + 2) % 3] + jnp.uint32(part + 1)
    return x, y


def _counted(key: jax.Array, shape: tuple[int, ...]) -> tuple[jax.Array, jax.Array]:
    """Threefry of 0, 1, 2, ... in that shape."""
    low = jnp.zeros(shape, jnp.uint32)
    for axis in range(len(shape)):
        stride = jnp.uint32(prod(shape[axis + 1 :]))
        low += jax.lax.broadcasted_iota(jnp.uint32, shape, axis) * stride
    return _threefry(key, jnp.zeros_like(low), low)


def _split(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    return jnp.stack(_counted(key, shape), axis=-1)


def _fold_in(key: jax.Array, number: int | jax.Array) -> jax.Array:
    low = jnp.asarray(number, jnp.uint32)
    return jnp.stack(_threefry(key, jnp.zeros_like(low), low))


def _bits(key: jax.Array, width: int, shape: tuple[int, ...]) -> jax.Array:
    if width != 32 or prod(shape) >= 2**32:
        return threefry_prng_impl.random_bits(key, width, shape)
    x, y = _counted(key, shape)
    return x ^ y


_WRITTEN_OUT = define_prng_impl(
    key_shape=threefry_prng_impl.key_shape,
    seed=threefry_prng_impl.seed,
    split=_split,
    random_bits=_bits,
    fold_in=_fold_in,
    name="threefry2x32, written out",
    tag="tfw",
)
