"""A product's gradients are those of `@`, computed the way round that a CPU is quick at."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from scaling.model.products import product

SHAPES = [((96, 64), (64, 16)), ((96, 16), (16, 64)), ((2, 3, 32, 24), (2, 3, 24, 8))]


def _operands(shape_x, shape_w):
    rng = np.random.default_rng(0)
    shape_g = (*shape_x[:-1], shape_w[-1])
    return [rng.normal(size=shape).astype(np.float32) for shape in (shape_x, shape_w, shape_g)]


def _back(multiply):
    return jax.jit(lambda x, w, g: jax.vjp(multiply, x, w)[1](g))


@pytest.mark.parametrize(("shape_x", "shape_w"), SHAPES)
def test_its_gradients_are_those_of_the_librarys(shape_x, shape_w):
    x, w, g = _operands(shape_x, shape_w)
    np.testing.assert_array_equal(jax.jit(product)(x, w), jax.jit(jnp.matmul)(x, w))
    for got, want in zip(_back(product)(x, w, g), _back(jnp.matmul)(x, w, g), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)


def test_it_may_be_mapped_over():
    x, w, g = (np.stack([a, 2 * a]) for a in _operands(*SHAPES[0]))
    each = [_back(product)(*row) for row in zip(x, w, g, strict=True)]
    for got, *rows in zip(jax.vmap(_back(product))(x, w, g), *each, strict=True):
        np.testing.assert_allclose(got, np.stack(rows), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("shape_x", "shape_w"), SHAPES)
def test_a_sum_over_rows_is_left_to_eigen_as_a_wide_matrix(shape_x, shape_w):
    text = _back(product).lower(*_operands(shape_x, shape_w)).compile().as_text()
    dots = re.findall(r"f32\[(\S+)\]{(\d),(\d).* dot\(.*lhs_contracting_dims={(\d)}", text)
    (dot,) = (dot for dot in dots if int(dot[-1]) == len(shape_x) - 2)
    sizes = [int(size) for size in dot[0].split(",")]
    assert sizes[int(dot[1])] >= sizes[int(dot[2])]  # the dimension that lies together in memory
