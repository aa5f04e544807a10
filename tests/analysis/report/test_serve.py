"""The report is served, and follows its study."""

import time
from threading import Event, Thread
from urllib.request import urlopen

import pandas as pd
import pytest

from analysis.report.serve import serve_report


@pytest.mark.slow
def test_the_served_report_follows_the_study(study_dir):
    said, stop = [], Event()
    arguments = {"port": 0, "seconds": 0.05, "announce": said.append, "stop": stop}
    server = Thread(target=serve_report, args=(study_dir,), kwargs=arguments)
    server.start()
    try:
        page = study_dir / "report" / "index.html"
        wait_for(page.exists)
        before = urlopen(said[0]).read().decode()
        assert "46 runs" in before
        results = pd.read_parquet(study_dir / "results.parquet")
        results.iloc[:-1].to_parquet(study_dir / "results.parquet")
        wait_for(lambda: "45 runs" in page.read_text())
        assert urlopen(said[0]).headers["Last-Modified"]
    finally:
        stop.set()
        server.join(20)
    assert not server.is_alive()


def test_a_study_that_has_just_begun_has_no_report_yet(tmp_path):
    said, stop = [], Event()
    serve_report(tmp_path, 0, stop.set, 0.01, said.append, stop)
    assert said[0].startswith("http://127.0.0.1:")


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
