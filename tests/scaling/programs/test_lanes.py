"""Runs trained together on eight virtual devices get what each gets alone."""

import json
import os
import subprocess
import sys

import pytest

from data_pipelines.errors import OstinatoError
from scaling.config import RunConfig
from scaling.loop import Diverged, Lane, Surroundings
from scaling.programs.lanes import Stacked
from scaling.stages import train as train_together
from scaling.stages.fine_tuning import FineTuningConfig
from tests.flags import EIGHT_DEVICES, with_flags
from tests.scaling.compiling import noted
from tests.scaling.training import train

pytestmark = pytest.mark.slow

_RUN = """
import json, sys
from pathlib import Path
import jax
from scaling.config import RunConfig
from scaling.loop import Lane, Surroundings
from scaling.stages import train
assert jax.device_count() == 8
configs = [RunConfig.model_validate(values) for values in json.loads(sys.argv[1])]
rows, starts, place = [[] for _ in configs], [], Path(sys.argv[3])
lanes = [
    Lane(config, place / config.run_id, on_start=starts.append, on_evaluation=own.append)
    for config, own in zip(configs, rows)
]
summaries = train(lanes, Surroundings(Path(sys.argv[2])))
again = train(lanes, Surroundings(Path(sys.argv[2])))
assert starts == [0] * len(configs) + [configs[0].steps] * len(configs), starts
assert [s["test_loss"] for s in again] == [s["test_loss"] for s in summaries]
print(json.dumps([rows, summaries]))
"""

LOSSES = ("test_loss", "pool_loss", "train_loss", "unique_loss", "repeated_loss")


@pytest.fixture(scope="module")
def configs(mixture) -> list[RunConfig]:
    """A row of a heat map: ten runs that differ in repeats, fraction, seed and rate."""
    base = mixture.model_dump() | {"d_model": 16, "evaluations": 4, "evaluation_tokens": 512}
    base |= {"ood_corpus": None}
    changes = [{"repeats": repeats} for repeats in (2, 5, 10, 20, 60)]
    changes += [{"repeated_fraction": 0, "repeats": 0}, {"repeated_fraction": 0.25}]
    changes += [{"seed": 1}, {"learning_rate": 0.01}, {"weight_decay": 1.0}]
    return [RunConfig.parse(base | change) for change in changes]


def test_each_run_of_a_stack_is_the_run_alone(configs, data_dir, tmp_path):
    asked = json.dumps([config.model_dump(mode="json") for config in configs])
    done = subprocess.run(
        [sys.executable, "-c", _RUN, asked, str(data_dir), str(tmp_path)],
        env=os.environ | with_flags(EIGHT_DEVICES),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    rows, summaries = json.loads(done.stdout.splitlines()[-1])
    for config, own, summary in zip(configs, rows, summaries, strict=True):
        alone = []
        final = train(config, data_dir=data_dir, on_evaluation=alone.append)
        for got, want in zip(own, alone, strict=True):
            assert got["step"] == want["step"]
            for name in LOSSES:
                assert got[name] == (want[name] and pytest.approx(want[name], abs=1e-4)), name
        assert summary["params"] == final["params"] and summary["flops"] == final["flops"]
    # What was trained in a stack, a single run takes up: it is finished.
    single = train(configs[0], data_dir=data_dir, checkpoint_dir=tmp_path / configs[0].run_id)
    assert single["train_seconds"] == 0
    assert single["test_loss"] == pytest.approx(summaries[0]["test_loss"], abs=1e-5)


def test_a_run_that_diverges_leaves_the_others_be(configs, data_dir):
    wild = configs[0].model_copy(update={"learning_rate": 1e30})
    rows = []
    lost, kept = train_together(
        [Lane(wild), Lane(configs[1], on_evaluation=rows.append)], Surroundings(data_dir)
    )
    assert isinstance(lost, Diverged) and kept["test_loss"] == rows[-1]["test_loss"] < 5


@pytest.mark.parametrize("name", ["train", "token_losses"])
def test_a_stack_is_compiled_before_it_begins(configs, data_dir, monkeypatch, name):
    events, compiled, function = noted(), [], getattr(Stacked, name)

    def looked_at(*given):
        before = len(events)
        found = function(*given)
        compiled.append(events[before:].count("backend_compile_duration"))
        return found

    monkeypatch.setattr(Stacked, name, looked_at)
    began = []
    first = Lane(configs[0], on_start=lambda step: began.append(len(compiled)))
    train_together([first, Lane(configs[1])], Surroundings(data_dir))
    assert began == [1] and compiled[0] and not any(compiled[1:]) and len(compiled) > 4


def test_each_run_of_a_stack_begins_with_its_own_weights(configs, data_dir, tmp_path):
    befores = configs[0], configs[1]
    train_together(
        [Lane(before, tmp_path / before.run_id) for before in befores], Surroundings(data_dir)
    )
    tuned = [
        FineTuningConfig.parse(
            before.control().model_dump(exclude={"stage", "of"})
            | {"of": before.run_id, "learning_rate": 1e-5}
        )
        for before in befores
    ]
    begins = [(before, tmp_path / before.run_id) for before in befores]
    rows = [[], []]
    train_together(
        [
            Lane(record, begins=parent, on_evaluation=own.append)
            for record, parent, own in zip(tuned, begins, rows, strict=True)
        ],
        Surroundings(data_dir),
    )
    for record, parent, own in zip(tuned, begins, rows, strict=True):
        alone = []
        train(record, data_dir=data_dir, begins=parent, on_evaluation=alone.append)
        assert own[0]["test_loss"] == pytest.approx(alone[0]["test_loss"], abs=1e-4)
        assert own[-1]["test_loss"] == pytest.approx(alone[-1]["test_loss"], abs=1e-3)
    assert rows[0][0]["test_loss"] != rows[1][0]["test_loss"]


def test_runs_of_other_shapes_are_not_stacked(configs, data_dir):
    other = RunConfig.parse(configs[0].model_dump() | {"d_ff": 32})
    assert len({tuple(config.alike.items()) for config in configs}) == 1
    assert other.alike != configs[0].alike
    with pytest.raises(OstinatoError, match="d_ff: differs among 2 runs"):
        train_together([Lane(configs[0]), Lane(other)], Surroundings(data_dir))
