"""A child process that does not outlive its parent, even one that is killed outright.

The parent starts it with `stdin=subprocess.PIPE` and keeps that pipe open: the system closes it
when the parent is gone, whatever ended it.
"""

from __future__ import annotations

import os
import sys
import threading


def end_with_parent() -> None:
    """End this process at once when its stdin is closed; nothing else may read stdin from now on."""

    def wait() -> None:
        sys.stdin.read()
        os._exit(1)

    threading.Thread(target=wait, daemon=True, name="lifeline").start()
