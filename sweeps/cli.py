"""The command line: the commands, and bad input told in one line."""

from __future__ import annotations

import sys

from data_pipelines.errors import OstinatoError
from sweeps.commands import app
from sweeps.commands.options import plain


def main() -> None:
    """Run a command. Bad input is one line and exit code 2; so is a disk that is full or read-only."""
    try:
        app()
    except Exception as error:
        print(f"ostinato: {plain(_line(error))}", file=sys.stderr)
        sys.exit(2)


def _line(error: Exception) -> str:
    """The line for an error that is the user's to mend; raises any other again."""
    from analysis.errors import AnalysisError  # its room takes most of a second to load

    if isinstance(error, OstinatoError | AnalysisError):
        return str(error)
    if type(error).__module__.partition(".")[0] in ("aiohttp", "botocore", "gcsfs", "google"):
        return f"bucket: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
    if isinstance(error, OSError):
        return f"{error.filename or 'disk'}: {error.strerror or error}"
    raise error
