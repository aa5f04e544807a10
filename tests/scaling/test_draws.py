"""Draws are JAX's own, bit by bit, and written out."""

import jax
import numpy as np
import pytest

from scaling import draws


def same(draw, seed):
    """Whether what is drawn by a key of ours is what JAX draws by its own."""
    ours, theirs = (jax.jit(draw)(key(seed)) for key in (draws.key, jax.random.key))
    return np.array_equal(data(ours), data(theirs))


def data(array):
    is_key = jax.dtypes.issubdtype(array.dtype, jax.dtypes.prng_key)
    return jax.random.key_data(array) if is_key else array


@pytest.mark.parametrize("seed", [0, 1, 17, 2**31, 2**32 - 1])
@pytest.mark.parametrize(
    "draw",
    [
        lambda key: key,
        lambda key: jax.random.bits(key, ()),
        lambda key: jax.random.bits(key, (7,)),
        lambda key: jax.random.bits(key, (3, 5, 2)),
        lambda key: jax.random.bits(key, (0, 4)),
        lambda key: jax.random.bits(key, (9,), "uint8"),
        lambda key: jax.random.uniform(key, (64, 16)),
        lambda key: jax.random.truncated_normal(key, -2, 2, (16, 65)),
        lambda key: jax.random.normal(key, (2, 8)),
        lambda key: jax.random.split(key),
        lambda key: jax.random.split(key, (2, 3)),
        lambda key: jax.random.fold_in(key, 2**32 - 1),
        lambda key: jax.random.categorical(jax.random.fold_in(key, 3), np.ones((4, 9))),
        lambda key: jax.vmap(jax.random.fold_in, (None, 0))(key, np.arange(5)),
        lambda key: jax.vmap(jax.random.uniform)(jax.random.split(key, 6)),
        lambda key: jax.vmap(lambda k: jax.random.bernoulli(k, 0.3, (5,)))(
            jax.random.split(key, 4)
        ),
    ],
    ids=range(16),
)
def test_a_draw_is_that_of_jax(draw, seed):
    assert same(draw, seed)


def test_on_a_cpu_it_is_written_out_in_one_kernel():
    text = (
        jax.jit(lambda key: jax.random.bits(key, (16, 64))).lower(draws.key(0)).compile().as_text()
    )
    assert " while(" not in text and text.count("kind=kLoop") == 1


def test_elsewhere_it_is_jaxs(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "tpu")
    assert draws.key(5) == jax.random.key(5)
