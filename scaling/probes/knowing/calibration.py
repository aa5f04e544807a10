"""Calibration of a model's next tokens: is its most probable token right as often as it says?

Kadavath et al. 2022 at this scale: not of letters in a question of choices, but of every token, on
held-out text, the pool, out-of-distribution text, and copies of a paragraph that has just been seen.
The temperature that makes the loss least is fitted on half of each and tried on the other (Guo et al.
2017, "temperature scaling"): above 1 where a model is over-confident.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from scaling.probes import copying
from scaling.probes.knowing import reliability
from scaling.probes.probe import Found, Look, Probe, Rows, Subject, Text

TARGETS = 8192
"""Of each kind of text that are looked at, at most; while a run trains a quarter of them."""

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
    half = len(shown.tokens_NxL) // 2
    first = shown.counts_NxL.copy()
    first[half:] = False
    rest = shown.counts_NxL & ~first
    found = _compiled(subject)(params, shown.tokens_NxL, first.astype(np.float32))
    confidence, correct, tempered, temperature = map(np.asarray, found)
    return Measured(
        confidence[shown.counts_NxL],
        correct[shown.counts_NxL],
        float(temperature),
        int(first.sum()),
        tempered[rest],
        correct[rest],
    )


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


@lru_cache(maxsize=4)
def _compiled(subject: Subject):
    import jax  # not to be loaded by what reads a config
    import jax.numpy as jnp

    from scaling.mesh import replicated

    def run(params, tokens_NxL, fitted_NxL):
        inputs, targets = tokens_NxL[:, :-1], tokens_NxL[:, 1:]
        logits = subject.network.apply({"params": params}, inputs)
        half = len(tokens_NxL) // 2
        z, weight = logits[:half], fitted_NxL[:half]
        chosen = jnp.take_along_axis(z, targets[:half, :, None], axis=-1)[..., 0]

        def newton(searched):
            # The loss is convex in beta = 1 / temperature: its slope is a mean, its curvature a variance.
            beta, _, steps = searched
            p = jax.nn.softmax(beta * z)
            mean = (p * z).sum(-1)
            slope = (weight * (mean - chosen)).sum()
            curvature = (weight * ((p * z**2).sum(-1) - mean**2)).sum()
            better = jnp.clip(beta - slope / jnp.maximum(curvature, 1e-6), beta / 2, beta * 2)
            better = jnp.maximum(better, 1 / _HOTTEST)
            return better, abs(better - beta), steps + 1

        def far(searched):
            return (searched[1] > _CLOSE) & (searched[2] < _NEWTON_STEPS)

        beta, _, _ = jax.lax.while_loop(far, newton, (jnp.float32(1), jnp.float32(1), 0))
        top = logits.max(-1)

        def confidence(scale):
            return jnp.exp(-jax.nn.logsumexp(scale * (logits - top[..., None]), -1))

        correct = logits.argmax(-1) == targets
        return confidence(1.0), correct, confidence(beta), 1 / beta

    share = replicated(subject.mesh)
    return jax.jit(run, in_shardings=(subject.shardings.params, share, share), out_shardings=share)


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
        fit = min(targets // context, _LOGITS // (context * subject.vocabulary_size))
        rows = max(2, min(fit, subject.evaluation_size) // 2 * 2)
        return {kind: shown(*own, rows) for kind, own in kinds.items() if len(own[0]) > 1}

    return at_most(TARGETS // 4), at_most(TARGETS)


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
    compiles=True,
)
"""Its columns are of held-out text."""
