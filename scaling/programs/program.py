"""The compiled heart of a run: what `step` says, compiled once for all runs of a shape and called."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import flax.linen as nn
import jax
import numpy as np

from data_pipelines.store import token_type
from scaling.config import RunConfig
from scaling.mesh import batch_sharding, batch_ways, replicated, tree_shardings
from scaling.model.config import ModelConfig
from scaling.programs.layout import Layout
from scaling.programs.optimiser import Hyper
from scaling.programs.step import Computation, State

STEPS_AT_ONCE = 16
"""Most steps in one call: a loop on the device saves the host's round trip and its page faults."""


@dataclass(frozen=True)
class Program(Computation):
    """Compiled functions for one shape on one mesh; make it with `program_for`."""

    @property
    def compiler_options(self) -> dict[str, Any] | None:
        """What XLA is told where XLA_FLAGS say nothing of it. On a CPU LLVM's first level: a quarter
        less to compile than its third, for the same speed and the same digits (measured)."""
        level = "xla_backend_optimization_level"
        if self.platform != "cpu" or level in os.environ.get("XLA_FLAGS", ""):
            return None
        return {level: 1}

    # Initial state

    @cached_property
    def _initial(self):
        return jax.jit(self.initial)  # traced once, for its shapes and for what is compiled

    @cached_property
    def _boxed(self) -> State:
        return jax.eval_shape(self._initial, jax.ShapeDtypeStruct((), np.uint32))

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
        # Without XLA's fusion emitters it compiles a third quicker, to the same digits (measured):
        # what else runs slower so runs once here.
        options = self.compiler_options and self.compiler_options | {
            "xla_cpu_use_fusion_emitters": False
        }
        return jax.jit(
            lambda seed: nn.unbox(self._initial(seed)),
            out_shardings=self.shardings,
            compiler_options=options,
        )

    def init(self, seed: int) -> State:
        """The state before the first step."""
        return self._init(np.uint32(seed))

    # Training

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
        # In the type of a corpus's tokens, whatever these have: another is another program.
        kept = token_type(self.vocabulary_size)
        filled = np.zeros((self.evaluation_size, tokens.shape[1]), kept)
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

    def nothing(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, Hyper]:
        """What `train` takes beside a state, for a step on nothing at a rate of 0."""
        rows = self.batch_size // jax.process_count()
        tokens = np.zeros((1, rows, self.context + 1), token_type(self.vocabulary_size))
        hyper = Hyper(np.float32(0), np.float32(1), np.uint32(0))
        return tokens, np.zeros((1, rows), bool), np.zeros(1, np.float32), hyper

    def compile(self) -> float:
        """Compile everything by running it on nothing; returns the seconds it took (0 when done)."""
        if "compiled" in self.__dict__:
            return 0.0
        start = time.perf_counter()
        state = self.init(0)
        tokens, repeated, rates, hyper = self.nothing()
        self.losses(state.params, tokens[0, : self.evaluation_size])
        state = self.train(state, tokens, repeated, rates, hyper)
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
def _program(kind: Callable[..., Program], *key) -> Program:
    return kind(*key)


def program_for(
    config: RunConfig,
    vocabulary_size: int,
    layout: Layout = Layout(),  # noqa: B008 - frozen
    devices: list[Any] | None = None,
    kind: Callable[..., Program] = Program,
) -> Program:
    """The program of a run's shape and kind, shared with earlier runs of them in this process.

    Raises OstinatoError where the layout does not divide the devices (all by default) or the run.
    """
    mesh = layout.mesh(config, devices)
    model = ModelConfig(**{name: getattr(config, name) for name in ModelConfig.model_fields})
    sequences = max(1, config.evaluation_tokens // config.context)
    ways = batch_ways(mesh)
    sequences = -(-sequences // ways) * ways
    shape = model, vocabulary_size, config.context, config.batch_size, sequences
    return _program(kind, *shape, mesh, layout.microbatch, layout.remat)
