"""Several hosts that train each run together, as those of a TPU pod do: the first one leads.

The first host reads the run ids, holds the claims and keeps the records. The others learn from it
which run comes next, whether it is to be trained at all, and when to stop, so that none of them
waits for the others in a computation that these have not begun.
"""

from __future__ import annotations

import os

_LETTERS = 16
"""Longest word that is passed on; a run's id has 12."""


def is_follower() -> bool:
    """Whether the environment says that this is one of several hosts, and not the first."""
    return hosts() > 1 and _number("OSTINATO_HOST", "TPU_WORKER_ID") > 0


def hosts() -> int:
    """How many hosts train together, by the environment (SkyPilot's task and GKE set it)."""
    listed = len(os.environ.get("TPU_WORKER_HOSTNAMES", "").split(","))
    return max(_number("OSTINATO_HOSTS"), listed)


def first_says(word: str = "") -> str:
    """The first host's word, on every host; all of them have to call this together."""
    import jax
    import numpy as np
    from jax.experimental import multihost_utils

    if jax.process_count() == 1:
        return word
    sent = np.frombuffer(word.encode().ljust(_LETTERS), np.uint8)
    return np.asarray(multihost_utils.broadcast_one_to_all(sent)).tobytes().decode().strip()


def _number(*names: str) -> int:
    given = next((os.environ[name] for name in names if name in os.environ), "0")
    return int(given) if given.isdigit() else 0
