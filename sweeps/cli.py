"""The command line: the commands, and bad input told in one line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from data_pipelines.errors import OstinatoError
from sweeps.commands import app


@contextmanager
def _one_line_errors() -> Iterator[None]:
    """Bad input is one line and exit code 2; a full or read-only disk is a line too."""
    from analysis.errors import AnalysisError

    try:
        yield
    except (OstinatoError, AnalysisError) as error:
        line, code = str(error), 2
    except OSError as error:
        line, code = f"{error.filename or 'disk'}: {error.strerror or error}", 2
    else:
        return
    print(f"ostinato: {line}", file=sys.stderr)
    sys.exit(code)


def main() -> None:
    """Entry point."""
    with _one_line_errors():
        app(standalone_mode=True)
