"""Samples and scores a second, beside the same without a cache and a plain PyTorch loop. Run by
`make bench`."""

import importlib.util

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from data_pipelines.config.comparisons import GIVEN, SIDE
from scaling.config import RunConfig
from scaling.programs.comparing import Comparing
from scaling.programs.program import program_for
from scaling.sampling import sample
from tests.benchmarks.measure import medians, one_core, report, seconds

V, ROWS, REPETITIONS = 369, 512, 5
CONFIG = RunConfig.parse({"tokens": "1M", "d_model": 32, "context": 64, "ood_corpus": None})


@pytest.fixture(scope="module")
def shown():
    rows = np.random.default_rng(0).integers(3, V, (ROWS, SIDE)).astype(np.int32)
    return rows, np.full(ROWS, GIVEN)


def _without_cache(program, params, rows):
    """Every token from all before it anew, in one compiled loop."""
    network = program.network

    def run(params, tokens, key):
        def draw(t, tokens):
            logits = network.apply({"params": params}, tokens)[:, t - 1]
            drawn = jax.random.categorical(jax.random.fold_in(key, t), logits)
            return tokens.at[:, t].set(drawn)

        return jax.lax.fori_loop(GIVEN, SIDE, draw, jnp.asarray(tokens))

    compiled = jax.jit(run, compiler_options=program.compiler_options)
    return lambda: jax.block_until_ready(compiled(params, rows, jax.random.key(0)))


def _by_torch(rows):
    """The plain loop: the family's model by PyTorch, run anew on all tokens before each draw."""
    import torch
    import torch.nn.functional as F

    from tests.benchmarks.pytorch_peer import Transformer

    torch.set_num_threads(1)
    model = Transformer(V, SIDE, CONFIG.d_model, CONFIG.layers, CONFIG.heads)
    tokens = torch.from_numpy(rows.astype(np.int64))

    @torch.inference_mode()
    def run():
        for t in range(GIVEN, SIDE):
            x = model.embedding(tokens[:, :t])
            for block in model.blocks:
                x = block(x, model.cos[:t], model.sin[:t])
            logits = model.unembedding(F.rms_norm(x[:, -1], x.shape[-1:], eps=1e-6))
            tokens[:, t] = torch.multinomial(logits.softmax(-1), 1)[:, 0]

    return run


def test_samples_a_second(shown):
    rows, given = shown
    program = program_for(CONFIG, V)
    params = program.init(0).params
    work = [lambda: sample(program, params, rows, given, 0), _without_cache(program, params, rows)]
    if importlib.util.find_spec("torch"):
        work.append(_by_torch(rows))
    with one_core():
        for each in work:
            each()
        took = medians(REPETITIONS, *(lambda each=each: seconds(each) for each in work))
    names = ("with the cache", "without", "PyTorch, without")
    told = ", ".join(f"{name} {ROWS / s:,.0f}" for name, s in zip(names, took, strict=False))
    missing = "" if len(took) == 3 else " (PyTorch is not installed: pip install torch)"
    report(f"samples of {SIDE - GIVEN} tokens a second and core: {told}{missing}")
    assert took[0] < took[1] / 3


def test_scores_a_second(shown):
    rows, _ = shown
    program = program_for(CONFIG, V, kind=Comparing)
    params = program.init(0).params
    many = np.concatenate([rows] * 4)
    with one_core():
        program.scores(params, many)
        (took,) = medians(REPETITIONS, lambda: seconds(lambda: program.scores(params, many)))
    report(f"responses of {SIDE} tokens scored a second and core: {len(many) / took:,.0f}")
