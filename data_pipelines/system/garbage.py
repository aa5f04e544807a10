"""Garbage is looked for less often where much is made that stays."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """For imports and syntax trees: looking for garbage in them takes a sixth to a quarter longer."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def seldom() -> None:
    """For the rest of a process of ours: what imports and JAX's traces make mostly stays, and to look
    through it as often as Python does by itself takes a tenth of a command's time."""
    gc.set_threshold(50_000, 20, 100)
