"""What a run computes: its initial state, a training step, the losses of held-out sequences.

Pure functions of shapes and a mesh. Budget, learning rate, repetition and seed are arguments, so that
all runs of a size share what `program` compiles of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import flax.struct
import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh

from scaling import draws
from scaling.mesh import batch_sharding, batch_ways
from scaling.model.attention import attention_for, plain
from scaling.model.config import ModelConfig
from scaling.model.transformer import Transformer, padded_vocabulary
from scaling.programs.optimiser import Hyper, optimiser

_CPU_TILE = 2**15
"""Activations (tokens * d_model) of a microbatch on CPU: what its L2 cache holds (measured)."""


Sums = tuple[Any, Any, Any, Any]
"""The first four fields of a `Tally`, of one batch."""


class Tally(flax.struct.PyTreeNode):
    """Sums since the last evaluation, float32 scalars; part of the state, so a resumed run has them."""

    unique_loss: Any = 0.0
    unique_tokens: Any = 0.0
    repeated_loss: Any = 0.0
    repeated_tokens: Any = 0.0
    gradient_norm: Any = 0.0
    steps: Any = 0.0


class State(flax.struct.PyTreeNode):
    """All that a run carries from step to step."""

    step: Any
    params: Any
    optimiser: Any
    tally: Tally


@dataclass(frozen=True)
class Computation:
    """The functions of one shape on one mesh."""

    model: ModelConfig
    vocabulary_size: int
    context: int
    batch_size: int
    evaluation_size: int
    mesh: Mesh
    microbatch: int | None = None
    remat: bool = False

    @cached_property
    def network(self) -> Transformer:
        head_size = self.model.attention_width // self.model.heads
        return Transformer(
            self.model,
            padded_vocabulary(self.vocabulary_size),
            self.context,
            unroll=self.platform == "cpu",
            attend=attention_for(self.mesh, self.context, head_size, self.model.dtype),
            remat=self.remat,
        )

    @property
    def platform(self) -> str:
        """cpu, gpu or tpu."""
        return self.mesh.devices.flat[0].platform

    @property
    def microbatch_size(self) -> int:
        """Sequences whose gradients are computed at once: as the layout says, or the largest divisor
        of the batch that fits the cache on CPU, and the whole batch elsewhere."""
        if self.microbatch:
            return self.microbatch
        if self.platform != "cpu" or self.mesh.size > 1:
            return self.batch_size
        fits = max(1, _CPU_TILE // (self.context * self.model.d_model))
        return max(
            n for n in range(1, self.batch_size + 1) if self.batch_size % n == 0 and n <= fits
        )

    def weights(self, seed: jax.Array) -> dict[str, Any]:
        """Those before the first step, each boxed with its logical axes."""
        # One token on one device, as weights do not depend on the batch nor on the attention; and
        # a loop over layers, to compile a sampler of each kind of weight and not of each layer's.
        network = self.network.clone(attend=plain, unroll=False)
        return network.init(draws.key(seed), jnp.zeros((1, 1), jnp.int32))["params"]

    def initial(self, seed: jax.Array) -> State:
        """The state before the first step, boxed likewise."""
        params = self.weights(seed)
        moments = optimiser(Hyper(0.0, 1.0), 0.0).init(params)
        zero = Tally(*[jnp.zeros(())] * 6)
        return State(jnp.zeros((), jnp.int32), params, moments, zero)

    def _losses(self, params: Any, tokens: jax.Array, dropout_B=None) -> jax.Array:
        tokens = tokens.astype(jnp.int32)
        losses_BxL = self.network.apply(
            {"params": params}, tokens[:, :-1], tokens[:, 1:], dropout_B=dropout_B
        )
        return cast(jax.Array, losses_BxL)  # nothing is mutable, which would come beside it

    def _counts(self, tokens: jax.Array) -> jax.Array:
        """How many targets each row's losses are of."""
        return (tokens[:, 1:] != 0).sum(-1).astype(jnp.float32)

    def _told(self, params: Any, tokens: jax.Array) -> jax.Array:
        """What an evaluation wants of each row."""
        return self._losses(params, tokens)

    def _split(self, array: jax.Array, size: int) -> jax.Array:
        """[n, ...] as [n / size, size, ...], each part over all devices: no row changes its device."""
        ways = batch_ways(self.mesh)
        parts = array.reshape(ways, -1, size // ways, *array.shape[1:]).swapaxes(0, 1)
        parts = parts.reshape(-1, size, *array.shape[1:])
        if self.mesh.size == 1:
            return parts
        return jax.lax.with_sharding_constraint(parts, batch_sharding(self.mesh, leading=1))

    def _loss(self, params: Any, tokens, repeated, dropout_B) -> tuple[jax.Array, Sums]:
        losses = self._losses(params, tokens, dropout_B).sum(-1)
        counts = self._counts(tokens)
        repeated = repeated.astype(jnp.float32)
        sums = (
            losses @ (1 - repeated),
            counts @ (1 - repeated),
            losses @ repeated,
            counts @ repeated,
        )
        return losses.sum(), sums

    def _gradient(self, params: Any, tokens, repeated, dropout_B) -> tuple[Any, Sums]:
        """Gradient of the summed loss, and the tally's four sums, over microbatches."""
        gradient = jax.grad(self._loss, has_aux=True)
        size = self.microbatch_size
        if size == self.batch_size:
            return gradient(params, tokens, repeated, dropout_B)

        def add(total, part):
            return jax.tree.map(jnp.add, total, gradient(params, *part)), None

        rows = tokens, repeated, dropout_B
        parts = jax.tree.map(lambda array: self._split(array, size), rows)
        zero = jax.tree.map(jnp.zeros_like, params), (jnp.zeros(()),) * 4
        return jax.lax.scan(add, zero, parts)[0]

    def _one_step(self, state: State, tokens, repeated, learning_rate, hyper: Hyper) -> State:
        dropout_B = None
        if self.model.dropout:
            seed = jnp.asarray(hyper.seed, jnp.uint32)
            key = jax.random.fold_in(draws.key(seed), state.step)
            dropout_B = jax.random.split(key, self.batch_size)
        gradient, sums = self._gradient(state.params, tokens, repeated, dropout_B)
        gradient = jax.tree.map(lambda g: g / (sums[1] + sums[3]), gradient)
        updates, moments = optimiser(hyper, learning_rate).update(
            gradient, state.optimiser, state.params
        )
        parts = Tally(*sums, optax.tree.norm(gradient), jnp.ones(()))
        return State(
            state.step + 1,
            optax.apply_updates(state.params, updates),
            moments,
            jax.tree.map(jnp.add, state.tally, parts),
        )

    def steps(self, state, tokens_SxBxL, repeated_SxB, rates_S, hyper, count) -> State:
        """The training steps of one call, as they are compiled; `count` of them are real."""

        def body(i, state):
            return self._one_step(state, tokens_SxBxL[i], repeated_SxB[i], rates_S[i], hyper)

        return jax.lax.fori_loop(0, count, body, state)

    def _join(self, parts: jax.Array) -> jax.Array:
        """[n / size, size, ...] as [n, ...]: undoes `_split`."""
        ways, rest = batch_ways(self.mesh), parts.shape[2:]
        return parts.reshape(parts.shape[0], ways, -1, *rest).swapaxes(0, 1).reshape(-1, *rest)

    def token_losses_of(self, params: Any, tokens_NxL: jax.Array) -> jax.Array:
        """Loss (nats) of each target of `evaluation_size` sequences, as it is compiled."""
        size = math.gcd(self.microbatch_size, self.evaluation_size)
        parts = self._split(tokens_NxL, size)
        return self._join(jax.lax.map(lambda part: self._told(params, part), parts))
