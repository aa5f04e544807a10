"""Causal attention by what each platform does best; `attention_for` chooses.

All take queries, keys and values [B, L, H, K] and return [B, L, H, K]; they differ in speed and
memory alone.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax.sharding import Mesh, PartitionSpec

from scaling.mesh import BATCH_AXES
from scaling.model.products import product

Attention = Callable[[jax.Array, jax.Array, jax.Array], jax.Array]

_PLAIN_BLOCKS = 2
"""Blocks of queries in `plain`."""
_LANES = 128
"""Width of a TPU's vector registers: splash attention wants contexts that are a multiple of it."""
_SPLASH_BLOCK = 512
"""Rows and columns of scores that splash attention holds at a time."""
_SPLASH_FROM = 1024
"""Context from which the scores, L * L a head, are worth not writing out."""


def attention_for(mesh: Mesh, context: int, head_size: int, dtype: str) -> Attention:
    """The attention of a mesh's platform: plain products on CPU, cuDNN's flash attention on GPU
    (bfloat16, heads up to 128), splash attention on TPU from a context of 1,024 on, and else the
    library's own."""
    platform = mesh.devices.flat[0].platform
    if platform == "cpu":
        return plain
    if platform == "tpu" and context >= _SPLASH_FROM and context % _LANES == 0:
        return partial(splash, mesh=mesh)
    flash = platform == "gpu" and dtype == "bfloat16" and head_size <= 128 and head_size % 8 == 0
    return partial(
        jax.nn.dot_product_attention, is_causal=True, implementation="cudnn" if flash else "xla"
    )


def plain(q_BxLxHxK: jax.Array, k_BxLxHxK: jax.Array, v_BxLxHxK: jax.Array) -> jax.Array:
    """Products over [B, H] and blocks of queries, each with the keys up to its end: what the mask
    would throw away is mostly not computed. On CPU a third faster than the library's."""
    L, K = q_BxLxHxK.shape[1], q_BxLxHxK.shape[3]
    q, k, v = (x.transpose(0, 2, 1, 3) for x in (q_BxLxHxK * K**-0.5, k_BxLxHxK, v_BxLxHxK))
    mask = jnp.where(jnp.tril(jnp.ones((L, L), bool)), 0.0, -1e30)
    block = -(-L // _PLAIN_BLOCKS)
    out = []
    for start in range(0, L, block):
        end = min(start + block, L)
        scores = product(q[:, :, start:end], k[:, :, :end].mT).astype(jnp.float32)
        scores += mask[start:end, :end]
        weights = jnp.exp(scores - jax.lax.stop_gradient(scores.max(-1, keepdims=True)))
        total = weights.sum(-1, keepdims=True).astype(v.dtype)
        out.append(product(weights.astype(v.dtype), v[:, :, :end]) / total)
    return jnp.concatenate(out, axis=2).transpose(0, 2, 1, 3)


def onward(
    q_BxLxHxK: jax.Array, k_BxHxCxK: jax.Array, v_BxHxCxK: jax.Array, at: jax.Array
) -> jax.Array:
    """[B, L, H, K] of queries at places `at` and on, each with the keys up to its own place; what
    lies behind is not yet written."""
    L, K = q_BxLxHxK.shape[1], q_BxLxHxK.shape[3]
    q_BxHxLxK = (q_BxLxHxK * K**-0.5).swapaxes(1, 2)
    scores = (q_BxHxLxK @ k_BxHxCxK.swapaxes(2, 3)).astype(jnp.float32)
    seen = jnp.arange(k_BxHxCxK.shape[2]) <= (at + jnp.arange(L))[:, None]
    weights = jax.nn.softmax(jnp.where(seen, scores, -1e30), axis=-1)
    return (weights.astype(v_BxHxCxK.dtype) @ v_BxHxCxK).swapaxes(1, 2)


def patterns(q_BxLxHxK: jax.Array, k_BxLxHxK: jax.Array) -> jax.Array:
    """Where each position attends: causal weights [B, H, L, L] in float32, rows of sum 1."""
    L, K = q_BxLxHxK.shape[1], q_BxLxHxK.shape[3]
    scores = jnp.einsum("bqhd,bkhd->bhqk", q_BxLxHxK, k_BxLxHxK).astype(jnp.float32) * K**-0.5
    return jax.nn.softmax(jnp.where(jnp.tril(jnp.ones((L, L), bool)), scores, -1e30), axis=-1)


def splash(
    q_BxLxHxK: jax.Array,
    k_BxLxHxK: jax.Array,
    v_BxLxHxK: jax.Array,
    *,
    mesh: Mesh,
    interpret: bool = False,
) -> jax.Array:
    """JAX's splash attention for TPU: the scores never leave the chip, masked blocks are skipped.

    Each device has its share of the batch and of the heads. `interpret` runs it without a TPU.
    """
    from jax.experimental.pallas.ops.tpu.splash_attention import (
        BlockSizes,
        CausalMask,
        MultiHeadMask,
        make_splash_mha,
    )

    L, K = q_BxLxHxK.shape[1], q_BxLxHxK.shape[3]
    block = next(size for size in (_SPLASH_BLOCK, 256, _LANES) if L % size == 0)
    sizes = BlockSizes(
        block_q=block,
        block_kv=block,
        block_kv_compute=block,
        block_q_dkv=block,
        block_kv_dkv=block,
        block_kv_dkv_compute=block,
        use_fused_bwd_kernel=True,
    )

    def local(q, k, v):
        mask = MultiHeadMask([CausalMask((L, L))] * q.shape[2])
        kernel = make_splash_mha(
            mask, block_sizes=sizes, head_shards=1, q_seq_shards=1, interpret=interpret
        )
        q, k, v = (x.transpose(0, 2, 1, 3) for x in (q * K**-0.5, k, v))
        return jax.vmap(kernel)(q, k, v).transpose(0, 2, 1, 3)

    share = PartitionSpec(BATCH_AXES, None, "tensor", None)
    return jax.shard_map(local, mesh=mesh, in_specs=(share,) * 3, out_specs=share, check_vma=False)(
        q_BxLxHxK, k_BxLxHxK, v_BxLxHxK
    )
