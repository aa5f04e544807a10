"""The audit sees what is wrong, on streams that were made wrong."""

import dataclasses

import numpy as np
import pytest

from data_pipelines.audit import audit
from data_pipelines.config import MixtureConfig
from data_pipelines.stream import Batch, TrainingData, open_data


@pytest.fixture
def data(mixture, data_dir) -> TrainingData:
    return open_data(mixture, data_dir)


def tampered(data: TrainingData, change) -> TrainingData:
    """The same data with batches that `change` (a function of tokens and repeated) has spoilt."""

    @dataclasses.dataclass(frozen=True)
    class Tampered(TrainingData):
        def batches(self, start, stop, rows=slice(None)):
            batch = super().batches(start, stop, rows)
            tokens, repeated = batch.tokens.copy(), batch.repeated.copy()
            if start == 0:
                change(tokens, repeated)
            return Batch(tokens, repeated, batch.facts)

    return Tampered(data.config, data.plan, data.store, data.facts)


def test_an_honest_run_holds(data, mixture):
    found = audit(data, "run")
    assert found.faults == () and found.sequences == mixture.total_sequences
    assert found.histogram == {40: 12}
    assert found.realised == found.asked | {"repeated_fraction": mixture.realised_fraction}
    assert found.batch_share == (8, 8)


def test_a_control_holds(data, mixture, data_dir):
    control = MixtureConfig.model_validate(mixture.model_dump() | {"repeated_fraction": 0})
    found = audit(open_data(control, data_dir), "control")
    assert found.faults == () and found.histogram == {} and found.realised["pool_sequences"] == 0


@pytest.mark.parametrize("order", ["epochs", "even", "start", "end"])
def test_every_order_holds(mixture, data_dir, order):
    config = mixture.model_copy(update={"order": order})
    assert audit(open_data(config, data_dir), order).faults == ()


def test_a_histogram_of_pools_holds(mixture, data_dir):
    pools = [{"fraction": 0.1, "repeats": 2}, {"fraction": 0.2, "repeats": 16}]
    config = MixtureConfig.model_validate(mixture.model_dump() | {"pools": pools})
    found = audit(open_data(config, data_dir), "pools")
    assert found.faults == () and found.histogram == {2: 48, 16: 12}


def test_a_part_of_a_run_holds_and_says_so(data):
    found = audit(data, "run", stop=20)
    assert found.faults == () and found.steps == (0, 20)
    assert found.realised["repeats_most"] < 40


def see_twice(tokens, repeated):
    first, second = np.argwhere(~repeated)[:2]
    tokens[tuple(first)] = tokens[tuple(second)]


def one_more_repeat(tokens, repeated):
    pooled, unique = np.argwhere(repeated)[0], np.argwhere(~repeated)[0]
    tokens[tuple(unique)] = tokens[tuple(pooled)]
    repeated[tuple(unique)] = True


def pool_among_the_unique(tokens, repeated):
    pooled, unique = np.argwhere(repeated)[0], np.argwhere(~repeated)[0]
    tokens[tuple(unique)] = tokens[tuple(pooled)]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (see_twice, "unique_seen_most: 2, asked 1 at most"),
        (one_more_repeat, "repeats_most: 41, asked 40"),
        (pool_among_the_unique, "in_pool_and_unique: 1, asked 0"),
    ],
)
def test_what_was_spoilt_is_named(data, change, fault):
    assert fault in audit(tampered(data, change), "spoilt").faults


@pytest.mark.parametrize("split", ["validation", "test"])
def test_a_held_out_sequence_in_training_is_found(data, split):
    leaked = data.store.split(split).read(np.array([3]))[0]

    def leak(tokens, repeated):
        tokens[tuple(np.argwhere(~repeated)[0])] = leaked

    assert f"in_{split}: 1, asked 0" in audit(tampered(data, leak), "leaky").faults


@pytest.mark.slow
def test_near_duplicates_of_held_out_text_are_shown(mixture, tmp_path):
    from data_pipelines.prepare import prepare_data

    text = tmp_path / "text"
    text.mkdir()
    rng = np.random.default_rng(0)
    lines = []
    for i in range(600):
        words = " ".join(f"{rng.integers(1000):03d}" for _ in range(24))
        lines += [f"{words} {i % 10}", f"{words} {(i + 1) % 10}"]  # pairs, alike but for a letter
    (text / "all.jsonl").write_text("".join(f'{{"text": "{line}"}}\n' for line in lines))
    config = mixture.model_copy(
        update={
            "corpus": f"text_files:{text}",
            "unit": "document",
            "context": 100,
            "batch_size": 10,
        }
    )
    config = MixtureConfig.model_validate(config.model_dump() | {"tokens": 100 * 10 * 100})
    prepare_data(config, tmp_path / "data")
    data = open_data(config, tmp_path / "data")

    def decode(tokens):
        return bytes(int(t) - 3 for t in tokens if t > 2).decode()

    near = audit(data, "run", decode=decode).near
    held = {
        decode(row)[:-1]
        for split in ("validation", "test")
        for row in data.store.split(split).read(np.arange(len(data.store.split(split))))
    }
    trained = data.store.split("train").read(np.unique(data.plan.at(np.arange(1000)).sequence))
    twins = sum(decode(row)[:-1] in held for row in trained)
    assert twins > 5 and near["found"] == pytest.approx(twins, rel=0.15)
    assert near["examples"][0]["trained"][:-1] == near["examples"][0]["held_out"][:-1]
