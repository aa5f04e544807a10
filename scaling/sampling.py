"""Samples of a language model at temperature 1, nothing cut off, with what each token's probability was.

Each token is computed once: keys and values of those before it are kept (`empty_cache`). A row's draws
follow from the seed and its number alone, whatever rows are drawn beside it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import numpy as np

from scaling.compiled import Weightless, compiled, make_ready
from scaling.model.config import ModelConfig

_ROWS = {"cpu": 128}
"""That are drawn at once, by platform: on a CPU keys and values have to fit its cache (measured)."""
_ROWS_ELSEWHERE = 2048


class Sampled(Weightless, Protocol):
    """The model that is sampled."""

    @property
    def model(self) -> ModelConfig:
        """Its sizes."""

    @property
    def network(self) -> Any:
        """The Flax module (`model.transformer.Transformer`)."""


class Drawn(NamedTuple):
    """Rows, those given and those drawn."""

    tokens_NxL: np.ndarray
    """Token ids, int32."""
    log_p_NxL: np.ndarray
    """Natural logarithm of the probability that each token had after those before it, given or drawn,
    float32; 0 of the first, which is always given."""


def sample(
    subject: Sampled,
    params: Any,
    tokens_NxL: np.ndarray,
    given_N: np.ndarray,
    seed: int,
    first: int = 0,
) -> Drawn:
    """Rows whose first `given_N` tokens (1 or more) are kept and the others drawn; `first` is the
    number of the first row.

    Compiled once a length of rows and a least number of given tokens, which are read in one pass.
    """
    rows, prompt = _rows(subject), int(given_N.min())
    tokens, log_p = [], []
    for start in range(0, len(tokens_NxL), rows):
        own = slice(start, start + rows)
        count = len(tokens_NxL[own])
        shown, given, numbers = _nothing(rows, tokens_NxL.shape[1], prompt)
        shown[:count], given[:count] = tokens_NxL[own], given_N[own]
        numbers += np.uint32(first + start)
        found = _sampled(subject, prompt)(params, shown, given, numbers, np.uint32(seed))
        tokens.append(np.asarray(found[0])[:count])
        log_p.append(np.asarray(found[1])[:count])
    return Drawn(np.concatenate(tokens), np.concatenate(log_p))


def ready_to_sample(subject: Sampled, tokens_NxL: np.ndarray, given_N: np.ndarray) -> None:
    """Compile what `sample` runs for these, without running it."""
    prompt = int(given_N.min())
    nothing = _nothing(_rows(subject), tokens_NxL.shape[1], prompt)
    make_ready(_sampled(subject, prompt), subject.abstract_state.params, *nothing, np.uint32(0))


def _rows(subject: Sampled) -> int:
    return _ROWS.get(subject.mesh.devices.flat[0].platform, _ROWS_ELSEWHERE)


def _nothing(rows: int, length: int, prompt: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Blank tokens [rows, length], how many of each row are given, and the rows' numbers."""
    return (
        np.zeros((rows, length), np.int32),
        np.full(rows, prompt, np.int32),
        np.arange(rows, dtype=np.uint32),
    )


@lru_cache(maxsize=8)
def _sampled(subject: Sampled, prompt: int):
    """The compiled draw of rows [N, L], the first `prompt` tokens of each of which are given."""
    import jax  # not to be loaded by what reads a config
    import jax.numpy as jnp

    from scaling import draws
    from scaling.model.transformer import empty_cache

    network = subject.network.clone(unroll=False)

    def run(params, tokens_NxL, given_N, number_N, seed):
        N, L = tokens_NxL.shape
        key_N = jax.vmap(jax.random.fold_in, (None, 0))(draws.key(seed), number_N)

        def read(tokens_NxT, at, cache):
            weights = {"params": params, "cache": cache}
            logits, held = network.apply(weights, tokens_NxT, at=at, mutable=["cache"])
            return jax.nn.log_softmax(logits), held["cache"]

        def draw(t, carried):
            tokens, log_p, now_NxV, cache = carried
            keys = jax.vmap(jax.random.fold_in, (0, None))(key_N, t)
            # By the inverse of the distribution function: a random number a row, where the library's
            # categorical draws one a token and takes four times as long.
            below_NxV = jnp.cumsum(jnp.exp(now_NxV), axis=1)
            height_N = jax.vmap(jax.random.uniform)(keys) * below_NxV[:, -1]
            drawn = (below_NxV[:, :-1] <= height_N[:, None]).sum(axis=1)
            token = jnp.where(t < given_N, tokens[:, t], drawn)
            chosen = jnp.take_along_axis(now_NxV, token[:, None], axis=1)[:, 0]
            after, cache = read(token[:, None], t, cache)
            return tokens.at[:, t].set(token), log_p.at[:, t].set(chosen), after[:, 0], cache

        log_p = jnp.zeros((N, L))
        cache = empty_cache(network.config, N, L)
        if prompt == 1:  # which is read as what is drawn is: half as much to compile
            carried = tokens_NxL, log_p, jnp.zeros((N, network.vocabulary_size)), cache
            return jax.lax.fori_loop(0, L, draw, carried)[:2]
        head_NxP = tokens_NxL[:, :prompt]
        after, cache = read(head_NxP, 0, cache)
        chosen = jnp.take_along_axis(after[:, :-1], head_NxP[:, 1:, None], axis=2)[..., 0]
        log_p = log_p.at[:, 1:prompt].set(chosen)
        carried = tokens_NxL, log_p, after[:, -1], cache
        return jax.lax.fori_loop(prompt, L, draw, carried)[:2]

    return compiled(subject, run)
