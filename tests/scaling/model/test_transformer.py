from functools import cache, partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import log_softmax

from scaling.config import RunConfig
from scaling.model.transformer import (
    Surgery,
    Transformer,
    _chunks,
    _drop,
    count_params,
    padded_vocabulary,
    rotate,
    smear,
    token_losses,
)

pytestmark = pytest.mark.slow

VOCABULARY, CONTEXT = 40, 16


def shapes(model):
    boxed = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, 1), jnp.int32))
    return nn.unbox(boxed["params"])


def network(**fields):
    """A model and weights of the sizes it begins with, drawn without compiling a sampler of each."""
    config = RunConfig.parse({"tokens": "1M", "d_model": 32} | fields)
    model = Transformer(config, VOCABULARY, CONTEXT, unroll=True)
    return config, model, _weights(model)


@cache
def _weights(model):
    rng = np.random.default_rng(0)

    def drawn(path, leaf):
        scale = 1 if path[-1].key in ("embedding", "positions") else leaf.shape[-2] ** -0.5
        return jnp.asarray(rng.normal(scale=scale, size=leaf.shape), jnp.float32)

    return jax.tree.map_with_path(drawn, shapes(model))


@partial(jax.jit, static_argnums=0)
def applied(model, params, *inputs, **fields):
    return model.apply({"params": params}, *inputs, **fields)


def tokens(seed=0, rows=3):
    return np.random.default_rng(seed).integers(1, VOCABULARY, (rows, CONTEXT))


VARIANTS = [
    {},
    {"attention_only": True},
    {"positions": "learned"},
    {"layers": 1},
    {"smeared_keys": True},
    {"d_ff": 24},
    {"mlp": "swiglu", "d_ff": 24, "heads": 3, "head_size": 8},
]


@pytest.mark.parametrize("fields", VARIANTS)
def test_weights_are_the_formula_and_the_embeddings(fields):
    config, model, _ = network(**fields)
    params = shapes(model)
    positions = CONTEXT * 32 if config.positions == "learned" else 0
    assert count_params(params) == config.params + 2 * VOCABULARY * 32 + positions
    assert count_params(params["blocks"]) == config.params


@pytest.mark.parametrize("fields", VARIANTS)
def test_no_position_sees_what_comes_later(fields):
    _, model, params = network(**fields)
    before = tokens()
    after = before.copy()
    after[:, 9:] = tokens(seed=1)[:, 9:]
    a, b = (applied(model, params, x) for x in (before, after))
    np.testing.assert_allclose(a[:, :9], b[:, :9], atol=1e-5)
    assert np.abs(a[:, 9:] - b[:, 9:]).max() > 0.1


def test_scanned_layers_are_unrolled_layers():
    config, model, params = network(layers=3)
    scanned = Transformer(config, VOCABULARY, CONTEXT, unroll=False)
    a, b = (applied(m, params, tokens()) for m in (model, scanned))
    np.testing.assert_allclose(a, b, atol=1e-4)


def test_a_new_model_knows_nothing():
    _, model, _ = network()

    @jax.jit
    def losses(key, inputs, targets):
        params = nn.unbox(model.init(key, inputs[:1])["params"])
        return token_losses(model.apply({"params": params}, inputs), targets)

    found = losses(jax.random.key(0), tokens(rows=64), tokens(1, 64))
    assert found.mean() == pytest.approx(np.log(VOCABULARY), abs=0.6)


def test_rotary_products_depend_on_distance_alone():
    q, k = np.random.default_rng(2).normal(size=(2, 1, 1, 1, 8)).astype(np.float32)
    q, k = (np.tile(x, (1, 20, 1, 1)) for x in (q, k))
    rotated_q, rotated_k = map(np.asarray, map(jax.jit(rotate), (q, k)))
    products = np.einsum("blhk,bmhk->lm", rotated_q, rotated_k)
    for distance in (0, 3, 11):
        diagonal = np.diagonal(products, -distance)
        np.testing.assert_allclose(diagonal, diagonal[0], atol=1e-4)
    np.testing.assert_allclose(
        np.linalg.norm(rotated_q, axis=-1), np.linalg.norm(q, axis=-1), rtol=1e-5
    )


def test_losses_in_chunks_are_those_of_the_whole_context(monkeypatch):
    _, model, params = network(layers=1)
    targets = tokens(1)
    targets[1, 10:] = 0

    def losses_and_gradient():
        def total(params):
            losses = model.apply({"params": params}, tokens(), targets)
            return losses.sum(), losses

        slopes, losses = jax.jit(jax.grad(total, has_aux=True))(params)
        return losses, *jax.tree.leaves(slopes)

    whole = losses_and_gradient()
    monkeypatch.setattr("scaling.model.transformer._LOGITS_AT_ONCE", 5 * VOCABULARY)
    assert _chunks(CONTEXT, VOCABULARY) == 4
    assert (whole[0] != 0).sum(-1).tolist() == [16, 10, 16]
    for part, all_at_once in zip(losses_and_gradient(), whole, strict=True):
        np.testing.assert_allclose(part, all_at_once, rtol=1e-4, atol=1e-5)


def test_losses_are_the_cross_entropy_and_skip_padding():
    logits = np.random.default_rng(3).normal(scale=30, size=(2, 5, 7)).astype(np.float32)
    targets = np.array([[1, 2, 3, 0, 0], [6, 5, 4, 3, 2]])
    losses = jax.jit(token_losses)(logits, targets)
    log_p = np.take_along_axis(log_softmax(logits, axis=-1), targets[..., None], -1)[..., 0]
    np.testing.assert_allclose(losses[0], [*-log_p[0, :3], 0, 0], rtol=1e-5)
    np.testing.assert_allclose(losses[1], -log_p[1], rtol=1e-5)


@pytest.mark.parametrize("fields", [*VARIANTS[:3], VARIANTS[-1]])
def test_gradients_agree_with_a_float64_reference(fields):
    _, model, params = network(**fields)
    inputs, targets = tokens(), tokens(1)
    direction = jax.tree.map(lambda x: np.random.default_rng(x.size).normal(size=x.shape), params)

    def loss(p):
        return token_losses(model.apply({"params": p}, inputs), targets).sum()

    slope = sum(
        (g * d).sum()
        for g, d in zip(
            *map(jax.tree.leaves, (jax.jit(jax.grad(loss))(params), direction)), strict=True
        )
    )
    with jax.enable_x64(True):
        wide = jax.tree.map(lambda x: np.asarray(x, np.float64), params)
        exact = Transformer(
            model.config.model_copy(update={"dtype": "float64"}), VOCABULARY, CONTEXT, True
        )

        @jax.jit
        def shifted(h):
            p = jax.tree.map(lambda x, d: x + h * d, wide, direction)
            logits = exact.apply({"params": p}, inputs)
            return token_losses(logits, targets).sum(dtype=jnp.float64)

        h = 1e-4
        reference = (shifted(h) - shifted(-h)) / (2 * h)
    assert float(slope) == pytest.approx(float(reference), rel=2e-3)


def test_bfloat16_stays_near_float32():
    _, model, params = network()
    half = Transformer(
        model.config.model_copy(update={"dtype": "bfloat16"}), VOCABULARY, CONTEXT, True
    )
    a, b = (applied(m, params, tokens()) for m in (model, half))
    assert b.dtype == jnp.float32 and 0 < np.abs(a - b).max() < 0.15


def test_vocabularies_are_padded_up():
    assert [padded_vocabulary(n) for n in (259, 264, 4096, 50257)] == [264, 264, 4096, 50304]


def test_smeared_keys_hold_a_share_of_the_key_before():
    k = np.random.default_rng(4).normal(size=(2, 5, 3, 4)).astype(np.float32)
    shares = np.array([1.0, 0.25, 0.0], np.float32)
    smeared = np.asarray(jax.jit(smear)(k, shares))
    np.testing.assert_allclose(smeared[:, 0], k[:, 0], rtol=1e-5)
    np.testing.assert_allclose(smeared[:, 1:, 0], k[:, 1:, 0])
    np.testing.assert_allclose(smeared[:, 1:, 1], 0.25 * k[:, 1:, 1] + 0.75 * k[:, :-1, 1])
    np.testing.assert_allclose(smeared[:, 1:, 2], k[:, :-1, 2])


def surgery(model, **fields) -> Surgery:
    keep = np.ones((model.config.layers, model.config.heads), np.float32)
    return Surgery(**{"keep_NxH": keep} | fields)


@partial(jax.jit, static_argnums=0)
def operate(model, params, inputs, what):
    logits, seen = model.apply({"params": params}, inputs, surgery=what, mutable="heads")
    return logits, seen["heads"]["blocks"]


def test_patterns_are_returned_when_asked_and_change_nothing():
    _, model, params = network(smeared_keys=True)
    plain = applied(model, params, tokens())
    logits, seen = operate(model, params, tokens(), surgery(model))
    np.testing.assert_allclose(logits, plain, atol=1e-4)
    weights = seen["patterns"]
    assert weights.shape == (2, 3, 2, CONTEXT, CONTEXT)
    assert seen["outputs"].shape == (2, 3, CONTEXT, 2, 16)
    np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-5)
    assert not np.triu(weights, 1).any()
    assert jax.eval_shape(model.init, jax.random.key(0), tokens()).keys() == {"params"}


def test_a_head_ablated_adds_nothing_to_the_stream():
    _, model, params = network(attention_only=True)
    keep = np.ones((2, 2), np.float32)
    keep[0, 1] = 0
    ablated, seen = operate(model, params, tokens(), surgery(model, keep_NxH=keep))
    assert not seen["outputs"][0, :, :, 1].any() and seen["outputs"][0, :, :, 0].any()
    # A head of size 16: the rows of the output matrix that read it.
    blocks = params["blocks"]
    cut = params | {"blocks": blocks | {"output": blocks["output"].at[0, 16:].set(0)}}
    np.testing.assert_allclose(ablated, applied(model, cut, tokens()), atol=1e-5)


def test_frozen_patterns_keep_what_later_heads_attend_to():
    _, model, params = network(attention_only=True)
    whole, before = operate(model, params, tokens(), surgery(model))
    keep = np.array([[0, 1], [1, 1]], np.float32)
    _, free = operate(model, params, tokens(), surgery(model, keep_NxH=keep))
    frozen = surgery(model, keep_NxH=keep, patterns_NxBxHxLxL=before["patterns"])
    cut, after = operate(model, params, tokens(), frozen)
    assert np.abs(free["patterns"][1] - before["patterns"][1]).max() > 1e-3
    np.testing.assert_array_equal(after["patterns"], before["patterns"])
    assert np.abs(cut - whole).max() > 1e-2


def test_dropout_is_off_unless_keys_are_given_and_keeps_the_mean():
    _, model, params = network(dropout=0.5)
    _, without, _ = network()
    inputs, targets = tokens(), tokens(1)
    plain = applied(model, params, inputs, targets)
    np.testing.assert_array_equal(plain, applied(without, params, inputs, targets))
    keys = jax.random.split(jax.random.key(5), 3)
    first = applied(model, params, inputs, targets, dropout_B=keys)
    assert np.abs(first - plain).max() > 0.1
    # A sequence's mask is its key's, whatever else is in the batch.
    alone = applied(model, params, inputs[1:2], targets[1:2], dropout_B=keys[1:2])
    np.testing.assert_allclose(alone[0], first[1], atol=1e-5)
    dropped = np.asarray(jax.jit(_drop, static_argnums=1)(np.ones((3 * 4000, 8)), 0.25, keys))
    assert (dropped == 0).mean() == pytest.approx(0.25, abs=0.01)
    assert dropped.mean() == pytest.approx(1, abs=0.01)
