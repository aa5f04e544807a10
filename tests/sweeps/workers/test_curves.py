"""Where curves go beside a run's own table: here Weights & Biases, which sends nothing."""

import json
from importlib.util import find_spec

import pytest
from wandb.proto import wandb_internal_pb2
from wandb.sdk.internal.datastore import DataStore

from data_pipelines.errors import OstinatoError
from sweeps.grids.grid import load_plan
from sweeps.study.store import StudyDirectory
from sweeps.workers import curves
from tests.sweeps.command_line import until


def recorded(place, sessions):
    """What Weights & Biases was told of a run in its sessions, once its own process has written it."""
    until(lambda: sum("exit" in session for session in _read(place)) == sessions)
    return _read(place)


def _read(place):
    sessions = []
    for path in sorted(place.glob("wandb/offline-run-*/run-*.wandb")):
        found = {"rows": []}
        store = DataStore()
        store.open_for_scan(str(path))
        while data := store.scan_data():
            record = wandb_internal_pb2.Record()
            record.ParseFromString(data)
            match record.WhichOneof("record_type"):
                case "run":
                    run = record.run
                    found |= {"id": run.run_id, "group": run.run_group, "project": run.project}
                    pairs = ((item.key, item.value_json) for item in run.config.update if item.key)
                    found["config"] = {key: json.loads(value) for key, value in pairs}
                case "history":
                    items = record.history.item
                    row = {i.key or i.nested_key[0]: json.loads(i.value_json) for i in items}
                    found["rows"].append(
                        {"step": row.pop("_step")}
                        | {name: value for name, value in row.items() if name[0] != "_"}
                    )
                case "preempting":
                    found["preempted"] = True
                case "exit":
                    found["exit"] = record.exit.exit_code
        store.close()
        sessions.append(found)
    return sessions


@pytest.fixture
def run(grid, tmp_path, monkeypatch):
    """A repeating run that has begun, and its files."""
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.delenv("WANDB_PROJECT", raising=False)
    record = next(run for run in load_plan(grid).runs if run.repeats)
    files = StudyDirectory(tmp_path).run(record.run_id)
    files.begin(record, 0)
    return record, files


def row(step, loss=None):
    return {"step": step, "tokens": 512 * step, "test_loss": loss}


def test_a_run_is_one_of_its_own_id_in_the_studys_group(run):
    record, files = run
    with curves.curves(record, files, "tiny", ["wandb"]) as write:
        write(row(0, 5.5))
        write(row(10))
        files.finish({})
    (told,) = recorded(files.path, 1)
    assert (told["id"], told["group"], told["project"]) == (record.run_id, "tiny", "ostinato-tiny")
    assert told["config"]["pool_tokens"] == record.pool_tokens
    assert told["config"]["repeats"] == record.repeats
    # What was not measured is no value, and the run's own table has all as ever.
    measured = [{"step": 0, "tokens": 0, "test_loss": 5.5}, {"step": 10, "tokens": 5120}]
    assert told["rows"] == measured
    assert files.metrics().step.tolist() == [0, 10]
    assert told["exit"] == 0 and "preempted" not in told


def test_a_stopped_run_goes_on_in_the_same_one_and_says_no_step_twice(run):
    record, files = run
    with (
        pytest.raises(KeyboardInterrupt),
        curves.curves(record, files, "tiny", ["wandb"]) as write,
    ):
        write(row(0, 5.5))
        raise KeyboardInterrupt
    with curves.curves(record, files, "tiny", ["wandb"]) as write:
        write(row(10, 4.5))
        write(row(10, 4.5))  # as after a checkpoint that is older
        write(row(20, 3.5))
        files.fail("loss is nan")
    stopped, went_on = recorded(files.path, 2)
    assert stopped["id"] == went_on["id"] == record.run_id
    assert stopped["preempted"] and stopped["exit"] == 1
    assert [row["step"] for row in went_on["rows"]] == [10, 20] and went_on["exit"] == 1


def test_without_a_writer_nothing_but_the_table_is_written(run):
    record, files = run
    with curves.curves(record, files, "tiny") as write:
        write(row(0, 5.5))
    names = {path.name for path in files.path.iterdir()}
    assert names == {"config.json", "status.json", "metrics.parquet"}


def test_what_a_machine_lacks_for_a_writer_is_said_with_its_remedy(monkeypatch):
    monkeypatch.setattr(curves, "find_spec", lambda name: name == "clu" or None)
    for name in ("tensorboard", "wandb"):
        with pytest.raises(OstinatoError, match=rf"^{name}: not installed; pip install 'ostin"):
            curves.check([name])
    monkeypatch.setattr(curves, "find_spec", find_spec)
    curves.check(["tensorboard"])


def test_nobody_is_asked_for_a_key_and_no_server_is_waited_for(monkeypatch):
    import wandb

    monkeypatch.setattr(curves, "_is_offline", lambda: False)
    monkeypatch.setattr(wandb.api.__class__, "api_key", None)
    with pytest.raises(OstinatoError, match=r"^wandb: nobody is logged in .* run `wandb login`"):
        curves.check(["wandb"])
    monkeypatch.setattr(wandb.api.__class__, "api_key", "key")
    monkeypatch.setattr(wandb.setup().settings, "base_url", "http://127.0.0.1:9")
    with pytest.raises(OstinatoError, match=r"127.0.0.1:9 cannot be reached .* WANDB_MODE=offline"):
        curves.check(["wandb"])
