"""SIGTERM, which a cluster sends before it takes the machine away: all is saved, and the exit code says so."""

from __future__ import annotations

import signal

PREEMPTED = 75
"""Exit code after SIGTERM, when all is saved (EX_TEMPFAIL: run it again)."""


class Preempted(KeyboardInterrupt):
    """Raised by SIGTERM."""


def heed_sigterm() -> None:
    """From now on SIGTERM raises Preempted, once."""
    signal.signal(signal.SIGTERM, _preempted)


def _preempted(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one would break off the saving
    raise Preempted
