"""A compiled program for one run alone, and one for many small runs of a shape in step.

A model that cannot fill an accelerator leaves most of it idle; a row of a heat map, stacked on a run
axis that is sharded over the devices, fills a pod. Each run of a stack keeps its own data, rates and
seed, and gets what it would have got alone, to rounding.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Protocol

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from data_pipelines.stream import Batch
from scaling.config import RunConfig
from scaling.programs.optimiser import Hyper
from scaling.programs.program import Program, fill, program_for
from scaling.programs.step import State, Tally


class Lanes(Protocol):
    """The compiled functions of runs in step, a lane each."""

    program: Program
    """Of one lane."""

    def compile(self) -> float:
        """Compile everything by running it on nothing; returns the seconds it took."""

    def init(self, seeds: Sequence[int]) -> State:
        """The states before the first step."""

    def join(self, states: Sequence[State]) -> State:
        """States of single runs as one of all lanes."""

    def lane(self, state: State, number: int) -> State:
        """The state of one run, as `Program` has it."""

    def train(
        self,
        state: State,
        batches: Sequence[Batch],
        rates: Sequence[np.ndarray],
        hyper: Sequence[Hyper],
    ) -> State:
        """Train each lane on its own batches [steps, B, L + 1] at its own rates; `state` is donated."""

    def tallies(self, state: State) -> list[Tally]:
        """Of each lane, on the host; waits for the device."""

    def token_losses(
        self, state: State, sets: Sequence[np.ndarray | None]
    ) -> list[np.ndarray | None]:
        """Loss (nats) of each target of each lane's sequences [n, L + 1]: [n, L]; None for None."""


class Alone:
    """A `Program` as the only lane."""

    def __init__(self, program: Program):
        self.program = program

    def compile(self) -> float:
        """As `Lanes` says, here and below."""
        return self.program.compile()

    def init(self, seeds: Sequence[int]) -> State:
        return self.program.init(seeds[0])

    def join(self, states: Sequence[State]) -> State:
        return states[0]

    def lane(self, state: State, number: int) -> State:
        return state

    def train(
        self,
        state: State,
        batches: Sequence[Batch],
        rates: Sequence[np.ndarray],
        hyper: Sequence[Hyper],
    ) -> State:
        (batch,) = batches
        return self.program.train(state, batch.tokens, batch.repeated, rates[0], hyper[0])

    def tallies(self, state: State) -> list[Tally]:
        return [jax.device_get(state.tally)]

    def token_losses(
        self, state: State, sets: Sequence[np.ndarray | None]
    ) -> list[np.ndarray | None]:
        return [
            None if tokens is None else self.program.token_losses(state.params, tokens)
            for tokens in sets
        ]


class Stacked:
    """A `Program` over lanes, a run in each, sharded over devices.

    Lanes are filled up to a multiple of the devices by copies of the last, whose results are dropped.
    """

    def __init__(
        self,
        config: RunConfig,
        vocabulary_size: int,
        lanes: int,
        devices: list | None,
        kind: Callable[..., Program] = Program,
    ):
        devices = (devices or jax.devices())[:lanes]
        self.program = program_for(config, vocabulary_size, devices=devices[:1], kind=kind)
        self.count = lanes
        self._lanes = -(-lanes // len(devices)) * len(devices)
        self._mesh = Mesh(np.array(devices), ("runs",))
        self._runs = PartitionSpec("runs")

    def _over(self, function: Callable, arguments: int, shared: int = 0) -> Callable:
        """`function` of one lane for all of them; its last `shared` arguments are the same for all."""
        axes = (0,) * arguments + (None,) * shared
        specs = (self._runs,) * arguments + (PartitionSpec(),) * shared
        return jax.shard_map(
            jax.vmap(function, in_axes=axes),
            mesh=self._mesh,
            in_specs=specs,
            out_specs=self._runs,
            check_vma=False,
        )

    @cached_property
    def _train(self):
        return self._jit(self._over(self.program.steps, 5, shared=1), donate_argnums=0)

    @cached_property
    def _losses(self):
        return self._jit(self._over(self.program.token_losses_of, 2))

    def _jit(self, function: Callable, **asked: Any) -> Callable:
        return jax.jit(function, compiler_options=self.program.compiler_options, **asked)

    def _spread(self, parts: Sequence[Any]) -> Any:
        """Stack a tree a run into one with a lane axis, on the devices."""
        parts = [*parts, *[parts[-1]] * (self._lanes - len(parts))]
        placed = NamedSharding(self._mesh, self._runs)
        return jax.tree.map(lambda *leaves: jax.device_put(np.stack(leaves), placed), *parts)

    def init(self, seeds: Sequence[int]) -> State:
        return self.join([self.program.init(seed) for seed in seeds])

    def join(self, states: Sequence[State]) -> State:
        return self._spread(jax.device_get(list(states)))

    def lane(self, state: State, number: int) -> State:
        own = jax.tree.map(lambda leaf: leaf[number], jax.device_get(state))
        return jax.device_put(own, self.program.shardings)

    def train(
        self,
        state: State,
        batches: Sequence[Batch],
        rates: Sequence[np.ndarray],
        hyper: Sequence[Hyper],
    ) -> State:
        return self._train(
            state,
            self._spread([fill(batch.tokens) for batch in batches]),
            self._spread([fill(batch.repeated) for batch in batches]),
            self._spread([fill(own) for own in rates]),
            self._spread(list(hyper)),
            np.int32(len(rates[0])),
        )

    def tallies(self, state: State) -> list[Tally]:
        tally = jax.device_get(state.tally)
        return [jax.tree.map(lambda leaf, i=i: leaf[i], tally) for i in range(self.count)]

    def token_losses(
        self, state: State, sets: Sequence[np.ndarray | None]
    ) -> list[np.ndarray | None]:
        size, width = self.program.evaluation_size, self.program.context + 1
        filled = np.zeros((self.count, size, width), np.uint32)
        for own, tokens in zip(filled, sets, strict=True):
            if tokens is not None:
                own[: len(tokens)] = tokens
        losses = np.asarray(self._losses(state.params, self._spread(list(filled))))
        return [
            None if tokens is None else own[: len(tokens)]
            for own, tokens in zip(losses, sets, strict=False)
        ]

    def compile(self) -> float:
        start = time.perf_counter()
        tokens, repeated, rates, hyper = self.program.nothing()
        state = self.init([0])
        self.token_losses(state, [tokens[0, : self.program.evaluation_size]] * self.count)
        batches = [Batch(tokens, repeated, repeated)] * self.count
        state = self.train(state, batches, [rates] * self.count, [hyper] * self.count)
        jax.block_until_ready(state)
        return time.perf_counter() - start
