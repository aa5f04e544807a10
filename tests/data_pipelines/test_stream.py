"""The claim of the study, on realised batches: counted by the content of each sequence."""

from collections import Counter

import numpy as np
import pytest

from data_pipelines.config import MixtureConfig
from data_pipelines.errors import OstinatoError
from data_pipelines.stream import open_data


def realised(config, data_dir, start=0, stop=None):
    """Every sequence of a run as bytes, in order, with whether it was called repeated."""
    batch = open_data(config, data_dir).batches(start, stop or config.steps)
    tokens = batch.tokens.reshape(-1, config.context + 1)
    return [row.tobytes() for row in tokens], batch.repeated.ravel()


def split_contents(config, data_dir, split):
    sequences = open_data(config, data_dir).store.split(split)
    return {row.tobytes() for row in sequences.read(np.arange(len(sequences)))}


def test_pooled_sequences_are_seen_exactly_their_repeats_and_others_once(mixture, data_dir):
    rows, repeated = realised(mixture, data_dir)
    counts = Counter(rows)
    pool = {row for row, flag in zip(rows, repeated, strict=True) if flag}
    assert len(rows) == mixture.total_sequences
    assert len(pool) == mixture.pool_size
    assert {counts[row] for row in pool} == {mixture.repeats}
    assert {counts[row] for row in rows if row not in pool} == {1}
    assert sum(repeated) / len(rows) == mixture.realised_fraction


def test_nothing_of_validation_or_test_is_trained_on(mixture, data_dir):
    rows, _ = realised(mixture, data_dir)
    for split in ("validation", "test"):
        assert not set(rows) & split_contents(mixture, data_dir, split)


def test_controls_see_the_same_unique_sequences_in_the_same_slots(mixture, data_dir):
    control = MixtureConfig.model_validate(
        mixture.model_dump() | {"repeated_fraction": 0, "repeats": 0}
    )
    rows, repeated = realised(mixture, data_dir)
    fresh, never = realised(control, data_dir)
    assert not never.any() and len(set(fresh)) == len(fresh)
    assert all(a == b for a, b, flag in zip(rows, fresh, repeated, strict=True) if not flag)
    assert not {row for row, flag in zip(rows, repeated, strict=True) if flag} & set(fresh)


def test_any_step_is_the_same_without_the_steps_before(mixture, data_dir):
    rows, _ = realised(mixture, data_dir)
    for step in (0, 17, mixture.steps - 1):
        assert realised(mixture, data_dir, step, step + 1)[0] == rows[step * 16 : (step + 1) * 16]


@pytest.mark.parametrize("hosts", [1, 2, 4, 8])
def test_hosts_rows_interleave_to_the_single_hosts_batches(mixture, data_dir, hosts):
    data = open_data(mixture, data_dir)
    whole = data.batches(3, 9)
    share = 16 // hosts
    parts = [data.batches(3, 9, slice(h * share, (h + 1) * share)) for h in range(hosts)]
    assert np.array_equal(np.concatenate([part.tokens for part in parts], axis=1), whole.tokens)
    assert np.array_equal(np.concatenate([part.repeated for part in parts], axis=1), whole.repeated)


def test_seeds_differ_and_repeat(mixture, data_dir):
    other = mixture.model_copy(update={"seed": 1})
    assert realised(mixture, data_dir)[0] == realised(mixture, data_dir)[0]
    assert realised(mixture, data_dir)[0] != realised(other, data_dir)[0]


def test_the_pool_that_is_measured_is_the_pool_that_is_trained_on(mixture, data_dir):
    rows, repeated = realised(mixture, data_dir)
    pool = {row for row, flag in zip(rows, repeated, strict=True) if flag}
    measured = {row.tobytes() for row in open_data(mixture, data_dir).pool(limit=1000)}
    assert measured == pool


def test_a_budget_over_the_corpus_says_how_many_tokens_there_are(mixture, data_dir):
    config = MixtureConfig.model_validate(mixture.model_dump() | {"tokens": 10**9})
    available = len(open_data(mixture, data_dir).store.split("train")) * 32
    with pytest.raises(
        OstinatoError, match=f"tokens: 1,000,000,000.*it has {available:,} training tokens"
    ):
        open_data(config, data_dir)


def test_the_seqio_task_yields_the_runs_sequences_in_the_runs_order(mixture, data_dir):
    import seqio

    from data_pipelines.mixture import repeat_task

    task = repeat_task(mixture, data_dir)
    assert seqio.get_mixture_or_task(task.name) is task
    rows, _ = realised(mixture, data_dir)

    def read(**options):
        dataset = task.get_dataset({"targets": 33}, "train", shuffle=False, num_epochs=1, **options)
        return [
            example["targets"].astype(np.uint16).tobytes()
            for example in dataset.as_numpy_iterator()
        ]

    assert read() == rows
    assert read(shard_info=seqio.ShardInfo(1, 4)) == rows[1::4]
    features = seqio.get_dataset(
        task.name,
        task_feature_lengths={"targets": 33},
        dataset_split="train",
        shuffle=False,
        feature_converter=seqio.LMFeatureConverter(pack=False),
    )
    first = next(features.as_numpy_iterator())
    assert np.array_equal(first["decoder_target_tokens"].astype(np.uint16).tobytes(), rows[0])
