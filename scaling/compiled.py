"""Functions of a model's weights as JAX compiles them: once for all models of a kind, and ahead of their
first call where that is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class Weightless(Protocol):
    """A model, but for its weights: a `Program`."""

    def __hash__(self) -> int:
        """Equal ones share what is compiled."""

    @property
    def mesh(self) -> Any:
        """Its devices, a jax.sharding.Mesh."""

    @property
    def shardings(self) -> Any:
        """Where each leaf of its state lies; `.params` for the weights."""

    @property
    def abstract_state(self) -> Any:
        """Shapes, types and shardings of its state; `.params` for the weights."""

    @property
    def compiler_options(self) -> dict[str, Any] | None:
        """What XLA is told."""


def compiled(model: Weightless, run: Callable[..., Any], of_weights: bool = True) -> Any:
    """`run` of (weights, ...), or of no weights, as JAX compiles it for that model: what it is given beside
    the weights, and what it returns, lies whole on every device."""
    import jax  # not to be loaded by what reads a config

    from scaling.mesh import replicated

    share = replicated(model.mesh)
    given = [share] * run.__code__.co_argcount
    if of_weights:
        given[0] = model.shardings.params
    return jax.jit(
        run,
        in_shardings=tuple(given),
        out_shardings=share,
        compiler_options=model.compiler_options,
    )


def make_ready(function: Any, *arguments: Any) -> Any:
    """Compile what `compiled` has made for arguments as these are, arrays or shapes (of the weights,
    `abstract_state.params`); the shapes of what it returns. Calls, and who asks again, find it compiled."""
    lowered = function.lower(*arguments)
    lowered.compile()
    return lowered.out_info
