"""The compiled heart of a run: initial state, training steps, losses of held-out sequences.

A `Program` depends on shapes and the mesh alone. Budget, learning rate, repetition and seed are
arguments, so all runs of a size share one compilation.
"""

from __future__ import annotations

import math
import os
import time
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, cast

import flax.linen as nn
import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Mesh

from data_pipelines.store import token_type
from scaling.config import ModelConfig, RunConfig
from scaling.layout import Layout
from scaling.mesh import batch_sharding, batch_ways, replicated, tree_shardings
from scaling.model.attention import attention_for, plain
from scaling.model.transformer import Transformer, padded_vocabulary
from scaling.optimiser import Hyper, optimiser

STEPS_AT_ONCE = 16
"""Most steps in one call: a loop on the device saves the host's round trip and its page faults."""

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
class Program:
    """Compiled functions for one shape on one mesh; make it with `program_for`."""

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
            unroll=self._platform == "cpu",
            attend=attention_for(self.mesh, self.context, head_size, self.model.dtype),
            remat=self.remat,
        )

    @property
    def _platform(self) -> str:
        return self.mesh.devices.flat[0].platform

    @property
    def compiler_options(self) -> dict[str, Any] | None:
        """What XLA is told where XLA_FLAGS say nothing of it. On a CPU LLVM's first level: a quarter
        less to compile than its third, for the same speed and the same digits (measured)."""
        level = "xla_backend_optimization_level"
        if self._platform != "cpu" or level in os.environ.get("XLA_FLAGS", ""):
            return None
        return {level: 1}

    @property
    def microbatch_size(self) -> int:
        """Sequences whose gradients are computed at once: as the layout says, or the largest divisor
        of the batch that fits the cache on CPU, and the whole batch elsewhere."""
        if self.microbatch:
            return self.microbatch
        if self._platform != "cpu" or self.mesh.size > 1:
            return self.batch_size
        fits = max(1, _CPU_TILE // (self.context * self.model.d_model))
        return max(
            n for n in range(1, self.batch_size + 1) if self.batch_size % n == 0 and n <= fits
        )

    # Initial state

    def initial(self, seed: jax.Array) -> State:
        """The state before the first step, each weight boxed with its logical axes."""
        # One token on one device, as weights do not depend on the batch nor on the attention; and
        # a loop over layers, to compile a sampler of each kind of weight and not of each layer's.
        network = self.network.clone(attend=plain, unroll=False)
        params = network.init(jax.random.key(seed), jnp.zeros((1, 1), jnp.int32))["params"]
        moments = optimiser(Hyper(0.0, 1.0), 0.0).init(params)
        zero = Tally(*[jnp.zeros(())] * 6)
        return State(jnp.zeros((), jnp.int32), params, moments, zero)

    @cached_property
    def _boxed(self) -> State:
        return jax.eval_shape(self.initial, jax.ShapeDtypeStruct((), jnp.uint32))

    @cached_property
    def shardings(self) -> State:
        """Where each leaf of the state lies."""
        return tree_shardings(self.mesh, self._boxed)

    @cached_property
    def abstract_state(self) -> State:
        """Shapes, types and shardings of the state, to restore a checkpoint into."""
        return jax.tree.map(
            lambda leaf, sharding: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding),
            nn.unbox(self._boxed),
            self.shardings,
        )

    @cached_property
    def _init(self):
        return jax.jit(
            lambda seed: nn.unbox(self.initial(seed)),
            out_shardings=self.shardings,
            compiler_options=self.compiler_options,
        )

    def init(self, seed: int) -> State:
        """The state before the first step."""
        return self._init(np.uint32(seed))

    # Training

    def _losses(self, params: Any, tokens: jax.Array, dropout_B=None) -> jax.Array:
        tokens = tokens.astype(jnp.int32)
        losses_BxL = self.network.apply(
            {"params": params}, tokens[:, :-1], tokens[:, 1:], dropout_B=dropout_B
        )
        return cast(jax.Array, losses_BxL)  # nothing is mutable, which would come beside it

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
        counts = (tokens[:, 1:] != 0).sum(-1).astype(jnp.float32)
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
            key = jax.random.fold_in(jax.random.key(seed), state.step)
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

    @cached_property
    def _train(self):
        batch = batch_sharding(self.mesh, leading=1)
        whole = replicated(self.mesh)
        return jax.jit(
            self.steps,
            in_shardings=(self.shardings, batch, batch, whole, whole, whole),
            out_shardings=self.shardings,
            donate_argnums=0,
            compiler_options=self.compiler_options,
        )

    def train(self, state: State, tokens, repeated, rates: np.ndarray, hyper: Hyper) -> State:
        """Train on tokens [steps, rows, L + 1] with learning rates [steps]; the old state is donated.

        `rows` are this process's of each batch, all B where there is one process.
        """
        count = len(rates)
        batch = batch_sharding(self.mesh, leading=1)
        return self._train(
            state,
            _place(fill(tokens), batch),
            _place(fill(repeated), batch),
            fill(rates),
            hyper,
            np.int32(count),
        )

    # Evaluation

    def _join(self, parts: jax.Array) -> jax.Array:
        """[n / size, size, ...] as [n, ...]: undoes `_split`."""
        ways, rest = batch_ways(self.mesh), parts.shape[2:]
        return parts.reshape(parts.shape[0], ways, -1, *rest).swapaxes(0, 1).reshape(-1, *rest)

    def token_losses_of(self, params: Any, tokens_NxL: jax.Array) -> jax.Array:
        """Loss (nats) of each target of `evaluation_size` sequences, as it is compiled."""
        size = math.gcd(self.microbatch_size, self.evaluation_size)
        parts = self._split(tokens_NxL, size)
        return self._join(jax.lax.map(lambda part: self._losses(params, part), parts))

    @cached_property
    def _evaluate(self):
        whole = replicated(self.mesh)
        return jax.jit(
            self.token_losses_of,
            in_shardings=(self.shardings.params, batch_sharding(self.mesh)),
            out_shardings=whole,
            compiler_options=self.compiler_options,
        )

    def token_losses(self, params: Any, tokens: np.ndarray) -> np.ndarray:
        """Loss (nats) of each target of tokens [n, L + 1], n <= evaluation_size: [n, L]."""
        filled = np.zeros((self.evaluation_size, tokens.shape[1]), tokens.dtype)
        filled[: len(tokens)] = tokens
        # Every process has the whole array and shows the part of it that is on its devices.
        placed = jax.make_array_from_callback(
            filled.shape, batch_sharding(self.mesh), lambda index: filled[index]
        )
        return np.asarray(self._evaluate(params, placed))[: len(tokens)]

    def losses(self, params: Any, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Summed loss (nats) and targets of each of tokens [n, L + 1], n <= evaluation_size."""
        return self.token_losses(params, tokens).sum(-1), (tokens[:, 1:] != 0).sum(-1)

    def lowered(self) -> list[Any]:
        """Training and evaluation as they go to the compiler, from shapes alone."""

        def shaped(*shape: int, dtype: Any = np.float32) -> jax.ShapeDtypeStruct:
            return jax.ShapeDtypeStruct(shape, dtype)

        width = self.context + 1
        tokens = token_type(self.vocabulary_size)
        training = self._train.lower(
            self.abstract_state,
            shaped(STEPS_AT_ONCE, self.batch_size, width, dtype=tokens),
            shaped(STEPS_AT_ONCE, self.batch_size, dtype=bool),
            shaped(STEPS_AT_ONCE),
            Hyper(shaped(), shaped(), shaped(dtype=np.uint32)),
            shaped(dtype=np.int32),
        )
        held_out = shaped(self.evaluation_size, width, dtype=tokens)
        return [training, self._evaluate.lower(self.abstract_state.params, held_out)]

    def compile(self) -> float:
        """Compile everything by running it on nothing; returns the seconds it took (0 when done)."""
        if "compiled" in self.__dict__:
            return 0.0
        start = time.perf_counter()
        state = self.init(0)
        rows = self.batch_size // jax.process_count()
        empty = np.zeros((1, rows, self.context + 1), token_type(self.vocabulary_size))
        self.losses(state.params, empty[0, : self.evaluation_size])
        hyper = Hyper(np.float32(0), np.float32(1), np.uint32(0))
        state = self.train(state, empty, np.zeros((1, rows), bool), np.zeros(1, np.float32), hyper)
        jax.block_until_ready(state)
        self.__dict__["compiled"] = True
        return time.perf_counter() - start


def fill(array: np.ndarray) -> np.ndarray:
    """Pad the first axis to STEPS_AT_ONCE, so that every call has one shape."""
    out = np.zeros((STEPS_AT_ONCE, *array.shape[1:]), array.dtype)
    out[: len(array)] = array
    return out


def _place(array: np.ndarray, sharding) -> jax.Array:
    return jax.make_array_from_process_local_data(sharding, array)


@lru_cache(maxsize=4)
def _program(*key) -> Program:
    return Program(*key)


def program_for(
    config: RunConfig,
    vocabulary_size: int,
    layout: Layout = Layout(),  # noqa: B008 - frozen
    devices: list[Any] | None = None,
) -> Program:
    """The program of a run's shape, shared with earlier runs of that shape in this process.

    Raises OstinatoError where the layout does not divide the devices (all by default) or the run.
    """
    mesh = layout.mesh(config, devices)
    model = ModelConfig(**{name: getattr(config, name) for name in ModelConfig.model_fields})
    sequences = max(1, config.evaluation_tokens // config.context)
    ways = batch_ways(mesh)
    sequences = -(-sequences // ways) * ways
    shape = model, vocabulary_size, config.context, config.batch_size, sequences
    return _program(*shape, mesh, layout.microbatch, layout.remat)
