"""What a result depends on beside its config: versions, commit, machine."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from scaling.processor import cpu_name

ROOT = Path(__file__).parents[2]
"""The checkout, or where the packages are installed."""

_PACKAGES = ["jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy", "seqio", "tensorflow"]


def provenance() -> dict[str, Any]:
    """What a result depends on beside its config."""
    return {
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        **code_version(),
        "machine": f"{platform.machine()} {platform.system()}, {os.cpu_count()} x {cpu_name()}",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in _PACKAGES},
    }


@cache
def code_version() -> dict[str, str | None]:
    """Version and commit of the code that this process has begun with; no commit where none is known."""
    return {"ostinato_version": version("ostinato"), "git_commit": _commit()}


def git(*arguments: str) -> str:
    """What git prints about the checkout; empty where it fails, or this is no checkout."""
    command = ["git", "-C", str(ROOT), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout if done.returncode == 0 else ""


def _commit() -> str | None:
    # Installed below somebody else's checkout, that one's commit would be told.
    if git("ls-files", str(Path(__file__).relative_to(ROOT))):
        return git("describe", "--always", "--dirty", "--abbrev=40").strip() or None
    archived = Path(__file__).with_name("commit.txt").read_text().strip()
    return archived if archived.isalnum() else None  # git fills it in when it archives a commit
