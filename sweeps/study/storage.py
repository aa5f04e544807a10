"""Where a study lies: a directory, or a URL that fsspec reaches, such as gs://bucket/study.

Workers always write to a directory (on a cloud machine, to its mount of the bucket); what is read
from afar, and the few files that submitting and collecting write, go through here.
"""

from __future__ import annotations

import json
import logging
import os
import uuid
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from data_pipelines.errors import OstinatoError
from data_pipelines.system.atomic import replacing

SCHEMES = {"gs": "gcsfs", "s3": "s3fs"}
"""Kinds of buckets, and the package that reaches each."""


def location(text: str | Path) -> Path:
    """A path, or for a URL an object that behaves like one.

    Raises OstinatoError on a URL of another kind, or one that leads out of its bucket.
    """
    scheme, separator, rest = str(text).partition("://")
    if not separator:
        return Path(text)
    if scheme not in SCHEMES:
        known = " and ".join(f"{name}://" for name in SCHEMES)
        raise OstinatoError(f"out: {text}: {scheme}:// is no kind of bucket; known: {known}")
    parts = [part for part in rest.split("/") if part]
    if len(parts) < 2 or ".." in parts or not rest.isprintable():
        raise OstinatoError(
            f"out: {text!r}; give a bucket and a path in it: {scheme}://bucket/study"
        )
    # Buckets with folders would be asked for over another protocol, which emulators do not speak.
    os.environ.setdefault("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
    logging.getLogger("gcsfs").setLevel(logging.CRITICAL)  # errors are raised as well
    if find_spec(SCHEMES[scheme]) is None:
        raise OstinatoError(
            f"out: {text}: {scheme}:// needs {SCHEMES[scheme]}; pip install {SCHEMES[scheme]}"
        )
    from upath import UPath  # brings fsspec, which a directory does not need

    return cast(Path, UPath(f"{scheme}://{'/'.join(parts)}"))  # all of a Path that is used here


def is_remote(path: Path) -> bool:
    """Whether a location is a URL."""
    return not isinstance(path, Path)


def write_bytes(path: Path, content: bytes) -> None:
    """Replace a file whole; an object in a bucket is never there by half."""
    if is_remote(path):
        path.write_bytes(content)
        return
    try:
        with replacing(path) as temporary:
            temporary.write_bytes(content)
    except OSError as error:  # which names the temporary file, or none
        raise OSError(error.errno, error.strerror, str(path)) from None


def write_json(path: Path, value: Any) -> None:
    """Replace a file by `value` as indented JSON."""
    write_bytes(path, (json.dumps(value, indent=1) + "\n").encode())


def read_many(directory: Path, names: Sequence[str]) -> list[bytes | None]:
    """What is in each file below a directory, None where there is none; from a bucket many at a time."""
    if not is_remote(directory):
        return [_read(f"{directory}/{name}") for name in names]
    # A range without ends is the whole object in one request; to open it would be four.
    bucket: Any = directory
    found = bucket.fs.cat_ranges([f"{bucket.path}/{name}" for name in names], None, None)
    for error in found:
        if isinstance(error, Exception) and not isinstance(error, FileNotFoundError):
            raise error
    return [content if isinstance(content, bytes) else None for content in found]


def check_writable(directory: Path) -> None:
    """Raise OstinatoError where nothing can be written to a bucket."""
    probe = directory / f".probe-{uuid.uuid4().hex[:8]}"
    try:
        probe.write_bytes(b"")
        probe.unlink()
    except Exception as error:  # each store has its own kinds
        lines = str(error).splitlines() or [type(error).__name__]
        raise OstinatoError(f"out: {directory} cannot be written: {lines[0]}") from None


def _read(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None
