"""Child processes of ours: all are started alike, and none outlives its parent.

The parent starts `child("package.module:function", ...)`. The child runs that function with the
words that follow, and is killed by the system when its parent ends, whatever ended that.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from importlib import import_module

from data_pipelines.system.garbage import seldom, uncollected

_PR_SET_PDEATHSIG = 1
"""Of Linux's prctl: the signal that a process gets when the thread that started it has ended."""

_LOOK_SECONDS = 0.25


def child(function: str, *words: str) -> list[str]:
    """The command that runs `function` ("package.module:name") as a child of this process.

    Start it from a thread that lives as long as the child is wanted. `-P` keeps the working directory,
    where a user may have an `analysis` or a `queue.py` of their own, out of what it imports.
    """
    return [sys.executable, "-P", "-m", __name__, str(os.getpid()), function, *words]


def program(*command: str) -> list[str]:
    """The command that runs somebody else's program as a child of this process; it has to be there."""
    return child(f"{__name__}:become", *command)


def become(*command: str) -> None:
    """Be another program from now on, which then ends with this process's parent too."""
    os.execvp(command[0], command)


def _end_with(parent: int) -> None:
    """Have this process end within a second of its parent, from now on."""
    if sys.platform == "linux":
        from ctypes import CDLL

        # The kernel does it: a thread would wait for as long as an import has the GIL.
        CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    else:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    if os.getppid() != parent:  # it has ended meanwhile
        os._exit(1)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    _end_with(int(sys.argv[1]))
    module, _, name = sys.argv[2].partition(":")
    with uncollected():
        main = getattr(import_module(module), name)
    seldom()
    sys.exit(main(*sys.argv[3:]))
