"""The code at the commit in hand, for machines that have none of it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from data_pipelines.errors import OstinatoError
from sweeps.study.provenance import ROOT, git


def label() -> str:
    """A file's name for it: ostinato- and the commit."""
    return f"ostinato-{git('rev-parse', '--short=12', 'HEAD').strip() or 'unversioned'}"


def check() -> None:
    """Raise OstinatoError if the tree is no checkout, or has changes that no commit holds."""
    if not git("rev-parse", "HEAD"):
        raise OstinatoError(
            f"to: {ROOT} is no git checkout, so its code cannot be sent; install from a clone"
        )
    if changed := git("status", "--porcelain", "--untracked-files=no").splitlines():
        raise OstinatoError(
            f"to: {changed[0].split()[-1]} has changes that machines would not get; commit them"
        )


def write(path: Path) -> None:
    """Write the commit's files as a .tar.gz."""
    subprocess.run(
        ["git", "-C", ROOT, "archive", "--format=tar.gz", f"--output={path}", "HEAD"], check=True
    )
