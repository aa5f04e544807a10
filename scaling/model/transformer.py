"""The family's model: a decoder-only transformer in Flax.

Pre-norm blocks of causal attention and an MLP, norms without parameters (so that N is exactly
12 * layers * d_model**2 where the sizes are the family's), rotary or learned positions, untied
unembedding. Weights are float32 and stacked over layers; activations are flat [B*L, D] wherever
attention does not need them apart.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import flax.linen as nn
import flax.struct
import jax
import jax.numpy as jnp

from scaling.model.attention import Attention, onward, patterns, plain
from scaling.model.config import ModelConfig
from scaling.model.positions import rotate, smear
from scaling.model.products import product

_LOGITS_AT_ONCE = 2**26
"""Logits of a sequence that are held at a time: 256 MiB."""

_INIT = nn.initializers.variance_scaling(1.0, "fan_in", "truncated_normal")


class Transformer(nn.Module):
    """Next-token logits of a batch of sequences, or their losses."""

    config: ModelConfig
    vocabulary_size: int
    context: int
    unroll: bool
    """Whether the loop over layers is unrolled (faster on CPU) or scanned (compiles once a block)."""
    attend: Attention = plain
    remat: bool = False
    """Whether the backward pass computes a block's activations anew instead of keeping them."""

    @nn.compact
    def __call__(
        self,
        inputs_BxL: jax.Array,
        targets_BxL: jax.Array | None = None,
        *,
        dropout_B: jax.Array | None = None,
        surgery: Surgery | None = None,
        places_BxK: jax.Array | None = None,
        at: jax.Array | None = None,
    ) -> jax.Array:
        """Logits [B, L, V] (float32) of token ids [B, L]; V is `vocabulary_size`.

        With targets, `token_losses` [B, L] instead, in chunks of the context that keep the logits
        small. `dropout_B` are the keys of each sequence's dropout, None for none of it. With
        `surgery` the heads are treated as it says, and the collection `heads`, where it is
        mutable, receives `patterns` [layers, B, H, L, L] and `outputs` [layers, B, L, H, K].
        With `places`, logits are those after these alone, [B, K, V]. The collection `trunk`, where it
        is mutable, receives `final` [B, L or K, D], what they are read off.
        With `at`, the place of the first of these tokens, they come after those that the collection
        `cache` remembers (`empty_cache`), and are remembered there.
        """
        config, dtype = self.config, jnp.dtype(self.config.dtype)
        normal = nn.initializers.normal(1.0)
        size = self.vocabulary_size, config.d_model
        embed = weight(self, "embedding", normal, ("vocabulary", "embed"), size)
        B, L = inputs_BxL.shape
        x_BLxD = embed.astype(dtype)[inputs_BxL.reshape(-1)]
        if config.positions == "learned":
            shape = self.context, config.d_model
            positions = weight(self, "positions", normal, (None, "embed"), shape)
            own = jax.lax.dynamic_slice_in_dim(positions, 0 if at is None else at, L)
            x_BLxD = x_BLxD + jnp.tile(own.astype(dtype), (B, 1))
        dropout_NxB = None
        if dropout_B is not None and config.dropout:
            keys = jax.vmap(lambda key: jax.random.split(key, config.layers + 1))(dropout_B)
            x_BLxD = _drop(x_BLxD, config.dropout, keys[:, -1])
            dropout_NxB = keys[:, :-1].swapaxes(0, 1)
        block = Block
        if self.remat:
            block = nn.remat(Block, prevent_cse=self.unroll, static_argnums=(2,))
        blocks = nn.scan(
            block,
            variable_axes={"params": 0, "heads": 0, "cache": 0},
            split_rngs={"params": True},
            in_axes=(nn.broadcast, 0, 0, nn.broadcast),
            length=config.layers,
            unroll=config.layers if self.unroll else 1,
            metadata_params={nn.PARTITION_NAME: "layers"},
            # Traces a block once more: not needed here, but the draws of the weights count it.
            check_constancy_invariants=self.is_initializing(),
        )
        x_BLxD, _ = blocks(config, self.attend, name="blocks")(x_BLxD, L, dropout_NxB, surgery, at)
        unembed = weight(self, "unembedding", _INIT, ("embed", "vocabulary"), size[::-1])
        unembed = unembed.astype(dtype)
        x_BxLxD = _norm(x_BLxD).reshape(B, L, -1)
        if places_BxK is not None:
            x_BxLxD = jnp.take_along_axis(x_BxLxD, places_BxK[..., None], axis=1)
        if not self.is_initializing():
            self.sow("trunk", "final", x_BxLxD, reduce_fn=_last)

        def logits(x_BxLxD: jax.Array) -> jax.Array:
            with jax.named_scope("unembed"):
                flat = product(x_BxLxD.reshape(-1, config.d_model), unembed)
            return flat.astype(jnp.float32).reshape(*x_BxLxD.shape[:2], -1)

        if targets_BxL is None:
            return logits(x_BxLxD)
        chunks = _chunks(L, self.vocabulary_size)
        if chunks == 1:
            return token_losses(logits(x_BxLxD), targets_BxL)
        parts = tuple(
            x.reshape(B, chunks, L // chunks, *x.shape[2:]).swapaxes(0, 1)
            for x in (x_BxLxD, targets_BxL)
        )
        # Recomputed, or the backward pass would keep every chunk's logits.
        chunk = jax.checkpoint(lambda part: token_losses(logits(part[0]), part[1]))
        return jax.lax.map(chunk, parts).swapaxes(0, 1).reshape(B, L)


class Surgery(flax.struct.PyTreeNode):
    """What is done to the heads in a forward pass (Olsson et al. 2022, "ablations")."""

    keep_NxH: jax.Array
    """By layer and head: 1 for a head that works as trained, 0 for one whose output is zero."""
    patterns_NxBxHxLxL: jax.Array | None = None
    """Attention patterns put in place of those that queries and keys make; None for the latter."""


class Block(nn.Module):
    """One layer: attention, then (unless attention-only) the MLP, each added to the stream."""

    config: ModelConfig
    attend: Attention

    @nn.compact
    def __call__(
        self,
        x_BLxD: jax.Array,
        length: int,
        dropout_B: jax.Array | None = None,
        surgery: Surgery | None = None,
        at: jax.Array | None = None,
    ) -> tuple[jax.Array, None]:
        """`surgery` is this layer's: `keep` [H], `patterns` [B, H, L, L]."""

        def drop(x_BLxD: jax.Array, half: int) -> jax.Array:
            if dropout_B is None:
                return x_BLxD
            keys_B = jax.vmap(lambda key: jax.random.fold_in(key, half))(dropout_B)
            return _drop(x_BLxD, self.config.dropout, keys_B)

        x_BLxD = x_BLxD + drop(self._attention(_norm(x_BLxD), length, surgery, at), 0)
        if not self.config.attention_only:
            x_BLxD = x_BLxD + drop(self._mlp(_norm(x_BLxD)), 1)
        return x_BLxD, None

    def _weight(self, name: str, shape: tuple[int, ...], axes: tuple[str, ...], scale: float = 1.0):
        init = nn.initializers.variance_scaling(scale, "fan_in", "truncated_normal")
        return weight(self, name, init, axes, shape).astype(self.config.dtype)

    @property
    def _output_scale(self) -> float:
        # What the layers add to the residual stream stays of order one at any depth (GPT-2).
        return 1 / (2 * self.config.layers)

    def _attention(
        self, x_BLxD: jax.Array, length: int, surgery: Surgery | None, at: jax.Array | None
    ) -> jax.Array:
        D, A, H = self.config.d_model, self.config.attention_width, self.config.heads
        qkv = x_BLxD @ self._weight("qkv", (D, 3 * A), ("embed", "heads"))
        qk, v = jnp.split(qkv.reshape(-1, length, 3 * H, A // H), [2 * H], axis=2)
        if self.config.smeared_keys:
            logit_H = weight(self, "smear", nn.initializers.zeros, ("heads",), (H,))
            share_H = nn.sigmoid(logit_H).astype(v.dtype)
            k = qk[:, :, H:]
            before = None if at is None else self._before(k, at)
            qk = jnp.concatenate([qk[:, :, :H], smear(k, share_H, before)], axis=2)
        if self.config.positions == "rotary":
            qk = rotate(qk, 0 if at is None else at)  # both at once: one pass over memory
        q, k = jnp.split(qk, 2, axis=2)
        if at is not None:
            k, v = (self._remembered(n, new, at) for n, new in (("keys", k), ("values", v)))
            out_BxLxHxK = onward(q, k, v, at)
        elif surgery is None:
            with jax.named_scope("attend"):
                out_BxLxHxK = self.attend(q, k, v)
        else:
            patterns_BxHxLxL = surgery.patterns_NxBxHxLxL
            if patterns_BxHxLxL is None:
                patterns_BxHxLxL = patterns(q, k)
            out_BxLxHxK = jnp.einsum("bhqk,bkhd->bqhd", patterns_BxHxLxL.astype(v.dtype), v)
            out_BxLxHxK = out_BxLxHxK * surgery.keep_NxH[:, None].astype(v.dtype)
            self.sow("heads", "patterns", patterns_BxHxLxL, reduce_fn=_last)
            self.sow("heads", "outputs", out_BxLxHxK, reduce_fn=_last)
        out = self._weight("output", (A, D), ("heads", "embed"), self._output_scale)
        return out_BxLxHxK.reshape(-1, A) @ out

    def _remembered(self, name: str, new_BxLxHxK: jax.Array, at: jax.Array) -> jax.Array:
        """[B, H, C, K]: what `cache` holds by this name, with the new from place `at` on."""
        held = cast(jax.Array, self.get_variable("cache", name))
        held = jax.lax.dynamic_update_slice_in_dim(held, new_BxLxHxK.swapaxes(1, 2), at, axis=2)
        self.put_variable("cache", name, held)
        return held

    def _before(self, k_BxLxHxK: jax.Array, at: jax.Array) -> jax.Array:
        """The key before the first of these [B, 1, H, K], which for the first of all is itself."""
        before = jnp.where(at == 0, k_BxLxHxK[:, :1], self.get_variable("cache", "last"))
        self.put_variable("cache", "last", k_BxLxHxK[:, -1:])
        return before

    def _mlp(self, x_BLxD: jax.Array) -> jax.Array:
        D, F = self.config.d_model, self.config.d_ff
        hidden = x_BLxD @ self._weight("up", (D, F), ("embed", "mlp"))
        if self.config.mlp == "gelu":
            hidden = nn.gelu(hidden)
        else:
            hidden = nn.silu(x_BLxD @ self._weight("gate", (D, F), ("embed", "mlp"))) * hidden
        return product(hidden, self._weight("down", (F, D), ("mlp", "embed"), self._output_scale))


def weight(
    module: nn.Module,
    name: str,
    init: Callable[..., Any],
    axes: tuple[str | None, ...],
    shape: tuple[int, ...],
) -> jax.Array:
    """A parameter of a module, with the logical axes by which it is laid over devices."""
    # Flax takes the array out of its box before a module sees it.
    return cast(jax.Array, module.param(name, nn.with_logical_partitioning(init, axes), shape))


@jax.named_scope("norm")
def _norm(x: jax.Array) -> jax.Array:
    """RMSNorm without parameters (Zhang and Sennrich 2019), computed in float32."""
    y = x.astype(jnp.float32)
    return (y * jax.lax.rsqrt(jnp.mean(y * y, axis=-1, keepdims=True) + 1e-6)).astype(x.dtype)


def _drop(x_BLxD: jax.Array, rate: float, keys_B: jax.Array) -> jax.Array:
    """Dropout (Srivastava et al. 2014) with a key a sequence, so that no layout changes its masks."""
    B, D = len(keys_B), x_BLxD.shape[-1]
    shape = (x_BLxD.shape[0] // B, D)
    keep = jax.vmap(lambda key: jax.random.bernoulli(key, 1 - rate, shape))(keys_B)
    return jnp.where(keep.reshape(-1, D), x_BLxD / (1 - rate), 0).astype(x_BLxD.dtype)


def empty_cache(config: ModelConfig, rows: int, places: int) -> dict[str, Any]:
    """The collection `cache` before the first token of `rows` sequences of at most `places`: in each
    layer keys and values as attention takes them, and the last key unsmeared where keys are smeared."""
    size = config.attention_width // config.heads

    def zeros(*shape: int) -> jax.Array:
        return jnp.zeros((config.layers, rows, *shape, size), config.dtype)

    held = {name: zeros(config.heads, places) for name in ("keys", "values")}
    return {"blocks": held | ({"last": zeros(1, config.heads)} if config.smeared_keys else {})}


def _last(_, value):
    """What a module sows replaces what was there."""
    return value


def padded_vocabulary(size: int) -> int:
    """Width of the embedding of `size` tokens: rounded up to what the hardware multiplies well."""
    multiple = 8 if size < 1024 else 128
    return -(-size // multiple) * multiple


@jax.named_scope("cross_entropy")
def token_losses(logits_BxLxV: jax.Array, targets_BxL: jax.Array) -> jax.Array:
    """Loss (nats) of each target, [B, L]; zero where it is 0, which is padding."""
    weight = (targets_BxL != 0).astype(jnp.float32)
    top = jax.lax.stop_gradient(logits_BxLxV.max(-1, keepdims=True))
    normaliser = jnp.log(jnp.exp(logits_BxLxV - top).sum(-1)) + top[..., 0]
    chosen = jnp.take_along_axis(logits_BxLxV, targets_BxL[..., None], axis=-1)[..., 0]
    return (normaliser - chosen) * weight


def _chunks(context: int, vocabulary_size: int) -> int:
    """Into how many equal parts a context's logits are cut."""
    wanted = -(-context * vocabulary_size // _LOGITS_AT_ONCE)
    return next(n for n in range(min(wanted, context), context + 1) if context % n == 0)


def count_params(params: Any) -> int:
    """Weights in a parameter tree, embeddings included."""
    return sum(leaf.size for leaf in jax.tree.leaves(params))
