"""A language model that says True or False of what it is shown: the words that it gains, how it learns
to use them, what it says."""

from __future__ import annotations

import time
from functools import cached_property, lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from scaling.compiled import compiled
from scaling.mesh import replicated
from scaling.probes.knowing.answers import after
from scaling.programs.optimiser import Hyper, optimiser
from scaling.programs.program import Program, fill
from scaling.programs.step import State, Tally
from scaling.stages.knowing.questions import GRADING, VERDICTS, Answered, grading_tokens

_ROWS = 256
"""That are graded at once."""


class Grader:
    """A program whose vocabulary ends with GRADING, and its compiled functions.

    What is learnt is the loss (nats) of True against False, which no other word has a part in.
    """

    def __init__(self, program: Program):
        self.program = program
        self._after = after(program)

    def _log_odds(self, params: Any, tokens_NxL: jax.Array, place_N: jax.Array) -> jax.Array:
        """Of True [N]."""
        logits_NxV = self._after(params, tokens_NxL, place_N[:, None])[0][:, 0]
        words = grading_tokens(self.program.vocabulary_size - len(GRADING))
        true, false = (words[verdict] for verdict in VERDICTS)
        return logits_NxV[:, true] - logits_NxV[:, false]

    def _step(self, state: State, tokens_BxL, place_B, right_B, rate, hyper: Hyper) -> State:
        def loss(params):
            odds_B = self._log_odds(params, tokens_BxL, place_B)
            return optax.sigmoid_binary_cross_entropy(odds_B, right_B).mean()

        value, gradient = jax.value_and_grad(loss)(state.params)
        updates, moments = optimiser(hyper, rate).update(gradient, state.optimiser, state.params)
        norm = optax.tree.norm(gradient)
        tally = Tally(value, 1.0, 0.0, 0.0, norm, 1.0)
        return State(
            state.step + 1,
            optax.apply_updates(state.params, updates),
            moments,
            jax.tree.map(jnp.add, state.tally, tally),
        )

    @cached_property
    def _train(self):
        def run(state, tokens_SxBxL, place_SxB, right_SxB, rate_S, hyper, count):
            def body(i, state):
                batch = tokens_SxBxL[i], place_SxB[i], right_SxB[i]
                return self._step(state, *batch, rate_S[i], hyper)

            return jax.lax.fori_loop(0, count, body, state)

        whole = replicated(self.program.mesh)
        return jax.jit(
            run,
            in_shardings=(self.program.shardings, *[whole] * 6),
            out_shardings=self.program.shardings,
            donate_argnums=0,
            compiler_options=self.program.compiler_options,
        )

    @cached_property
    def _says(self):
        def run(params, tokens_NxL, place_N):
            return jax.nn.sigmoid(self._log_odds(params, tokens_NxL, place_N))

        return compiled(self.program, run)

    def compile(self, batch: int, width: int) -> float:
        """Compile everything by running it on nothing; returns the seconds it took."""
        start = time.perf_counter()
        nothing = Answered(np.zeros((1, batch, width), np.int32), np.zeros((1, batch), np.int32))
        state = self._placed(
            jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), self.program.abstract_state)
        )
        hyper = Hyper(np.float32(0), np.float32(1), np.uint32(0))
        state = self.train(state, nothing, np.zeros((1, batch), bool), np.zeros(1), hyper)
        self.p_true(state.params, Answered(nothing.tokens_NxL[0], nothing.place_N[0]))
        return time.perf_counter() - start

    def begin(self, params: Any, seed: int) -> State:
        """The state before the first step, of a run's weights without the words that are gained: they
        begin as embeddings do, and none is more probable than another."""
        size = self.program.vocabulary_size - len(GRADING)
        shapes = self.program.abstract_state.params
        held = jax.device_get(params)
        embedding, unembedding = (
            np.zeros(shapes[name].shape, np.float32) for name in ("embedding", "unembedding")
        )
        embedding[:size] = held["embedding"][:size]
        unembedding[:, :size] = held["unembedding"][:, :size]
        words = slice(size, self.program.vocabulary_size)
        embedding[words] = np.random.default_rng(seed).normal(size=embedding[words].shape)
        grown = dict(held) | {"embedding": embedding, "unembedding": unembedding}
        moments = optimiser(Hyper(0.0, 1.0), 0.0).init(grown)
        return self._placed(State(np.int32(0), grown, moments, Tally(*[np.float32(0)] * 6)))

    def _placed(self, state: State) -> State:
        return jax.device_put(state, self.program.shardings)

    def train(
        self, state: State, rows: Answered, right_SxB: np.ndarray, rates_S: np.ndarray, hyper: Hyper
    ) -> State:
        """The state after steps on rows [S, B, L] that are right or not; the old one is donated."""
        given = rows.tokens_NxL, rows.place_N.astype(np.int32), right_SxB.astype(np.float32)
        filled = (fill(each) for each in (*given, rates_S.astype(np.float32)))
        return self._train(state, *filled, hyper, np.int32(len(rates_S)))

    def p_true(self, params: Any, rows: Answered) -> np.ndarray:
        """Probability of True against False after each row [N]."""
        said = []
        for start in range(0, len(rows.tokens_NxL), _ROWS):
            tokens, place = (each[start : start + _ROWS].astype(np.int32) for each in rows)
            missing = _ROWS - len(tokens)
            shown = np.pad(tokens, ((0, missing), (0, 0))), np.pad(place, (0, missing))
            said.append(np.asarray(self._says(params, *shown))[: len(tokens)])
        return np.concatenate(said)


@lru_cache(maxsize=4)
def grader_for(program: Program) -> Grader:
    """That of a program, shared with earlier runs of its shape in this process."""
    return Grader(program)
