import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from scaling.config import RunConfig
from scaling.model import (
    Transformer,
    _chunks,
    count_params,
    padded_vocabulary,
    rotate,
    sequence_losses,
)

VOCABULARY, CONTEXT = 40, 16


def network(**fields):
    config = RunConfig.parse({"tokens": "1M", "d_model": 32} | fields)
    model = Transformer(config, VOCABULARY, CONTEXT, unroll=True)
    params = nn.unbox(model.init(jax.random.key(0), jnp.zeros((1, CONTEXT), jnp.int32))["params"])
    return config, model, params


def tokens(seed=0, rows=3):
    return np.random.default_rng(seed).integers(1, VOCABULARY, (rows, CONTEXT))


VARIANTS = [
    {},
    {"attention_only": True},
    {"positions": "learned"},
    {"layers": 1},
    {"d_ff": 24},
    {"mlp": "swiglu", "d_ff": 24, "heads": 3, "head_size": 8},
]


@pytest.mark.parametrize("fields", VARIANTS)
def test_weights_are_the_formula_and_the_embeddings(fields):
    config, _, params = network(**fields)
    positions = CONTEXT * 32 if config.positions == "learned" else 0
    assert count_params(params) == config.params + 2 * VOCABULARY * 32 + positions
    assert count_params(params["blocks"]) == config.params


@pytest.mark.parametrize("fields", VARIANTS)
def test_no_position_sees_what_comes_later(fields):
    _, model, params = network(**fields)
    before = tokens()
    after = before.copy()
    after[:, 9:] = tokens(seed=1)[:, 9:]
    a, b = (model.apply({"params": params}, x) for x in (before, after))
    np.testing.assert_allclose(a[:, :9], b[:, :9], atol=1e-5)
    assert np.abs(a[:, 9:] - b[:, 9:]).max() > 0.1


def test_scanned_layers_are_unrolled_layers():
    config, model, params = network(layers=3)
    scanned = Transformer(config, VOCABULARY, CONTEXT, unroll=False)
    a, b = (m.apply({"params": params}, tokens()) for m in (model, scanned))
    np.testing.assert_allclose(a, b, atol=1e-4)


def test_a_new_model_knows_nothing():
    _, model, params = network()
    losses, counts = sequence_losses(
        model.apply({"params": params}, tokens(rows=64)), tokens(1, 64)
    )
    assert losses.sum() / counts.sum() == pytest.approx(np.log(VOCABULARY), abs=0.6)


def test_rotary_products_depend_on_distance_alone():
    q, k = jax.random.normal(jax.random.key(2), (2, 1, 1, 1, 8))
    q, k = (jnp.tile(x, (1, 20, 1, 1)) for x in (q, k))
    products = jnp.einsum("blhk,bmhk->lm", rotate(q), rotate(k))
    for distance in (0, 3, 11):
        diagonal = jnp.diagonal(products, -distance)
        np.testing.assert_allclose(diagonal, diagonal[0], atol=1e-4)
    np.testing.assert_allclose(
        jnp.linalg.norm(rotate(q), axis=-1), jnp.linalg.norm(q, axis=-1), rtol=1e-5
    )


def test_losses_in_chunks_are_those_of_the_whole_context(monkeypatch):
    _, model, params = network()
    targets = tokens(1)
    targets[1, 10:] = 0

    def found(params):
        return model.apply({"params": params}, tokens(), targets)

    def gradient():
        return jax.grad(lambda params: found(params)[0].sum())(params)

    whole, slopes = found(params), gradient()
    monkeypatch.setattr("scaling.model._LOGITS_AT_ONCE", 5 * VOCABULARY)
    assert _chunks(CONTEXT, VOCABULARY) == 4
    assert whole[1].tolist() == [16, 10, 16]
    parts = (*found(params), *jax.tree.leaves(gradient()))
    for part, all_at_once in zip(parts, (*whole, *jax.tree.leaves(slopes)), strict=True):
        np.testing.assert_allclose(part, all_at_once, rtol=1e-4, atol=1e-5)


def test_losses_are_the_cross_entropy_and_skip_padding():
    logits = jax.random.normal(jax.random.key(3), (2, 5, 7)) * 30
    targets = jnp.array([[1, 2, 3, 0, 0], [6, 5, 4, 3, 2]])
    losses, counts = sequence_losses(logits, targets)
    log_p = jnp.take_along_axis(jax.nn.log_softmax(logits), targets[..., None], -1)[..., 0]
    np.testing.assert_allclose(losses, [-log_p[0, :3].sum(), -log_p[1].sum()], rtol=1e-5)
    assert counts.tolist() == [3, 5]


@pytest.mark.parametrize("fields", [*VARIANTS[:3], VARIANTS[-1]])
def test_gradients_agree_with_a_float64_reference(fields):
    _, model, params = network(**fields)
    inputs, targets = tokens(), tokens(1)
    direction = jax.tree.map(lambda x: np.random.default_rng(x.size).normal(size=x.shape), params)

    def loss(p):
        return sequence_losses(model.apply({"params": p}, inputs), targets)[0].sum()

    slope = sum(
        (g * d).sum()
        for g, d in zip(*map(jax.tree.leaves, (jax.grad(loss)(params), direction)), strict=True)
    )
    with jax.enable_x64(True):
        wide = jax.tree.map(lambda x: jnp.asarray(np.asarray(x), jnp.float64), params)
        exact = Transformer(
            model.config.model_copy(update={"dtype": "float64"}), VOCABULARY, CONTEXT, True
        )

        def shifted(h):
            p = jax.tree.map(lambda x, d: x + h * d, wide, direction)
            logits = exact.apply({"params": p}, inputs)
            return sequence_losses(logits, targets)[0].sum()

        h = 1e-4
        reference = (shifted(h) - shifted(-h)) / (2 * h)
    assert float(slope) == pytest.approx(float(reference), rel=2e-3)


def test_bfloat16_stays_near_float32():
    _, model, params = network()
    half = Transformer(
        model.config.model_copy(update={"dtype": "bfloat16"}), VOCABULARY, CONTEXT, True
    )
    a, b = (m.apply({"params": params}, tokens()) for m in (model, half))
    assert b.dtype == jnp.float32 and 0 < np.abs(a - b).max() < 0.15


def test_vocabularies_are_padded_up():
    assert [padded_vocabulary(n) for n in (259, 264, 4096, 50257)] == [264, 264, 4096, 50304]
