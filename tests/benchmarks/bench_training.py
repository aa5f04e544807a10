"""Speed of training. Run by `make bench`; figures are printed, lines of the design asserted."""

import importlib.util
import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from data_pipelines.prepare import default_data_dir, prepare_data
from data_pipelines.stream import open_data
from data_pipelines.system.cores import available_cores
from scaling.config import RunConfig
from scaling.programs.optimiser import learning_rates
from sweeps.workers.local import worker_environment
from tests.benchmarks.measure import matmul_peak, medians, report, seconds
from tests.sweeps.command_line import OSTINATO

WARM_UP = LAST = 16
PAIRS = 5

ENOUGH = 0.72
"""Of the matrix multiply's peak: a run that reaches it need not be so many times as quick as PyTorch."""


def _two_at_a_time(module: str, asked: dict, tmp_path) -> list[dict]:
    """What two processes say that train at the same time, each in one thread on a core of its own."""
    cores = sorted(os.sched_getaffinity(0))
    environment = worker_environment(1, tmp_path) | {"JAX_PLATFORMS": "cpu"}
    processes = []
    for number in range(2):
        process = subprocess.Popen(
            [sys.executable, "-m", f"tests.benchmarks.{module}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        os.sched_setaffinity(process.pid, {cores[number % len(cores)]})
        with process.stdin:
            process.stdin.write(json.dumps(asked))
        process.stdin = None  # or communicate would flush it
        processes.append(process)
    ends = [process.communicate() for process in processes]
    for process, (_, err) in zip(processes, ends, strict=True):
        assert process.returncode == 0, err
    return [json.loads(out.splitlines()[-1]) for out, _ in ends]


@pytest.mark.skipif(
    importlib.util.find_spec("torch") is None,
    reason="PyTorch is not installed: pip install torch (its CPU build will do)",
)
@pytest.mark.parametrize(
    ("d_model", "layers", "steps", "wanted"),
    [(64, 2, 144, 1.7), (128, 4, 48, 1.4)],
    ids=["98k", "786k"],
)
def test_training_against_pytorch(d_model, layers, steps, wanted, tmp_path):
    config = RunConfig.parse({"d_model": d_model, "tokens": steps * 64 * 128, "corpus": "pydocs"})
    assert (config.layers, config.context, config.batch_size) == (layers, 128, 64)
    prepare_data(config, default_data_dir())
    data = open_data(config, default_data_dir())
    batches = data.batches(0, steps).tokens
    np.save(tmp_path / "rows.npy", batches.reshape(-1, batches.shape[-1]))
    asked = {
        "rows": str(tmp_path / "rows.npy"),
        "rates": learning_rates(config).tolist(),
        "vocabulary": data.vocabulary_size,
        "warm_up": WARM_UP,
        "last": LAST,
    }
    names = ("context", "d_model", "layers", "heads", "batch_size")
    asked |= {name: getattr(config, name) for name in names}
    losses = {}

    def run(module):
        def together() -> float:
            found = _two_at_a_time(module, asked, tmp_path)
            losses[module] = found[0]["loss"]
            return sum(each["tokens_per_second"] for each in found)

        return together

    ours, theirs = medians(PAIRS, run("jax_side"), run("pytorch_peer"))
    share = ours / 2 * config.flops(data.vocabulary_size) / config.tokens / matmul_peak()
    report(
        f"training N = {config.params:,}, two runs at a time: {ours / 1e3:.1f}k tokens/s "
        f"({share:.1%} of the matmul peak), PyTorch {theirs / 1e3:.1f}k, "
        f"ratio {ours / theirs:.2f} (asked: {wanted}, or {ENOUGH:.0%} of the peak); loss after {config.tokens:,} tokens {losses['jax_side']:.3f}, "
        f"PyTorch {losses['pytorch_peer']:.3f}"
    )
    assert ours > wanted * theirs or share >= ENOUGH
    assert losses["jax_side"] == pytest.approx(losses["pytorch_peer"], rel=0.03)


def test_a_studys_overhead(tmp_path):
    """Everything but training steps: start, data, compilation, evaluation, saving, collecting.

    Of the smallest study with seeds, three runs a worker: it starts and compiles once.
    """
    grid = tmp_path / "overhead.yaml"
    grid.write_text(
        "name: overhead\n"
        "base: {corpus: pydocs, d_model: 64, tokens: 12M}\n"
        "axes: {repeated_fraction: [0.5], repeats: [100, 1000], seed: [0, 1]}\n"
    )
    study = tmp_path / "study"
    command = [OSTINATO, "sweep", str(grid), "--out", str(study)]
    wall = seconds(lambda: subprocess.run(command, check=True, capture_output=True))
    results = pd.read_parquet(study / "results.parquet")
    workers = min(available_cores(), len(results))
    share = 1 - results.train_seconds.sum() / (workers * wall)
    parts = results[[f"{p}_seconds" for p in ("compile", "feed", "evaluate", "save")]].sum()
    shown = ", ".join(
        f"{name.removesuffix('_seconds')} {value / workers / wall:.1%}"
        for name, value in parts.items()
    )
    report(f"overhead at 12M tokens a run: {share:.1%} of the wall time ({shown}; asked: 10 %)")
    assert share < 0.1
