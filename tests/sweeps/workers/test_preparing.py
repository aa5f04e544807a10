"""What of a run's data is there already, and what of it has to be made or is broken."""

from contextlib import nullcontext
from unittest.mock import Mock

import pytest
from rich.console import Console

from data_pipelines.prepare import prepare_store
from data_pipelines.store import SequenceStore
from data_pipelines.stream import open_data
from sweeps.grids.files import load_plan
from sweeps.workers import ahead
from sweeps.workers.preparing import prepare
from tests.sweeps.command_line import bad, ostinato


@pytest.mark.slow
def test_what_is_missing_is_made_and_what_is_broken_said_in_a_line(
    grid, mixture, tmp_path, monkeypatch
):
    data_dir, runs = tmp_path / "data", load_plan(grid).runs
    beside = Mock(side_effect=lambda *_: nullcontext())
    prepare_store(mixture.corpus, mixture, data_dir, ("test",))  # as out-of-distribution text
    SequenceStore.open.cache_clear()
    with (tmp_path / "notes").open("w") as notes:
        prepare(runs, data_dir, Console(file=notes), None, beside)
        begun = notes.tell()
        prepare(runs, data_dir, Console(file=notes), None, beside)
        assert 0 < begun == notes.tell()
    beside.assert_called_once_with()
    assert len(open_data(mixture, data_dir).store.split("train"))
    (info,) = data_dir.glob("tfds/text_files/*/*/dataset_info.json")
    info.write_text(info.read_text()[:40])
    monkeypatch.setattr(ahead, "compiling_ahead", beside)
    broken = ostinato("sweep", grid, "--out", tmp_path / "out", data_dir=data_dir)
    bad(broken, f"corpus: preparing {mixture.corpus} failed: ")
    assert not (tmp_path / "out").exists()
    assert list(beside.call_args.args[0]) == list(runs)
