"""What every head does, by one forward pass that returns attention patterns."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from scaling.compiled import compiled, make_ready
from scaling.probes import sequences
from scaling.probes.heads import prefix_matching
from scaling.probes.probe import Found, Look, Probe, Subject, Text

EXAMPLES = 10
"""Sequences that a score is averaged over, as in Olsson et al. 2022."""

PICTURED = 2
"""Heads whose patterns are kept: those that match prefixes best."""


class Heads(NamedTuple):
    """Scores by layer and head, float32 [N, H] each, and patterns of the best."""

    prefix_matching: np.ndarray
    previous_token: np.ndarray
    copying: np.ndarray
    copying_eigenvalues: np.ndarray
    pictured: np.ndarray
    """Flat numbers (layer * H + head) of the best at matching prefixes, [PICTURED]."""
    patterns: np.ndarray
    """Their attention on the first example of repeated tokens, [PICTURED, L, L]."""

    def rows(self) -> list[dict[str, Any]]:
        """A row a head."""
        return [
            {"layer": layer, "head": head}
            | {name: float(getattr(self, name)[layer, head]) for name in self._fields[:4]}
            for layer, head in np.ndindex(self.prefix_matching.shape)
        ]

    def summary(self) -> dict[str, float]:
        """Prefix matching of a model in one number: the best head, mean and sum over heads; copying
        and, over all heads, attention to the previous token."""
        scores = self.prefix_matching.ravel()
        return {
            "prefix_matching_score": scores.max(),
            "prefix_matching_mean": scores.mean(),
            "prefix_matching_sum": scores.sum(),
            "prefix_matching_copying": self.copying.ravel()[scores.argmax()],
            "previous_token_score": self.previous_token.max(),
        }

    def pictures(self) -> list[dict[str, Any]]:
        """A row an entry of the pictured heads' patterns that is worth a thousandth."""
        H = self.prefix_matching.shape[1]
        return [
            {"layer": flat // H, "head": flat % H, "query": q, "key": k, "weight": float(p[q, k])}
            for flat, p in zip(self.pictured.tolist(), self.patterns, strict=True)
            for q, k in zip(*(axis.tolist() for axis in np.nonzero(p >= 1e-3)), strict=True)
        ]


def length_of(context: int) -> int:
    """Tokens of the sequences that heads are looked at on."""
    return min(context, 1 + prefix_matching.REPEATS * prefix_matching.PERIOD)


def measure(program: Subject, params: Any, repeated: np.ndarray, natural: np.ndarray) -> Heads:
    """The scores of every head on `prefix_matching.examples` and on held-out text, [n, L] each, L
    being `length_of` the context."""
    import jax  # not to be loaded by what reads a config

    from scaling.probes.heads import head_copying

    scores, circuits, patterns = jax.device_get(_compiled(program)(params, repeated, natural))
    prefix, previous, copying = scores
    eigenvalues = [head_copying.eigenvalue_score(circuit) for circuit in circuits]
    return Heads(prefix, previous, copying, np.array(eigenvalues), *patterns)


@lru_cache(maxsize=4)
def _compiled(program: Subject):
    import jax
    import jax.numpy as jnp

    from scaling.model.transformer import Surgery
    from scaling.probes.heads import head_copying, previous_token

    config, V = program.model, program.vocabulary_size
    N, H = config.layers, config.heads
    D, K = config.d_model, config.attention_width // config.heads
    surgery = Surgery(jnp.ones((N, H)))

    def run(params, repeated, natural):
        rows = len(repeated)
        tokens = jnp.concatenate([repeated, natural])
        _, seen = program.network.apply(
            {"params": params}, tokens, surgery=surgery, mutable=["heads"]
        )
        patterns, outputs = (seen["heads"]["blocks"][name] for name in ("patterns", "outputs"))
        embed, unembed = params["embedding"][:V], params["unembedding"][:, :V]
        value = params["blocks"]["qkv"].reshape(N, D, 3, H, K)[:, :, 2]
        output = params["blocks"]["output"].reshape(N, H, K, D)
        prefix = jax.vmap(prefix_matching.score)(patterns[:, :rows])
        previous = jax.vmap(previous_token.score)(patterns[:, rows:])
        drawn = repeated[:, 1 : 1 + prefix_matching.period(repeated.shape[1])]
        copying = jax.vmap(head_copying.score, (0, 0, 0, None, None))(
            patterns[:, :rows], outputs[:, :rows], output, unembed, drawn
        )
        circuits = jax.vmap(head_copying.ov_circuits, (None, 0, 0, None))(
            embed, value, output, unembed
        )
        _, best = jax.lax.top_k(prefix.ravel(), min(PICTURED, N * H))
        return (
            (prefix, previous, copying),
            circuits,
            (best, patterns[:, 0].reshape(-1, *patterns.shape[-2:])[best]),
        )

    return compiled(program, run)


def _show(subject: Subject, text: Text) -> tuple[np.ndarray, np.ndarray]:
    """Repeated random tokens, and held-out text, of the length that heads are looked at on."""
    length = length_of(subject.context)
    repeated = prefix_matching.examples(sequences.generator(2), text.common, EXAMPLES, length)
    natural = np.resize(text.heldout_NxL[:, :length], (EXAMPLES, length)).astype(np.int32)
    return repeated, natural


def _compile(subject: Subject, shown: tuple[np.ndarray, np.ndarray]) -> None:
    make_ready(_compiled(subject), subject.abstract_state.params, *shown)


def _measure(subject: Subject, shown: tuple[np.ndarray, np.ndarray], look: Look) -> Found:
    found = measure(subject, look.params, *shown)
    tables = {"heads": found.rows()} | ({"patterns": found.pictures()} if look.last else {})
    return Found(found.summary(), tables, found)


HEADS = Probe(
    "heads",
    about="what every attention head does: prefix matching, previous token, copying",
    columns=(
        *("prefix_matching_score", "prefix_matching_mean", "prefix_matching_sum"),
        *("prefix_matching_copying", "previous_token_score"),
    ),
    tables=("heads", "patterns"),
    show=_show,
    measure=_measure,
    compile=_compile,
)
