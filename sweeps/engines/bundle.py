"""The code at the commit in hand, for machines that have none of it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from data_pipelines.errors import OstinatoError

_ROOT = Path(__file__).parents[2]


def label() -> str:
    """A file's name for it: ostinato- and the commit."""
    return f"ostinato-{_git('rev-parse', '--short=12', 'HEAD').strip() or 'unversioned'}"


def check() -> None:
    """Raise OstinatoError if the tree is no checkout, or has changes that no commit holds."""
    if not _git("rev-parse", "HEAD"):
        raise OstinatoError(
            f"to: {_ROOT} is no git checkout, so its code cannot be sent; install from a clone"
        )
    if changed := _git("status", "--porcelain", "--untracked-files=no").splitlines():
        raise OstinatoError(
            f"to: {changed[0].split()[-1]} has changes that machines would not get; commit them"
        )


def write(path: Path) -> None:
    """Write the commit's files as a .tar.gz."""
    subprocess.run(
        ["git", "-C", _ROOT, "archive", "--format=tar.gz", f"--output={path}", "HEAD"], check=True
    )


def _git(*arguments: str) -> str:
    command = ["git", "-C", _ROOT, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""
