"""The family's model: a decoder-only transformer in Flax.

Pre-norm blocks of causal attention and a GELU MLP, norms without parameters (so that N is exactly
12 * layers * d_model**2), rotary or learned positions, untied unembedding. Weights are float32 and
stacked over layers; activations are flat [B*L, D] wherever attention does not need them apart.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from scaling.config import ModelConfig

_INIT = nn.initializers.variance_scaling(1.0, "fan_in", "truncated_normal")


class Transformer(nn.Module):
    """Next-token logits of a batch of sequences."""

    config: ModelConfig
    vocabulary_size: int
    context: int
    unroll: bool
    """Whether the loop over layers is unrolled (faster on CPU) or scanned (compiles once a block)."""

    @nn.compact
    def __call__(self, inputs_BxL: jax.Array) -> jax.Array:
        """Logits [B, L, V] (float32) of token ids [B, L]; V is `vocabulary_size`."""
        config, dtype = self.config, jnp.dtype(self.config.dtype)
        embed = self.param(
            "embedding",
            nn.with_logical_partitioning(nn.initializers.normal(1.0), ("vocabulary", "embed")),
            (self.vocabulary_size, config.d_model),
        )
        B, L = inputs_BxL.shape
        x_BLxD = embed.astype(dtype)[inputs_BxL.reshape(-1)]
        if config.positions == "learned":
            positions = self.param(
                "positions",
                nn.with_logical_partitioning(nn.initializers.normal(1.0), (None, "embed")),
                (self.context, config.d_model),
            )
            x_BLxD = x_BLxD + jnp.tile(positions[:L].astype(dtype), (B, 1))
        blocks = nn.scan(
            Block,
            variable_axes={"params": 0},
            split_rngs={"params": True},
            in_axes=nn.broadcast,
            length=config.layers,
            unroll=config.layers if self.unroll else 1,
            metadata_params={nn.PARTITION_NAME: "layers"},
        )
        x_BLxD, _ = blocks(config, name="blocks")(x_BLxD, L)
        unembed = self.param(
            "unembedding",
            nn.with_logical_partitioning(_INIT, ("embed", "vocabulary")),
            (config.d_model, self.vocabulary_size),
        )
        logits = _norm(x_BLxD) @ unembed.astype(dtype)
        return logits.astype(jnp.float32).reshape(B, L, -1)


class Block(nn.Module):
    """One layer: attention, then (unless attention-only) the MLP, each added to the stream."""

    config: ModelConfig

    @nn.compact
    def __call__(self, x_BLxD: jax.Array, length: int) -> tuple[jax.Array, None]:
        x_BLxD = x_BLxD + self._attention(_norm(x_BLxD), length)
        if not self.config.attention_only:
            x_BLxD = x_BLxD + self._mlp(_norm(x_BLxD))
        return x_BLxD, None

    def _weight(self, name: str, shape: tuple[int, ...], axes: tuple[str, ...], scale: float = 1.0):
        init = nn.initializers.variance_scaling(scale, "fan_in", "truncated_normal")
        weight = self.param(name, nn.with_logical_partitioning(init, axes), shape)
        return weight.astype(self.config.dtype)

    @property
    def _output_scale(self) -> float:
        # What the layers add to the residual stream stays of order one at any depth (GPT-2).
        return 1 / (2 * self.config.layers)

    def _attention(self, x_BLxD: jax.Array, length: int) -> jax.Array:
        D, H = self.config.d_model, self.config.heads
        qkv = x_BLxD @ self._weight("qkv", (D, 3 * D), ("embed", "heads"))
        q, k, v = jnp.split(qkv.reshape(-1, length, 3 * H, D // H), 3, axis=2)
        if self.config.positions == "rotary":
            q, k = rotate(q), rotate(k)
        out_BxLxHxK = self.attend(q, k, v)
        out = self._weight("output", (D, D), ("heads", "embed"), self._output_scale)
        return out_BxLxHxK.reshape(-1, D) @ out

    @staticmethod
    def attend(q: jax.Array, k: jax.Array, v: jax.Array) -> jax.Array:
        """Causal attention of [B, L, H, K]: the platform's fused kernel, or plain products on CPU."""
        return jax.lax.platform_dependent(
            q,
            k,
            v,
            cpu=plain_attention,
            default=partial(jax.nn.dot_product_attention, is_causal=True),
        )

    def _mlp(self, x_BLxD: jax.Array) -> jax.Array:
        D, F = self.config.d_model, self.config.d_ff
        hidden = nn.gelu(x_BLxD @ self._weight("up", (D, F), ("embed", "mlp")))
        return hidden @ self._weight("down", (F, D), ("mlp", "embed"), self._output_scale)


def _norm(x: jax.Array) -> jax.Array:
    """RMSNorm without parameters (Zhang and Sennrich 2019), computed in float32."""
    y = x.astype(jnp.float32)
    return (y * jax.lax.rsqrt(jnp.mean(y * y, axis=-1, keepdims=True) + 1e-6)).astype(x.dtype)


def plain_attention(q_BxLxHxK: jax.Array, k_BxLxHxK: jax.Array, v_BxLxHxK: jax.Array) -> jax.Array:
    """Causal softmax attention by products over [B, H]: a fifth faster on CPU than the library's."""
    L, K = q_BxLxHxK.shape[1], q_BxLxHxK.shape[3]
    q, v = (x.transpose(0, 2, 1, 3) for x in (q_BxLxHxK * K**-0.5, v_BxLxHxK))
    mask = jnp.where(jnp.tril(jnp.ones((L, L), bool)), 0.0, -1e30)
    scores = (q @ k_BxLxHxK.transpose(0, 2, 3, 1)).astype(jnp.float32) + mask
    weights = jnp.exp(scores - jax.lax.stop_gradient(scores.max(-1, keepdims=True)))
    total = weights.sum(-1, keepdims=True).astype(v.dtype)
    return (weights.astype(v.dtype) @ v / total).transpose(0, 2, 1, 3)


def rotate(x_BxLxHxK: jax.Array) -> jax.Array:
    """Rotary positions (Su et al. 2021), halves paired, base 10,000."""
    L, K = x_BxLxHxK.shape[1], x_BxLxHxK.shape[3]
    frequency = 1e4 ** (-jnp.arange(K // 2) / (K // 2))
    angle_Lx1xK = (jnp.arange(L)[:, None] * frequency)[:, None, :]
    cos, sin = jnp.cos(angle_Lx1xK), jnp.sin(angle_Lx1xK)
    a, b = jnp.split(x_BxLxHxK.astype(jnp.float32), 2, axis=-1)
    return jnp.concatenate([a * cos - b * sin, a * sin + b * cos], -1).astype(x_BxLxHxK.dtype)


def padded_vocabulary(size: int) -> int:
    """Width of the embedding of `size` tokens: rounded up to what the hardware multiplies well."""
    multiple = 8 if size < 1024 else 128
    return -(-size // multiple) * multiple


def sequence_losses(logits_BxLxV: jax.Array, targets_BxL: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Summed loss (nats) and number of real targets of each sequence, [B] each; id 0 is padding."""
    weight = (targets_BxL != 0).astype(jnp.float32)
    top = jax.lax.stop_gradient(logits_BxLxV.max(-1, keepdims=True))
    normaliser = jnp.log(jnp.exp(logits_BxLxV - top).sum(-1)) + top[..., 0]
    chosen = jnp.take_along_axis(logits_BxLxV, targets_BxL[..., None], axis=-1)[..., 0]
    return ((normaliser - chosen) * weight).sum(-1), weight.sum(-1)


def count_params(params: Any) -> int:
    """Weights in a parameter tree, embeddings included."""
    return sum(leaf.size for leaf in jax.tree.leaves(params))
