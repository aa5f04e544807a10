"""What probes compile of a model: functions of its weights, once for all models of a kind, before a run
begins and without being run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scaling.probes.probe import Subject


def compiled(subject: Subject, run: Callable[..., Any], of_weights: bool = True) -> Any:
    """`run` of (weights, ...), or of no weights, as JAX compiles it for that model: what it is given beside
    the weights, and what it returns, lies whole on every device."""
    import jax  # not to be loaded by what reads a config

    from scaling.mesh import replicated

    share = replicated(subject.mesh)
    given = [share] * run.__code__.co_argcount
    if of_weights:
        given[0] = subject.shardings.params
    return jax.jit(
        run,
        in_shardings=tuple(given),
        out_shardings=share,
        compiler_options=subject.compiler_options,
    )


def make_ready(subject: Subject, function: Any, *arguments: Any) -> Any:
    """Compile what `compiled` has made for arguments as these are, arrays or shapes; the shapes of what
    it returns. Calls find it compiled."""
    lowered = function.lower(subject.abstract_state.params, *arguments)
    lowered.compile()
    return lowered.out_info
