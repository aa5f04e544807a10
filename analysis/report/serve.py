"""The report over HTTP on this machine, made anew while a sweep is running."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

from analysis.errors import AnalysisError
from analysis.report import write_report


def serve_report(
    study_dir: str | Path,
    port: int = 8000,
    refresh: Callable[[], object] = lambda: None,
    seconds: float = 15.0,
    announce: Callable[[str], None] = print,
    stop: Event | None = None,
) -> None:
    """Serve `study_dir`/report on localhost until `stop` is set or Ctrl-C; port 0 takes a free one.

    refresh: called before each look (it may collect finished runs into results.parquet); where
    results.parquet has changed since, the report is written again, and an open page reloads itself.
    """
    study_dir, stop = Path(study_dir), stop or Event()
    report = study_dir / "report"
    report.mkdir(parents=True, exist_ok=True)
    handler = partial(_Quiet, directory=str(report))
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        announce(f"http://127.0.0.1:{server.server_port}/index.html")
        seen = None
        try:
            while not stop.is_set():
                refresh()
                seen = _update(study_dir, seen, announce)
                stop.wait(seconds)
        except KeyboardInterrupt:
            pass  # how a user ends it
        finally:
            server.shutdown()


def _update(study_dir: Path, seen: int | None, announce: Callable[[str], None]) -> int | None:
    """Write the report if the results are not those of time `seen`; returns their time."""
    results = study_dir / "results.parquet"
    changed = results.stat().st_mtime_ns if results.exists() else None
    if changed != seen:
        try:
            write_report(study_dir)
        except AnalysisError as error:
            announce(f"no report yet: {error}")  # a sweep that has just begun
    return changed


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the terminal belongs to the sweep."""
