import jax
import numpy as np
import pytest

from scaling.config import RunConfig
from scaling.programs.layout import Layout
from scaling.programs.optimiser import Hyper, learning_rates
from scaling.programs.program import STEPS_AT_ONCE, program_for

pytestmark = pytest.mark.slow

CONFIG = RunConfig.parse(
    {
        "tokens": 32 * 16 * 40,
        "context": 32,
        "batch_size": 16,
        "d_model": 32,
        "evaluation_tokens": 512,
    }
)
HYPER = Hyper.of(CONFIG)


@pytest.fixture(scope="module")
def program():
    return program_for(CONFIG, 259, devices=jax.devices()[:1])


def batch(steps=4, seed=0):
    rng = np.random.default_rng(seed)
    tokens = rng.integers(3, 259, (steps, 16, 33)).astype(np.uint16)
    return tokens, rng.random((steps, 16)) < 0.5


def test_runs_of_a_size_share_their_compilation(program):
    other = CONFIG.model_copy(
        update={"seed": 5, "learning_rate": 0.1, "tokens": 10**6, "repeats": 7}
    )
    assert program_for(other, 259) is program
    assert program_for(CONFIG.model_copy(update={"d_ff": 64}), 259) is not program
    assert program_for(CONFIG, 259, Layout(remat=True)) is not program


def test_steps_in_one_call_are_the_steps_one_by_one(program):
    tokens, repeated = batch()
    rates = np.full(4, 1e-2, np.float32)
    together = program.train(program.init(0), tokens, repeated, rates, HYPER)
    alone = program.init(0)
    for i in range(4):
        alone = program.train(
            alone, tokens[i : i + 1], repeated[i : i + 1], rates[i : i + 1], HYPER
        )
    assert int(together.step) == int(alone.step) == 4
    for a, b in zip(*map(jax.tree.leaves, (together, alone)), strict=True):
        assert np.array_equal(a, b)


def test_microbatches_are_the_whole_batch(program):
    tokens, repeated = batch()
    rates = np.full(4, 1e-3, np.float32)
    small = program_for(CONFIG, 259, Layout(microbatch=4, remat=True))
    parts = small.train(small.init(0), tokens, repeated, rates, HYPER)
    assert program.microbatch_size == 16
    whole = program.train(program.init(0), tokens, repeated, rates, HYPER)
    for a, b in zip(*map(jax.tree.leaves, (parts.params, whole.params)), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5)


def test_the_tally_keeps_unique_and_repeated_apart(program):
    tokens, repeated = batch()
    state = program.train(program.init(0), tokens, repeated, np.zeros(4, np.float32), HYPER)
    sums, counts = zip(*(program.losses(state.params, t) for t in tokens), strict=True)
    sums, tally = np.array(sums), state.tally
    assert float(tally.repeated_tokens) == 32 * repeated.sum()
    assert (
        float(tally.unique_tokens) == 32 * (~repeated).sum()
        and np.array(counts).sum() == 4 * 16 * 32
    )
    assert float(tally.repeated_loss) == pytest.approx(sums[repeated].sum(), rel=1e-4)
    assert float(tally.unique_loss) == pytest.approx(sums[~repeated].sum(), rel=1e-4)


def test_one_batch_is_learnt_by_heart(program):
    tokens, repeated = batch(1)
    tokens, repeated = (np.repeat(x, STEPS_AT_ONCE, axis=0) for x in (tokens, repeated))
    state = program.init(0)
    for _ in range(12):
        state = program.train(
            state, tokens, repeated, np.full(STEPS_AT_ONCE, 1e-2, np.float32), HYPER
        )
    sums, counts = program.losses(state.params, tokens[0])
    assert sums.sum() / counts.sum() < 0.2 < np.log(256)


def test_a_golden_step(program):
    """If one of these moved on purpose, results recorded before are no longer comparable: say so
    in the commit, and record them anew."""
    tokens, _ = batch(1)
    state = program.init(0)
    before = jax.device_get(state.params)
    state = program.train(
        state, tokens, np.zeros((1, 16), bool), np.full(1, 1e-2, np.float32), HYPER
    )
    update = jax.tree.map(np.subtract, jax.device_get(state.params), before)
    norm = np.sqrt(sum((leaf.astype(float) ** 2).sum() for leaf in jax.tree.leaves(update)))
    loss = float(state.tally.unique_loss) / (16 * 32)
    got = [loss, float(state.tally.gradient_norm), norm]
    np.testing.assert_allclose(got, GOLDEN, rtol=1e-3)


GOLDEN = [6.035902, 0.544471, 2.008877]
"""Loss (nats per token), norm of the gradient and norm of the update."""


def test_the_learning_rate_warms_up_and_falls_on_a_cosine():
    config = RunConfig.parse({"tokens": 200 * 8192, "d_model": 64, "learning_rate": 0.02})
    rates = learning_rates(config)
    assert len(rates) == config.steps == 200
    assert rates.argmax() == 19 and rates[19] == pytest.approx(0.02)
    assert (np.diff(rates[:20]) > 0).all() and (np.diff(rates[19:]) < 0).all()
    assert rates[0] == pytest.approx(0.001) and rates[-1] == pytest.approx(0.002)
    assert rates[109] == pytest.approx(0.011, rel=0.02)  # halfway down
