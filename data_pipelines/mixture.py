"""The repeat plan as a seqio task, for T5X and every other reader of seqio.

`seqio.Mixture` draws at random, so its rates hold in expectation only. This task has the plan as
its data source: it yields the run's sequences in the run's order, each exactly as often as asked.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from data_pipelines.config import MixtureConfig
from data_pipelines.stream import TrainingData, open_data
from data_pipelines.system.quiet import seqio, tf
from data_pipelines.vocabularies import vocabulary

_SEQUENCES_AT_ONCE = 1024


def repeat_task(config: MixtureConfig, data_dir: Path) -> seqio.Task:
    """Register (once) and return the task of a config whose data is prepared.

    Its one split, 'train', has `config.total_sequences` examples {'targets': int32 [context + 1]};
    read it unshuffled, for one epoch. Sharding it takes every n-th sequence.
    """
    data = open_data(config, data_dir)
    share = f"f{config.repeated_fraction:g}_e{config.repeats}_{config.order}"
    facts = f"_{config.facts_corpus}" if config.facts_corpus else ""
    name = (
        f"ostinato_{data.store.directory.parent.name}_{config.tokens}_{share}_s{config.seed}{facts}"
    )
    name = "".join(c if c.isalnum() or c == "_" else "_" for c in name)
    if name in seqio.TaskRegistry.names():
        return seqio.TaskRegistry.get(name)
    return seqio.TaskRegistry.add(
        name,
        source=seqio.FunctionDataSource(
            lambda split, shuffle_files=False, seed=None: _dataset(data),
            splits=("train",),
            num_input_examples={"train": config.total_sequences},
            caching_permitted=False,
        ),
        preprocessors=[],
        output_features={
            "targets": seqio.Feature(
                vocabulary(config.vocabulary, config.vocabulary_corpus, data_dir), add_eos=False
            )
        },
    )


def _dataset(data: TrainingData) -> tf.data.Dataset:
    length = data.config.context + 1

    def read(start: tf.Tensor) -> tf.Tensor:
        stop = min(int(start) + _SEQUENCES_AT_ONCE, data.plan.total)
        slots = data.plan.at(np.arange(int(start), stop))
        return data.read(slots).astype(np.int32)

    starts = tf.data.Dataset.range(0, data.plan.total, _SEQUENCES_AT_ONCE)
    blocks = starts.map(
        lambda start: tf.ensure_shape(tf.numpy_function(read, [start], tf.int32), (None, length))
    )
    return blocks.unbatch().map(lambda tokens: {"targets": tokens})
