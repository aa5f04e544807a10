"""A perfect induction circuit, its weights set by hand (Elhage et al. 2021, "induction heads")."""

import jax
import numpy as np
import pytest

from scaling.config import RunConfig
from scaling.programs.program import program_for

V, L = 40, 128
CONFIG = RunConfig(
    d_model=3 * V + L,
    layers=2,
    heads=2,
    head_size=V + L,
    attention_only=True,
    positions="learned",
    context=L,
    batch_size=2,
    tokens=2 * L,
    evaluation_tokens=12 * L,
    ood_corpus=None,
)


@pytest.fixture(scope="session")
def program():
    return program_for(CONFIG, V)


@pytest.fixture(scope="session")
def circuit(program):
    """The stream holds, one-hot: the token, the position, the token before, the token to come.

    The first head of the first layer attends to the position before and writes its token. That of
    the second attends to where the token before is the present one, or else to itself, and writes
    what stands there as the token to come. The second heads do nothing.
    """
    D, H, K = CONFIG.d_model, CONFIG.heads, CONFIG.head_size
    token, position = np.arange(V), V + np.arange(L)
    before, coming = V + L + np.arange(V), 2 * V + L + np.arange(V)
    on_token, on_position = np.arange(V), V + np.arange(L)
    qkv = np.zeros((2, D, 3, H, K), np.float32)
    output = np.zeros((2, H, K, D), np.float32)
    sharp = np.sqrt(K) / D * 200

    qkv[0, position[1:], 0, 0, on_position[:-1]] = sharp
    qkv[0, position, 1, 0, on_position] = 1
    qkv[0, token, 2, 0, on_token] = np.sqrt(2 / D)
    output[0, 0, on_token, before] = 1

    qkv[1, token, 0, 0, on_token] = sharp
    qkv[1, position, 0, 0, on_position] = sharp / 2
    qkv[1, before, 1, 0, on_token] = 1
    qkv[1, position, 1, 0, on_position] = 1
    qkv[1, token, 2, 0, on_token] = np.sqrt(3 / D)
    output[1, 0, on_token, coming] = 1

    embedding = np.zeros((V, D), np.float32)
    embedding[token, token] = 1
    positions = np.zeros((L, D), np.float32)
    positions[np.arange(L), position] = 1
    unembedding = np.zeros((D, V), np.float32)
    unembedding[coming, token] = 20 / np.sqrt(D / 4)
    blocks = {"qkv": qkv.reshape(2, D, -1), "output": output.reshape(2, -1, D)}
    params = {
        "embedding": embedding,
        "positions": positions,
        "unembedding": unembedding,
        "blocks": blocks,
    }
    own = jax.tree.map(np.shape, program.abstract_state.params)
    assert own == jax.tree.map(np.shape, params)
    return params


@pytest.fixture(scope="session")
def headless(circuit):
    """The circuit with all its heads' weights at zero."""
    return circuit | {"blocks": jax.tree.map(np.zeros_like, circuit["blocks"])}


@pytest.fixture(scope="session")
def heldout():
    """Sequences of tokens drawn alike, START first."""
    tokens = np.random.default_rng(7).integers(3, V, (12, L + 1))
    tokens[:, 0] = 1
    return tokens.astype(np.uint8)
