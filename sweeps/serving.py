"""Serve a report on this machine, for a browser that does not open files."""

from __future__ import annotations

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from rich.console import Console


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args) -> None:
        pass


def serve_forever(directory: Path, port: int, console: Console) -> None:
    """Serve a directory on the loopback interface until Ctrl-C."""
    with ThreadingHTTPServer(
        ("127.0.0.1", port), partial(_Quiet, directory=str(directory))
    ) as server:
        console.print(f"Serving http://127.0.0.1:{server.server_port}/ (Ctrl-C ends)")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            console.print("ended")
