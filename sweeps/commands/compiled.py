"""What JAX compiles for a command's fits, kept for the next command."""

from __future__ import annotations

import os
import warnings

from scaling.processor import COMPILED, kind


def keep_compiled() -> None:
    """Let JAX, not yet imported, keep what this process compiles: in `compiled` where corpora are
    kept, unless JAX_COMPILATION_CACHE_DIR is set; nowhere if that cannot be written."""
    from data_pipelines.prepare import default_data_dir

    # A full disk, or an entry that a killed process has left half written, costs the time only.
    warnings.filterwarnings("ignore", "Error (reading|writing) persistent compilation cache entry")
    if COMPILED in os.environ:
        return
    directory = default_data_dir() / "compiled" / kind()
    existing = next(place for place in (directory, *directory.absolute().parents) if place.exists())
    if existing.is_dir() and os.access(existing, os.W_OK):
        os.environ[COMPILED] = str(directory)
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.1")
