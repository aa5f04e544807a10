"""Whether a head raises the logits of the tokens that it attends to.

Two measures: on random tokens, by its direct effect on the logits (Olsson et al. 2022, "head
activation evaluators"), and from the weights alone, by the eigenvalues of its OV circuit (Elhage
et al. 2021, "copying").
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np


def score(
    patterns_BxHxLxL: jax.Array,
    outputs_BxLxHxK: jax.Array,
    output_HxKxD: jax.Array,
    unembed_DxV: jax.Array,
    tokens_BxP: jax.Array,
) -> jax.Array:
    """Share of what a head raises that falls on the tokens it attends to: [H], in [-1, 1].

    The sequences are START, then `tokens`, all different; what comes later is not looked at.
    At each position the head's output, through the unembedding and less its mean over the
    vocabulary, counts where it is positive: r is that on each of the tokens times the attention to
    it, over that on all of them (1 / P where nothing is raised); attention is taken as shares of
    what START does not get, as a head with nothing to copy rests there. The score is 2 r - 1.
    """
    P = tokens_BxP.shape[1]
    effect_BxPxHxD = jnp.einsum(
        "bqhk,hkd->bqhd", outputs_BxLxHxK[:, 1 : P + 1].astype(jnp.float32), output_HxKxD
    )
    columns_BxPxD = (unembed_DxV - unembed_DxV.mean(1, keepdims=True)).T[tokens_BxP]
    raised_BxPxHxT = jnp.maximum(jnp.einsum("bqhd,btd->bqht", effect_BxPxHxD, columns_BxPxD), 0)
    attention_BxHxPxT = patterns_BxHxLxL[:, :, 1 : P + 1, 1 : P + 1]
    attention_BxHxPxT /= jnp.maximum(attention_BxHxPxT.sum(-1, keepdims=True), 1e-9)
    on_attended = jnp.einsum("bhqt,bqht->bqh", attention_BxHxPxT, raised_BxPxHxT)
    on_all = raised_BxPxHxT.sum(-1)
    share = jnp.where(on_all > 0, on_attended / jnp.maximum(on_all, 1e-30), 1 / P)
    return 2 * share.mean((0, 1)) - 1


def ov_circuits(
    embed_VxD: jax.Array, value_DxHxK: jax.Array, output_HxKxD: jax.Array, unembed_DxV: jax.Array
) -> jax.Array:
    """[H, K, K] matrices with the eigenvalues, but for zeros, of W_E W_V W_O W_U [V, V] of each
    head; embeddings are normed as a first layer sees them."""
    embed = embed_VxD * jax.lax.rsqrt((embed_VxD**2).mean(1, keepdims=True) + 1e-6)
    through_DxD = unembed_DxV @ embed
    return jnp.einsum("hkd,de,ehj->hkj", output_HxKxD, through_DxD, value_DxHxK)


def eigenvalue_score(circuits_HxKxK: np.ndarray) -> np.ndarray:
    """Sum of the eigenvalues over the sum of their absolute values, of each head: [H], in [-1, 1];
    1 for a head that copies, 0 for none."""
    values = np.linalg.eigvals(circuits_HxKxK)
    size = np.abs(values).sum(-1)
    return np.where(size > 0, values.sum(-1).real / np.maximum(size, 1e-30), 0.0)
