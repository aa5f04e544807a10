"""Many small fits at once: damped Newton on the Huber objective, vmapped, in float64.

The objective is sum_i w_i Huber_delta(ln L_i - ln prediction_i): a sum, so that tolerances mean what
they say (the mean of Hoffmann et al. 2022 made their solver stop early; Besiroglu et al. 2024).
A bootstrap resample is a vector of weights w, so that all resamples share the table. Newton steps
use the exact Hessian with its eigenvalues made positive; with at most eight constants that costs
little, and it converges where a quasi-Newton method crawls along the Huber function's kinks.

Where fewer rows than constants lie within delta of the law (few rows, or noise far above delta) the
Hessian is singular and Newton's step leads nowhere. Such fits go on with steps of iteratively
reweighted least squares beside Newton's: a majorisation, which falls until a minimum is reached
(Huber and Ronchetti 2009, section 7.8).
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

if "jax" not in sys.modules:  # a process that only fits must not take hold of an accelerator
    os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import jax.numpy as jnp

from analysis.laws import Law

HUBER_DELTA = 1e-3  # Hoffmann et al. 2022, section 3.3
_CHUNK = 16  # fits solved together: one shape to compile, and few wait for the slowest
_FEWEST_ROWS = 32  # of a table as it is compiled for; a power of two of them, the rest weightless
_SWEEP = 6  # Newton steps between two looks at what has converged
_SWEEPS = 80
_TOLERANCE = 1e-13  # relative decrease that a step may still promise
_ROUNDING = 1e-10  # the same where no step falls any further: what rounding hides
_NOTHING = 1e-22  # a decrease not worth having: residuals of 1e-11
_LENGTHS = (1.0, 0.4, 0.1, 0.01)  # of a step: the best of them is taken
_SHORT = (1e-3, 1e-5, 1e-7)  # where not even these fall, it is a minimum, or a kink of the law


@dataclass(frozen=True)
class Solution:
    """Minima: coordinates [fits, constants], objective [fits], converged [fits]."""

    coordinates: np.ndarray
    objective: np.ndarray
    converged: np.ndarray


def minimise(
    law: type[Law],
    columns: dict[str, np.ndarray],
    loss: np.ndarray,
    starts: np.ndarray,
    weights: np.ndarray,
    delta: float = HUBER_DELTA,
    moves: np.ndarray | None = None,
    thorough: bool = True,
) -> Solution:
    """Minimise the objective from each start.

    columns, loss: [rows]; starts: [fits, constants]; weights: [fits, rows], or [rows] for all;
    delta: Huber's; inf for half the squares; moves: the projection onto the steps that may be taken,
    [constants, constants] (`constraints`); all by default; thorough: go on by reweighting where
    Newton's steps lead nowhere, which is another function to compile.
    """
    starts = np.asarray(starts, float)
    moves = np.eye(starts.shape[1]) if moves is None else np.asarray(moves, float)
    weights = np.broadcast_to(weights, (len(starts), len(loss)))
    padding = (0, max(_FEWEST_ROWS, 1 << (len(loss) - 1).bit_length()) - len(loss))
    weights = np.pad(weights, ((0, 0), padding))
    log_loss, *values = (
        np.pad(row, padding, mode="edge")
        for row in (np.log(loss), *(columns[n] for n in law.columns))
    )
    with _precisely():
        padded = {name: jnp.asarray(row) for name, row in zip(law.columns, values, strict=True)}
        table = (padded, jnp.asarray(log_loss), delta)
        theta, objective = starts.copy(), np.full(len(starts), np.inf)
        converged = np.zeros(len(starts), bool)
        for reweighted in (False, True)[: 1 + thorough]:
            pending = np.flatnonzero(~converged)
            for _ in range(_SWEEPS):
                if not len(pending):
                    break
                stopped = np.zeros(len(starts), bool)
                for chunk in np.array_split(pending, -(-len(pending) // _CHUNK)):
                    rows = np.concatenate([chunk, np.repeat(chunk[:1], _CHUNK - len(chunk))])
                    found = _compiled(law, reweighted, *table, moves, theta[rows], weights[rows])
                    theta[chunk], objective[chunk], stopped[chunk], converged[chunk] = (
                        np.asarray(part)[: len(chunk)] for part in found
                    )
                pending = pending[~stopped[pending]]
    return Solution(theta, objective, converged)


def objectives(law, columns, loss, points, weights, delta: float = HUBER_DELTA) -> np.ndarray:
    """The objective at each of `points` [points, constants]; plain numpy, nothing to compile."""
    log_loss, values = np.log(loss), []
    for point in points:
        residual = np.abs(log_loss - law.log_loss(law.at(point), columns))
        inside = np.minimum(residual, delta)
        values.append(np.sum(weights * inside * (residual - 0.5 * inside)))
    return np.array(values)


@contextmanager
def _precisely():
    """Float64 on the CPU, whatever else the process does with JAX."""
    with jax.enable_x64(True), jax.default_device(jax.devices("cpu")[0]):
        yield


def _residuals(theta, law, columns, log_loss):
    return log_loss - law.log_loss(law.at(theta, jnp), columns, jnp)


def _huber(residuals, delta, weights):
    size = jnp.abs(residuals)
    inside = jnp.minimum(size, delta)
    return jnp.sum(weights * inside * (size - 0.5 * inside))


def _sweep(law, reweighted, columns, log_loss, delta, moves, theta, weights):
    """Up to `_SWEEP` steps on every fit: coordinates, objectives, whether it goes no further, and
    whether that is a minimum. reweighted: try steps of reweighted least squares as well."""

    def residuals(theta):
        return _residuals(theta, law, columns, log_loss)

    def value(theta, weights):
        return _huber(residuals(theta), delta, weights)

    def slope(theta, weights):
        gradient = jax.grad(value)(theta, weights)
        return gradient, gradient

    def towards(gradient, hessian):
        """The step that the quadratic model asks for, and the decrease that it promises."""
        curvature, axes = jnp.linalg.eigh(moves @ hessian @ moves)
        curvature = jnp.maximum(jnp.abs(curvature), 1e-10 * jnp.abs(curvature).max() + 1e-300)
        direction = -moves @ (axes @ ((axes.T @ gradient) / curvature))
        return direction, -gradient @ direction

    def step(theta, current, weights):
        hessian, gradient = jax.jacfwd(slope, has_aux=True)(theta, weights)
        gradient = moves @ gradient
        direction, promised = towards(gradient, hessian)
        directions, lengths = direction[None], jnp.asarray(_LENGTHS)
        if reweighted:
            slopes, sizes = jax.jacfwd(residuals)(theta), jnp.abs(residuals(theta))
            pull = weights * jnp.minimum(1.0, delta / jnp.maximum(sizes, 1e-300))
            other, _ = towards(gradient, slopes.T @ (pull[:, None] * slopes))
            directions = jnp.stack([direction, other])
            lengths = jnp.asarray(_LENGTHS + _SHORT)
        reach = jnp.minimum(1.0, 3.0 / jnp.linalg.norm(directions, axis=1, keepdims=True))
        points = (theta + lengths[:, None, None] * reach * directions).reshape(-1, len(theta))
        values = jax.vmap(value, (0, None))(points, weights)
        values = jnp.where(jnp.isfinite(values), values, jnp.inf)
        best = jnp.argmin(values)
        better = values[best] < current * (1 - _TOLERANCE if reweighted else 1)
        least = jnp.where(better, _TOLERANCE, _ROUNDING) * current + _NOTHING
        minimum = ~better if reweighted else promised <= least
        theta = jnp.where(better, points[best], theta)
        current = jnp.where(better, values[best], current)
        return theta, current, minimum | ~better, minimum

    def steps(state):
        *before, count = state
        theta, current, stopped, _ = before
        after = jax.vmap(step)(theta, current, weights)
        kept = (
            jnp.where(stopped.reshape(-1, *(1,) * (new.ndim - 1)), old, new)
            for old, new in zip(before, after, strict=True)
        )
        return *kept, count + 1

    # Not a loop vmapped: tracing that takes as long again as all else.
    never = jnp.zeros(len(theta), bool)
    start = (theta, jax.vmap(value)(theta, weights), never, never, 0)
    theta, current, stop, minimum, _ = jax.lax.while_loop(
        lambda state: ~state[2].all() & (state[4] < _SWEEP), steps, start
    )
    return theta, current, stop, stop & minimum


# XLA's newer emitters take twice as long for the same code. Reweighting at LLVM's level 0 compiles .1 s
# sooner, and where many fits come to it, as of few rows with little noise, takes three times as long.
_OPTIONS = {"xla_backend_optimization_level": 1, "xla_cpu_use_fusion_emitters": False}
_compiled = jax.jit(_sweep, static_argnums=(0, 1), compiler_options=_OPTIONS)
