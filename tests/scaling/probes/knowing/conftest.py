"""Models whose answers are known: a table of logits by the token before, in a transformer's weights."""

import jax
import numpy as np
import pytest

from scaling.config import RunConfig
from scaling.programs.program import program_for


def table_model(size, context):
    """A program, and how a table [size, size] of next-token logits becomes its weights: tokens one-hot
    in the stream, no heads' output, the table in the unembedding."""
    config = RunConfig(
        d_model=size,
        layers=1,
        heads=1,
        head_size=8,
        attention_only=True,
        context=context,
        batch_size=2,
        tokens=2 * context,
        evaluation_tokens=256 * context,
        ood_corpus=None,
    )
    program = program_for(config, size)

    def params(table):
        zero = jax.tree.map(lambda leaf: np.zeros(leaf.shape, np.float32), shapes)
        # The norm before it makes a one-hot vector sqrt(size) long.
        unembedding = (table / np.sqrt(size)).astype(np.float32)
        return zero | {"embedding": np.eye(size, dtype=np.float32), "unembedding": unembedding}

    shapes = program.abstract_state.params
    return program, params


@pytest.fixture(scope="session")
def small():
    return table_model(40, 64)


@pytest.fixture(scope="session")
def of_words():
    return table_model(384, 16)
