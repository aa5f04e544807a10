"""What a model loses without a head: causal evidence for what the head does (Olsson et al. 2022).

A full ablation zeroes a head's output and lets later heads attend elsewhere for it; a
pattern-preserving one forces the patterns of the whole model, so that what is lost went through the
values. Beside each head alone, the heads that match prefixes best are ablated together, and as many
drawn at random.
"""

from __future__ import annotations

from functools import lru_cache
from math import comb
from typing import Any

import numpy as np

from scaling.compiled import compiled, make_ready
from scaling.probes import copying, in_context, sequences
from scaling.probes.probe import Found, Look, Probe, Subject, Text

SEQUENCES = 32
"""Sequences that the losses are measured on: half of them held-out text, half tiled random tokens."""

DRAWS = 8
"""Random sets of heads, no two alike; fewer where there are not so many."""

_PATTERN_BYTES = 2**28
"""Patterns of all heads that are held at once."""


def together(heads: int) -> int:
    """How many heads are ablated together."""
    return max(1, min(3, heads // 2))


def sequences_that_fit(program: Subject) -> int:
    """Sequences whose patterns can be held at once, an even number."""
    heads = program.model.layers * program.model.heads
    fit = _PATTERN_BYTES // (4 * heads * program.context**2)
    return int(np.clip(fit // 2 * 2, 2, SEQUENCES))


def measure(
    program: Subject,
    params: Any,
    text_NxL: np.ndarray,
    tiled_NxL: np.ndarray,
    prefix_matching_NxH: np.ndarray,
    generator: np.random.Generator,
) -> list[dict[str, Any]]:
    """A row an ablation: what it adds, in nats per token, to the loss of held-out text (`test_change`;
    `index_changes`: by token index, in even groups of at most `in_context.GROUPS`), to the
    in-context-learning score (`in_context_change`), and to the loss of all but the first copy of
    random tokens (`copying_change`).

    `kind` is 'head' (with its layer and head), 'induction' (those that match prefixes best, together)
    or 'random' (as many others); `mode` is 'full' or 'pattern'.
    """
    import jax  # not to be loaded by what reads a config

    sets = _sets(prefix_matching_NxH, generator)
    given = _given(text_NxL, tiled_NxL, sets)
    whole, full, frozen = jax.device_get(_compiled(program)(params, *given))
    n = len(text_NxL)

    rows = []
    for mode, found in (("full", full), ("pattern", frozen)):
        for (about, _), losses in zip(sets, found, strict=True):
            change = losses - whole
            by_index = in_context.curve(change[:n], in_context.GROUPS)
            rows.append(
                about
                | {"mode": mode, "test_change": change[:n].mean()}
                | {"in_context_change": in_context.score(change[:n])}
                | {"copying_change": copying.by_copy(change[n:])[:, 1:].mean()}
                | {"index_changes": [float(row["loss"]) for row in by_index]}
            )
    return rows


_Sets = list[tuple[dict[str, Any], np.ndarray]]


def _given(text_NxL: np.ndarray, tiled_NxL: np.ndarray, sets: _Sets) -> tuple[np.ndarray, ...]:
    """Tokens, and which heads are kept [S, N, H]."""
    tokens = np.concatenate([text_NxL, tiled_NxL]).astype(np.int32)
    return tokens, np.stack([keep for _, keep in sets])


def _sets(prefix_matching_NxH: np.ndarray, generator) -> _Sets:
    """What is ablated: a description and which heads are kept, float32 [N, H]."""
    shape, count = prefix_matching_NxH.shape, prefix_matching_NxH.size
    k, order = together(count), np.argsort(-prefix_matching_NxH.ravel(), kind="stable")
    chosen = [
        ({"kind": "head", "layer": h // shape[1], "head": h % shape[1]}, [h]) for h in range(count)
    ]
    others = order[k:] if count > k else order
    several = [
        ("induction", order[:k]),
        *(("random", heads) for heads in _draws(others, k, generator)),
    ]
    chosen += [({"kind": kind, "layer": -1, "head": -1}, list(heads)) for kind, heads in several]
    sets = []
    for about, heads in chosen:
        keep = np.ones(count, np.float32)
        keep[heads] = 0
        sets.append((about, keep.reshape(shape)))
    return sets


def _draws(heads: np.ndarray, k: int, generator) -> list[tuple[int, ...]]:
    """`DRAWS` different sets of k heads, or all there are."""
    k = min(k, len(heads))
    drawn: dict[tuple[int, ...], None] = {}
    while len(drawn) < min(DRAWS, comb(len(heads), k)):
        drawn[tuple(sorted(generator.choice(heads, k, replace=False).tolist()))] = None
    return list(drawn)


@lru_cache(maxsize=4)
def _compiled(program: Subject):
    import jax
    import jax.numpy as jnp

    from scaling.model.transformer import Surgery

    config = program.model

    def run(params, tokens, keep_SxNxH):
        def losses(surgery):
            return program.network.apply(
                {"params": params},
                tokens[:, :-1],
                tokens[:, 1:],
                surgery=surgery,
                mutable=["heads"],
            )

        whole, seen = losses(Surgery(jnp.ones((config.layers, config.heads))))
        patterns = seen["heads"]["blocks"]["patterns"]
        full = jax.lax.map(lambda keep: losses(Surgery(keep))[0], keep_SxNxH)
        frozen = jax.lax.map(lambda keep: losses(Surgery(keep, patterns))[0], keep_SxNxH)
        return whole, full, frozen

    return compiled(program, run)


def _show(subject: Subject, text: Text) -> tuple[np.ndarray, np.ndarray]:
    """Held-out text and tiled random tokens."""
    half = sequences_that_fit(subject) // 2
    held_out = np.resize(text.heldout_NxL, (half, text.heldout_NxL.shape[1]))
    return held_out, copying.random(sequences.generator(3), text.common, half, subject.context)


def _compile(subject: Subject, shown: tuple[np.ndarray, np.ndarray]) -> None:
    scores = np.zeros((subject.model.layers, subject.model.heads))
    sets = _sets(scores, sequences.generator(4))  # as many, whatever the scores
    make_ready(_compiled(subject), subject.abstract_state.params, *_given(*shown, sets))


def _measure(subject: Subject, shown: tuple[np.ndarray, np.ndarray], look: Look) -> Found:
    scores = look.found["heads"].result.prefix_matching
    rows = measure(subject, look.params, *shown, scores, sequences.generator(4))
    return Found(tables={"ablations": rows})


ABLATION = Probe(
    "ablation",
    about="what a model loses without a head, at the end",
    columns=(),
    tables=("ablations",),
    needs=("heads",),
    show=_show,
    measure=_measure,
    last=True,
    compile=_compile,
)
