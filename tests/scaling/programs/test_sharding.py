"""Eight virtual devices in any layout train as one does."""

import json
import os
import subprocess
import sys

import pytest

from data_pipelines.errors import OstinatoError
from scaling.config import RunConfig
from scaling.programs.layout import Layout
from tests.flags import EIGHT_DEVICES, with_flags

pytestmark = pytest.mark.slow

_RUN = """
import json, sys
from pathlib import Path
import jax
from scaling.config import RunConfig
from scaling.programs.layout import Layout
from tests.scaling.training import train
assert jax.device_count() == 8
config, data_dir = RunConfig.model_validate_json(sys.argv[1]), Path(sys.argv[2])
found = {}
for name, layout, devices in (
    ("one", "", 1), ("data", "", 8), ("fsdp", "fsdp=8", 8), ("tensor", "tensor=4", 8),
    ("mixed", "fsdp=2,tensor=2", 8), ("accumulated", "fsdp=4,microbatch=8,remat=true", 8),
):
    rows = []
    train(config, data_dir=data_dir, layout=Layout.read(layout), devices=jax.devices()[:devices],
          on_evaluation=rows.append)
    found[name] = [[row["test_loss"], row["unique_loss"], row["repeated_loss"]] for row in rows]

# Saved on one layout, taken up on another.
class Enough(Exception):
    pass
def stop(progress):
    if progress.step >= 8:
        raise Enough
checkpoints = Path(sys.argv[3])
rows = []
try:
    train(config, data_dir=data_dir, checkpoint_dir=checkpoints, checkpoint_seconds=0, layout=Layout(fsdp=8),
          on_progress=stop)
except Enough:
    pass
starts = []
train(config, data_dir=data_dir, checkpoint_dir=checkpoints, layout=Layout(tensor=4),
      on_start=starts.append, on_evaluation=rows.append)
assert 0 < starts[0] < config.steps, starts
found["moved"] = [[row["test_loss"], row["unique_loss"], row["repeated_loss"]] for row in rows]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def losses(mixture, data_dir, tmp_path_factory):
    """By layout, the held-out and training losses at each evaluation of 24 steps."""
    fields = {"d_model": 32, "heads": 4, "evaluations": 6, "evaluation_tokens": 512}
    fields |= {"ood_corpus": None, "learning_rate": 0.01, "tokens": 24 * 16 * 32, "repeats": 16}
    config = RunConfig.parse(mixture.model_dump() | fields)
    done = subprocess.run(
        [
            *(sys.executable, "-c", _RUN, config.model_dump_json()),
            *(str(data_dir), str(tmp_path_factory.mktemp("checkpoints"))),
        ],
        env=os.environ | with_flags(EIGHT_DEVICES),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("layout", ["data", "fsdp", "tensor", "mixed", "accumulated"])
def test_layouts_agree_with_one_device(losses, layout):
    assert len(losses["one"]) == 7
    for got, want in zip(losses[layout], losses["one"], strict=True):
        assert got == [value and pytest.approx(value, abs=1e-4) for value in want]


def test_a_checkpoint_goes_on_on_another_layout(losses):
    assert losses["moved"]
    for got, want in zip(losses["moved"][::-1], losses["one"][::-1], strict=False):
        assert got == [pytest.approx(value, abs=1e-4) for value in want]


@pytest.mark.parametrize(
    ("layout", "fault"),
    [
        ("fsdp=3", "mesh: fsdp 3 x tensor 1 does not divide 8 devices"),
        ("", "batch_size: 12 does not divide over 8 devices"),
        ("tensor=4,microbatch=3", "microbatch: 3 does not divide over 2 devices"),
        ("tensor=4,microbatch=8", "microbatch: 8 does not divide batch_size 12"),
        ("tensor=8", "heads: 4 does not divide over 8 devices on mesh axis tensor"),
        ("fsdp=two", "layout: fsdp: write a number .*given: 'two'"),
        ("fdsp=2", "layout: fdsp: unknown key; did you mean fsdp"),
    ],
)
def test_a_layout_that_does_not_divide_is_refused(layout, fault):
    config = RunConfig.parse({"tokens": "1M", "d_model": 32, "heads": 4, "batch_size": 12})
    with pytest.raises(OstinatoError, match=fault):
        Layout.read(layout).mesh(config, [object() for _ in range(8)])


def test_a_layout_is_written_as_it_is_read():
    for text in ("", "fsdp=8", "tensor=2,microbatch=16,remat=true"):
        assert str(Layout.read(text)) == text
