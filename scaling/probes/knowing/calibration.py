"""Calibration of a model's next tokens: is its most probable token right as often as it says?

Kadavath et al. 2022 at this scale: not of letters in a question of choices, but of every token, on
held-out text, the pool, out-of-distribution text, and copies of a paragraph that has just been seen.
The temperature that makes the loss least is fitted on half of each and tried on the other (Guo et al.
2017, "temperature scaling"): above 1 where a model is over-confident.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from scaling.compiled import compiled, make_ready
from scaling.probes import copying
from scaling.probes.knowing import reliability
from scaling.probes.probe import Found, Look, Probe, Rows, Subject, Text
from scaling.probes.sequences import filled

TARGETS = 8192
"""Of each kind of text that are looked at, at most."""
_A_LOOK = TARGETS // 4
"""While a run trains; at its end four times, one after the other."""

_LOGITS = 2**26
"""That are held at once: 256 MiB."""

_HOTTEST = 64
"""Temperature that is looked for, of a model that is better off with none at all."""
_NEWTON_STEPS = 12
_CLOSE = 1e-4
"""A step this small ends the search for a temperature."""


class Shown(NamedTuple):
    """Sequences of one kind, as many rows for every kind: what is fitted on is in the first half."""

    tokens_NxL: np.ndarray
    """int32 [n, context + 1]; rows at the end of either half may be blank."""
    counts_NxL: np.ndarray
    """bool [n, context]: the targets that count."""


def shown(tokens_NxL: np.ndarray, counts_NxL: np.ndarray, rows: int) -> Shown:
    """Of sequences, at most `rows` (even), and of their targets."""
    tokens, counts = tokens_NxL[:rows], counts_NxL[:rows]
    first = np.arange(len(tokens)) < len(tokens) // 2
    places = np.concatenate([np.arange(first.sum()), rows // 2 + np.arange((~first).sum())])
    filled = Shown(
        np.zeros((rows, tokens.shape[1]), np.int32), np.zeros((rows, counts.shape[1]), bool)
    )
    filled.tokens_NxL[places], filled.counts_NxL[places] = tokens, counts
    return filled


class Measured(NamedTuple):
    """What a model says of targets."""

    confidence: np.ndarray
    """Probability of the most probable token [n]."""
    correct: np.ndarray
    """Whether it is the target, bool [n]."""
    temperature: float
    """That makes the loss of the first half of the rows least."""
    fitted: int
    """Targets that it is fitted on."""
    tempered: np.ndarray
    """Confidence at that temperature in the other half [m]."""
    tempered_correct: np.ndarray


def measure(subject: Subject, params: Any, shown: Shown) -> Measured:
    """What a model says of the targets that count."""
    programs, rows = _programs(subject), _rows(subject, _A_LOOK)
    half = len(shown.tokens_NxL) // 2
    first = shown.counts_NxL.copy()
    first[half:] = False
    rest = shown.counts_NxL & ~first
    cut = [slice(start, start + rows) for start in range(0, len(first), rows)]
    parts = [(filled(shown.tokens_NxL[own], rows), own) for own in cut]
    looked = [programs.look(params, tokens) for tokens, _ in parts]
    fitted = [
        (logits, tokens, filled(first[own].astype(np.float32), rows))
        for (tokens, own), (logits, _) in zip(parts, looked, strict=True)
        if first[own].any()
    ]
    beta = _best(lambda beta: [programs.moments(beta, *part) for part in fitted])

    def joined(found: Sequence[Any]) -> np.ndarray:
        return np.concatenate([np.asarray(part) for part in found])[: len(first)]

    def confidence(beta: float) -> np.ndarray:
        return joined([programs.confidence(np.float32(beta), logits) for logits, _ in looked])

    correct = joined([part for _, part in looked])
    return Measured(
        confidence(1.0)[shown.counts_NxL],
        correct[shown.counts_NxL],
        1 / beta,
        int(first.sum()),
        confidence(beta)[rest],
        correct[rest],
    )


def _best(moments: Callable[[np.float32], Sequence[tuple[Any, Any]]]) -> float:
    """The inverse temperature of the least loss, by Newton's method: the loss is convex in it, its slope
    a sum over targets, its curvature another, and both come in parts."""
    beta = 1.0
    for _ in range(_NEWTON_STEPS):
        slope, curvature = np.asarray(moments(np.float32(beta)), np.float64).sum(axis=0)
        better = np.clip(beta - slope / max(curvature, 1e-6), beta / 2, beta * 2)
        better = float(max(better, 1 / _HOTTEST))
        moved, beta = abs(better - beta), better
        if moved <= _CLOSE:
            break
    return beta


def row(found: Measured) -> dict[str, float]:
    """As `reliability.measure` has it, the `temperature`, what it is fitted on, and the calibration
    error at it, on the other half, with the floor and the number that go with that."""
    after = reliability.measure(found.tempered, found.tempered_correct)
    return reliability.measure(found.confidence, found.correct) | {
        "temperature": found.temperature,
        "temperature_n": found.fitted,
        "tempered_rms_ce": after["rms_ce"],
        "tempered_rms_ce_floor": after["rms_ce_floor"],
        "tempered_n": after["n"],
    }


class _Programs(NamedTuple):
    """Of one kind of model, compiled once for looks on the way and at the end: of parts of a look."""

    look: Any
    """(weights, tokens [n, L + 1]): logits [n, L, V], and whether the highest is the target's [n, L]."""
    moments: Any
    """(1 / temperature, logits, tokens, weight [n, L]): slope and curvature of the summed loss in it."""
    confidence: Any
    """(1 / temperature, logits): the highest probability [n, L]."""


@lru_cache(maxsize=4)
def _programs(subject: Subject) -> _Programs:
    import jax  # not to be loaded by what reads a config
    import jax.numpy as jnp

    def look(params, tokens_NxL):
        logits_NxLxV = subject.network.apply({"params": params}, tokens_NxL[:, :-1])
        return logits_NxLxV, logits_NxLxV.argmax(-1) == tokens_NxL[:, 1:]

    def moments(beta, z_NxLxV, tokens_NxL, weight_NxL):
        chosen = jnp.take_along_axis(z_NxLxV, tokens_NxL[:, 1:, None], axis=-1)[..., 0]
        p = jax.nn.softmax(beta * z_NxLxV)
        mean = (p * z_NxLxV).sum(-1)
        variance = (p * z_NxLxV**2).sum(-1) - mean**2
        return (weight_NxL * (mean - chosen)).sum(), (weight_NxL * variance).sum()

    def confidence(beta, z_NxLxV):
        return jnp.exp(-jax.nn.logsumexp(beta * (z_NxLxV - z_NxLxV.max(-1, keepdims=True)), -1))

    return _Programs(
        compiled(subject, look),
        compiled(subject, moments, of_weights=False),
        compiled(subject, confidence, of_weights=False),
    )


def _rows(subject: Subject, targets: int) -> int:
    """That have as many targets: an even number, few enough for memory."""
    fit = min(targets // subject.context, _LOGITS // (subject.context * subject.vocabulary_size))
    return max(2, min(fit, subject.evaluation_size) // 2 * 2)


def _show(subject: Subject, text: Text) -> tuple[dict[str, Shown], dict[str, Shown]]:
    """By kind of text, for the way and for the end."""
    context = subject.context
    kinds = {kind: (tokens, tokens[:, 1:] != 0) for kind, tokens in text.sets.items()}
    tiled = copying.text(text.heldout_NxL, subject.evaluation_size, context)
    copies, length = copying.shape(context)
    place = np.arange(context)
    later = (place >= length) & (place < copies * length)
    kinds["copies"] = tiled, np.broadcast_to(later, (len(tiled), context))

    def at_most(targets: int) -> dict[str, Shown]:
        rows = _rows(subject, targets)
        return {kind: shown(*own, rows) for kind, own in kinds.items() if len(own[0]) > 1}

    return at_most(_A_LOOK), at_most(TARGETS)


def _compile(subject: Subject, kinds: tuple[dict[str, Shown], dict[str, Shown]]) -> None:
    programs, (on_the_way, _), beta = _programs(subject), kinds, np.float32(1)
    tokens, counts = next(iter(on_the_way.values()))  # all kinds are of one shape
    logits, _ = make_ready(programs.look, subject.abstract_state.params, tokens)
    make_ready(programs.moments, beta, logits, tokens, counts.astype(np.float32))
    make_ready(programs.confidence, beta, logits)


def _measure(
    subject: Subject, kinds: tuple[dict[str, Shown], dict[str, Shown]], look: Look
) -> Found:
    rows: Rows = []
    charted: Rows = []
    for kind, own in kinds[look.last].items():
        found = measure(subject, look.params, own)
        rows.append({"kind": kind} | row(found))
        charted += [{"kind": kind} | b for b in reliability.bins(found.confidence, found.correct)]
    of_text = rows[0]
    columns = {name: of_text[name.removeprefix("calibration_")] for name in _COLUMNS}
    return Found(columns, {"calibration": rows} | ({"reliability": charted} if look.last else {}))


_COLUMNS = (
    "rms_ce",
    "rms_ce_floor",
    "calibration_n",
    "ece",
    "brier",
    "accuracy",
    "confidence_gap",
    "temperature",
)

CALIBRATION = Probe(
    "calibration",
    about="whether tokens are right as often as they are probable, on held-out text, pool, OOD and copies",
    columns=_COLUMNS,
    tables=("calibration", "reliability"),
    show=_show,
    measure=_measure,
    compile=_compile,
)
"""Its columns are of held-out text."""
