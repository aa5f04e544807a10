"""What a result depends on beside its config: versions, commit, machine."""

from __future__ import annotations

import platform
import subprocess
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any


def provenance() -> dict[str, Any]:
    """What a result depends on beside its config."""
    root = Path(__file__).parent
    commit = subprocess.run(
        ["git", "-C", root, "describe", "--always", "--dirty", "--abbrev=40"],
        capture_output=True,
        text=True,
        check=False,
    )
    packages = (
        "jax",
        "jaxlib",
        "flax",
        "optax",
        "orbax-checkpoint",
        "numpy",
        "seqio",
        "tensorflow",
    )
    return {
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "ostinato_version": version("ostinato"),
        "git_commit": commit.stdout.strip() or None,
        "machine": f"{platform.machine()} {platform.system()}, {_processor()}",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in packages},
    }


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
        name = next(
            line.split(":")[1].strip() for line in text.splitlines() if "model name" in line
        )
        return f"{text.count('model name')} x {name}"
    except (OSError, StopIteration):
        return platform.processor()
