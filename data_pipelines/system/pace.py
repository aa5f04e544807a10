"""How far a long work is, in words: nothing in its first seconds, then a share and the time left."""

from __future__ import annotations

import time
from collections.abc import Callable

_FIRST_SECONDS = 2.0


class Pace:
    """Tells `say` now and then how much of a work is done, and how long the rest will take."""

    def __init__(self, say: Callable[[str], None], every: float = 2.0):
        self._say, self._every = say, every
        self.begin("")

    def begin(self, what: str) -> None:
        """From now on it is `what` that is done, and none of it so far."""
        self._what, self._began = what, time.monotonic()
        self._next = self._began + _FIRST_SECONDS

    def __call__(self, share: float) -> None:
        """A `share` of it, 0 to 1, is done."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + self._every
        left = (now - self._began) * (1 - share) / share if share else None
        self._say(f"{self._what}: {share:.0%}" + (f", {_duration(left)} left" if left else ""))


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"
