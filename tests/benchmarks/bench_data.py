"""Speed of the data room. Run by `make bench`; figures are printed, lines of the design asserted."""

import json
import os
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from data_pipelines.config import MixtureConfig
from data_pipelines.corpora import prepare_corpus
from data_pipelines.duplicates import CAPACITY
from data_pipelines.plan import Pool, RepeatPlan
from data_pipelines.prepare import default_data_dir, prepare_data, prepare_store
from data_pipelines.stream import open_data
from tests.benchmarks.measure import medians, one_core, report, seconds

CONFIG = MixtureConfig(tokens="8M", repeated_fraction=0.5, repeats=100)


@pytest.fixture(scope="module")
def data_dir() -> Path:
    prepare_data(CONFIG, default_data_dir())
    return default_data_dir()


def _plain_mixture(data, data_dir, directory):
    """The same sequences as two seqio tasks over TFRecords, unique and pool, mixed at f and repeated."""
    from data_pipelines.system.quiet import seqio, tf
    from data_pipelines.vocabularies import vocabulary

    feature = {
        "targets": seqio.Feature(
            vocabulary("bytes", "pydocs", data_dir), add_eos=False, dtype=tf.int64
        )
    }
    slots = data.plan.at(np.arange(data.plan.total))
    parts = {"unique": slots.sequence[slots.pool < 0], "pool": data.plan.pool_sequences()}
    for name, rows in parts.items():
        with tf.io.TFRecordWriter(str(directory / f"{name}.tfrecord")) as writer:
            for row in data.store.split("train").read(rows).astype(np.int64):
                value = tf.train.Feature(int64_list=tf.train.Int64List(value=row))
                example = tf.train.Example(features=tf.train.Features(feature={"targets": value}))
                writer.write(example.SerializeToString())
        seqio.TaskRegistry.add(
            f"bench_{name}",
            source=seqio.TFExampleDataSource(
                {"train": str(directory / f"{name}.tfrecord")},
                {"targets": tf.io.FixedLenFeature([CONFIG.context + 1], tf.int64)},
            ),
            preprocessors=[],
            output_features=feature,
        )
    seqio.MixtureRegistry.add("bench_mixture", [("bench_unique", 0.5), ("bench_pool", 0.5)])
    lengths = {"targets": CONFIG.context + 1}
    dataset = seqio.get_mixture_or_task("bench_mixture").get_dataset(
        lengths, "train", shuffle=True, num_epochs=None, seed=0
    )
    options = tf.data.Options()
    options.threading.private_threadpool_size = 1
    return iter(dataset.batch(CONFIG.batch_size).with_options(options).as_numpy_iterator())


def test_streaming_against_a_plain_seqio_mixture(data_dir, tmp_path):
    data, steps = open_data(CONFIG, data_dir), 200
    with one_core():
        plain = _plain_mixture(data, data_dir, tmp_path)
        next(plain)  # its shuffle buffer is full

        def ours() -> float:
            def read():
                for start in range(0, steps, 16):
                    data.batches(start, min(start + 16, steps))

            return steps * CONFIG.batch_size * CONFIG.context / seconds(read)

        def theirs() -> float:
            count = steps // 4

            def read():
                for _ in range(count):
                    next(plain)

            return count * CONFIG.batch_size * CONFIG.context / seconds(read)

        mine, plain_speed = medians(5, ours, theirs)
    report(
        f"streaming: {mine / 1e6:.1f}M tokens/s, plain seqio.Mixture {plain_speed / 1e6:.2f}M, "
        f"ratio {mine / plain_speed:.1f} (asked: 10)"
    )
    assert mine > 10 * plain_speed


def test_a_jump_to_step_1e9_of_a_plan_over_1e10_sequences():
    total = 10**10

    def jump() -> float:
        plan = RepeatPlan(total * 64, 2 * total * 64, (Pool(10**6, 10**4),), 0)
        return seconds(lambda: plan.at(64 * 10**9 + np.arange(64)))

    with one_core():
        (took,) = medians(9, jump)
    tracemalloc.start()
    jump()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    report(f"jump: {took * 1e3:.2f} ms, {peak / 2**20:.2f} MB (asked: 50 ms, 100 MB)")
    assert took < 0.05 and peak < 100 * 2**20


def test_a_position_costs_the_same_at_any_budget():
    positions = np.arange(64 * 16)

    def at(tokens: int):
        total = tokens // 100
        plan = RepeatPlan(total, 2 * total, (Pool(total // 200, 100),), 0)
        return lambda: seconds(lambda: plan.at(positions)) / len(positions)

    budgets = (10**7, 10**10, 10**13)
    with one_core():
        found = medians(9, *(at(tokens) for tokens in budgets))
    shown = ", ".join(f"T = {t:.0e} {x * 1e9:.0f} ns" for t, x in zip(budgets, found, strict=True))
    report(f"a position: {shown}")
    assert max(found) < 3 * min(found)


def test_preparing_the_store_is_linear_and_fast(tmp_path):
    speeds = {}
    with one_core():
        for megabytes in (5, 20):
            config = CONFIG.model_copy(update={"corpus": f"zipf/{megabytes}MB"})
            prepare_store(
                config.corpus, config, tmp_path, ("test",)
            )  # corpus made, TensorFlow loaded
            took = seconds(lambda c=config: prepare_store(c.corpus, c, tmp_path, ("train",)))
            store = open_data(config.model_copy(update={"tokens": 64 * 128}), tmp_path).store
            size = sum(shard.sequences for shard in store.manifest.splits["train"]) * 129
            speeds[megabytes] = size / took / 1e6
    shown = ", ".join(f"{megabytes} MB {speed:.1f} MB/s" for megabytes, speed in speeds.items())
    report(f"preparing on one core: {shown} (asked: 5)")
    assert min(speeds.values()) > 5


_DUPLICATES = """
import resource, sys, time
from pathlib import Path
from data_pipelines.duplicates import find_duplicates
found = find_duplicates(sys.argv[1], Path(sys.argv[2]), capacity=int(sys.argv[3]))
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(found.tokens, time.process_time(), memory * 1024)
"""


class _Found(NamedTuple):
    tokens: int
    cpu_seconds: float
    bytes: int
    """Peak memory."""
    seconds: float


def _find_duplicates(corpus: str, data_dir: Path, capacity: int) -> _Found:
    """What a process of its own takes."""
    if not corpus.startswith("text_files:"):
        prepare_corpus(corpus, data_dir)
    command = [sys.executable, "-c", _DUPLICATES, corpus, str(data_dir), str(capacity)]
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    tokens, cpu, memory = done.stdout.split()[-3:]
    return _Found(int(tokens), float(cpu), int(memory), time.perf_counter() - start)


def test_duplicates_of_pycode(data_dir):
    *_, memory, took = _find_duplicates("pycode", data_dir, CAPACITY)
    report(f"duplicates of pycode: {took:.0f} s, {memory / 2**30:.2f} GiB (asked: 300 s)")
    assert took < 300


def test_memory_of_duplicates_is_bounded(tmp_path):
    peaks = {
        megabytes: _find_duplicates(f"zipf/{megabytes}MB", tmp_path, capacity=2**18).bytes
        for megabytes in (8, 32)
    }
    shown = ", ".join(f"{mb} MB of text {peak / 2**20:.0f} MiB" for mb, peak in peaks.items())
    report(f"memory of duplicates at a capacity of {2**18:,}: {shown}")
    assert peaks[32] < 1.1 * peaks[8]


def _crawl(folder: Path, size: int) -> str:
    """`size` bytes of JSONL in files of 100 MB: documents of 2 kB, one in twenty a copy."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    letters = np.array([*"etaoinshrdlucmfwypvb"])
    words = np.array(["".join(rng.choice(letters, rng.integers(2, 10))) for _ in range(50_000)])
    often = np.cumsum(1 / np.arange(1, len(words) + 1))
    first: list[str] = []
    for start in range(0, size, 10**8):
        with (folder / f"{start // 10**8:03d}.jsonl").open("w") as file:
            written = 0
            while written < min(10**8, size - start):
                text = " ".join(words[np.searchsorted(often, often[-1] * rng.random(330))])
                if first and rng.random() < 0.05:
                    text = first[rng.integers(len(first))]
                first += [text] * (len(first) < 2000)
                written += file.write(json.dumps({"text": text}) + "\n")
    return f"text_files:{folder}"


def test_duplicates_of_a_gigabyte_of_files_beside_datatrove(tmp_path):
    """$OSTINATO_DATATROVE: the Python of an environment that has datatrove[io,processing]."""
    found = {}
    for size in (5 * 10**7, 10**9):
        corpus = _crawl(tmp_path / f"{size}", size)
        found[size] = _find_duplicates(corpus, tmp_path, CAPACITY)
        tokens, cpu, memory, took = found[size]
        report(
            f"duplicates of {size / 1e6:,.0f} MB of files: {memory / 2**30:.2f} GiB, {took:,.0f} s, of "
            f"the processor {cpu:,.0f} s, {tokens / cpu / 1e6:.1f}M tokens a second of it"
        )
        if peer := os.environ.get("OSTINATO_DATATROVE"):
            script = Path(__file__).with_name("datatrove_peer.py")
            command = [peer, str(script), corpus.partition(":")[2], str(tmp_path / f"peer{size}")]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            its = json.loads(done.stdout.splitlines()[-1])
            report(
                f"datatrove's near duplicates of the same: {its['bytes'] / 2**30:.2f} GiB, "
                f"{its['seconds']:,.0f} s, of the processor {its['cpu_seconds']:,.0f} s"
            )
    small, large = found.values()
    # Some tens of bytes a document, and the signatures, which are read through a memory map.
    assert large.bytes < 1.3 * small.bytes
