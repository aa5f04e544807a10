"""Where curves go beside a run's own table: here Weights & Biases, which sends nothing."""

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec

import pytest

from data_pipelines.errors import OstinatoError
from sweeps.grids.files import load_plan
from sweeps.study.store import StudyDirectory
from sweeps.workers import curves
from tests.sweeps.command_line import bad, ostinato, until


def recorded(place, sessions):
    """What Weights & Biases was told of a run in its sessions, once its own process has written it."""
    until(lambda: sum("exit" in session for session in _read(place)) == sessions)
    return _read(place)


def _read(place):
    # Seconds to import, which every process of a session would spend at its start.
    from wandb.proto import wandb_internal_pb2
    from wandb.sdk.internal.datastore import DataStore

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


class _Answering(BaseHTTPRequestHandler):
    """A server of Weights & Biases that knows nobody."""

    def _answer(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        content = b'{"data": {"viewer": null}}'
        self.send_response(401)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = _answer

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    """The address of one."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answering) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environment", "line"),
    [
        ({}, "nobody is logged in on this machine; run `wandb login`"),
        (
            {"WANDB_API_KEY": "a" * 40, "WANDB_BASE_URL": "http://127.0.0.1:9"},
            "http://127.0.0.1:9 can",
        ),
        ({"WANDB_API_KEY": "a" * 40}, "the key of this machine is refused by http://127.0.0.1:"),
        ({"WANDB_API_KEY": "short"}, "the key of this machine is refused by http://127.0.0.1:"),
        ({"WANDB_MODE": "of"}, "mode: 'of': Input should be"),
        ({"WANDB_BASE_URL": "nonsense"}, "base_url: 'nonsense': "),
    ],
)
def test_a_sweep_that_could_not_send_is_refused_in_one_line(
    grid, tmp_path, server, environment, line, monkeypatch
):
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    nowhere = {"HOME": str(tmp_path), "NETRC": str(tmp_path / "none")}
    for name, value in ({"WANDB_BASE_URL": server} | nowhere | environment).items():
        monkeypatch.setenv(name, value)
    out = tmp_path / "study"
    # A process that has not set Weights & Biases up yet.
    bad(ostinato("sweep", grid, "--out", out, "--wandb", process=True), f"wandb: {line}")
    assert not out.exists()


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
