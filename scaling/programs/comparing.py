"""Programs that read comparisons: a preference model, the same asked of one response at a time, and a
language model that imitates the preferred response.

Their rows are comparisons as `data_pipelines.comparisons` packs them; a preference model's loss is
Bradley and Terry's (Askell et al. 2021, section 2.1), log(1 + exp(r_worse - r_better)).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from data_pipelines.comparisons import START, sides
from data_pipelines.config.comparisons import GIVEN, RESPONSE
from scaling.compiled import compiled
from scaling.model.attention import plain
from scaling.model.transformer import token_losses
from scaling.programs.program import Program

HEAD = "score"
"""The weights [D] that the score is read with; what a language model has besides, this has as well."""

_AT_ONCE, _TOGETHER = 2048, 64
"""Sides that are scored in a call, and at once in it: what a CPU's cache holds."""

_GOOD, _BAD = 3, 4
"""Tags that a side may begin with, of tokens that no text here has."""


class _OfComparisons(Program):
    def _sides(self, rows_BxW: jax.Array, first: int = START) -> tuple[jax.Array, jax.Array]:
        """The preferred side and the other, [B, SIDE], which begin with a token."""
        both = sides(rows_BxW, first, jnp)
        return both[:, 0], both[:, 1]

    @property
    def _network(self) -> Any:
        return self.network.clone(attend=plain)  # of rows of any length, as kernels are not


@dataclass(frozen=True)
class Comparing(_OfComparisons):
    """A preference model. `token_losses` of comparisons [n, W] are no losses but scores [n, 2], the
    preferred side's first."""

    comparisons_a_row = 1

    def weights(self, seed: jax.Array) -> dict[str, Any]:
        """As a language model's, with a head that scores everything alike."""
        head = nn.LogicallyPartitioned(jnp.zeros(self.model.d_model), ("embed",))
        return super().weights(seed) | {HEAD: head}

    def scores_of(self, params: Any, sides_NxL: jax.Array, dropout_N=None) -> jax.Array:
        """Scores [N] of sides (`data_pipelines.comparisons.sides`), read at their last token."""
        N, L = sides_NxL.shape
        last = jnp.full((N, 1), L - 1)
        _, told = self._network.apply(
            {"params": params}, sides_NxL, places_BxK=last, dropout_B=dropout_N, mutable=["trunk"]
        )
        return cast(jax.Array, told["trunk"]["final"][:, 0].astype(jnp.float32) @ params[HEAD])

    def scores(self, params: Any, sides_NxL: np.ndarray) -> np.ndarray:
        """Scores [N] of any number of sides, float32."""
        found = []
        for start in range(0, len(sides_NxL), _AT_ONCE):
            own = sides_NxL[start : start + _AT_ONCE]
            filled = np.pad(own, [(0, _AT_ONCE - len(own)), (0, 0)]).astype(np.int32)
            found.append(np.asarray(self._score(params, filled))[: len(own)])
        return np.concatenate(found)

    @cached_property
    def _score(self):
        def run(params, sides_NxL):
            parts = sides_NxL.reshape(-1, _TOGETHER, sides_NxL.shape[1])
            return jax.lax.map(lambda part: self.scores_of(params, part), parts).reshape(-1)

        return compiled(self, run)

    def _compared(self, rows_BxW: jax.Array) -> list[jax.Array]:
        """Sides [B, SIDE], of each comparison the one that has to score higher first."""
        return list(self._sides(rows_BxW))

    def _told(self, params: Any, tokens: jax.Array, dropout_B=None) -> jax.Array:
        compared = self._compared(tokens)
        keys = None
        if dropout_B is not None:
            split = jax.vmap(lambda key: jax.random.split(key, len(compared)), out_axes=1)
            keys = split(dropout_B).reshape(-1)
        scores = self.scores_of(params, jnp.concatenate(compared), keys)
        return scores.reshape(len(compared), -1).T

    def _losses(self, params: Any, tokens: jax.Array, dropout_B=None) -> jax.Array:
        scores = self._told(params, tokens, dropout_B)
        return optax.sigmoid_binary_cross_entropy(scores[:, ::2] - scores[:, 1::2], jnp.ones(()))

    def _counts(self, tokens: jax.Array) -> jax.Array:
        return jnp.full(len(tokens), float(self.comparisons_a_row))


@dataclass(frozen=True)
class Binarised(Comparing):
    """A preference model of single responses: of A > B, GOOD A > BAD A and BAD B > GOOD B (Askell et
    al. 2021, section 4.2); four scores a row, in that order."""

    comparisons_a_row = 2

    def _compared(self, rows_BxW: jax.Array) -> list[jax.Array]:
        good, bad = self._sides(rows_BxW, _GOOD), self._sides(rows_BxW, _BAD)
        return [good[0], bad[0], bad[1], good[1]]


@dataclass(frozen=True)
class Imitating(_OfComparisons):
    """A language model trained on preferred responses, given their prompts.

    `token_losses` of comparisons [n, W] are log-probabilities of both responses, nats [n, 4]: given
    the prompt, the preferred one's first, then after nothing.
    """

    def _response_losses(self, params: Any, side: jax.Array, given: int, keys=None) -> jax.Array:
        logits = self._network.apply({"params": params}, side[:, :-1], dropout_B=keys)
        return token_losses(logits[:, given - 1 :], side[:, given:])

    def _losses(self, params: Any, tokens: jax.Array, dropout_B=None) -> jax.Array:
        better, _ = self._sides(tokens)
        return self._response_losses(params, better, GIVEN, dropout_B)

    def _told(self, params: Any, tokens: jax.Array) -> jax.Array:
        both = self._sides(tokens)
        alone = [jnp.concatenate([s[:, :1], s[:, GIVEN:]], 1) for s in both]
        losses = [self._response_losses(params, s, GIVEN) for s in both]
        losses += [self._response_losses(params, s, 1) for s in alone]
        return -jnp.stack([own.sum(-1) for own in losses], axis=-1)

    def _counts(self, tokens: jax.Array) -> jax.Array:
        return jnp.full(len(tokens), float(RESPONSE))
