"""Samples are drawn from the model's own probabilities, which they are told with."""

import jax
import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import chisquare

from scaling.config import RunConfig
from scaling.programs.program import program_for
from scaling.sampling import sample
from tests.scaling.probes.knowing.conftest import table_model

V, L = 40, 12


@pytest.mark.slow
@pytest.mark.parametrize(
    "fields",
    [{}, {"positions": "learned", "mlp": "swiglu"}, {"smeared_keys": True, "attention_only": True}],
)
def test_probabilities_are_those_without_a_cache(fields):
    sizes = {"d_model": 16, "context": L + 3, "batch_size": 2, "tokens": "1M", "ood_corpus": None}
    program = program_for(RunConfig.parse(sizes | fields), V)
    params = jax.tree.map(lambda leaf: 2 * leaf, program.init(0).params)
    rows = np.random.default_rng(0).integers(1, V, (9, L))
    given = np.array([3, 4, 5, 6, 7, 8, 9, 10, L])
    drawn = sample(program, params, rows, given, seed=1)

    kept = np.arange(L) < given[:, None]
    assert (drawn.tokens_NxL == rows)[kept].all() and (drawn.tokens_NxL != rows)[~kept].any()
    logits = jax.jit(program.network.apply)({"params": params}, drawn.tokens_NxL)
    log_p = np.take_along_axis(
        np.asarray(jax.nn.log_softmax(logits))[:, :-1], drawn.tokens_NxL[:, 1:, None], axis=2
    )
    np.testing.assert_allclose(drawn.log_p_NxL[:, 1:], log_p[..., 0], atol=2e-5)
    assert not drawn.log_p_NxL[:, 0].any()


def test_frequencies_are_the_models_probabilities():
    program, weights = table_model(8, 16)
    table = np.random.default_rng(0).normal(scale=1.5, size=(8, 8))
    rows, given = np.ones((8_000, 14), np.int32), np.ones(8_000, int)
    drawn = sample(program, weights(table), rows, given, seed=0)
    before, after = drawn.tokens_NxL[:, :-1].ravel(), drawn.tokens_NxL[:, 1:].ravel()
    assert len(after) > 1e5
    probability = softmax(table, axis=1)
    for token in range(8):
        counts = np.bincount(after[before == token], minlength=8)
        assert chisquare(counts, counts.sum() * probability[token]).pvalue > 1e-3
    np.testing.assert_allclose(
        drawn.log_p_NxL[:, 1:].ravel(), np.log(probability[before, after]), atol=1e-4
    )


def test_a_row_is_drawn_by_its_number_whatever_is_beside_it():
    program, weights = table_model(8, 16)
    params, rows = weights(np.zeros((8, 8))), np.ones((300, 14), np.int32)
    given = np.ones(300, int)
    whole = sample(program, params, rows, given, seed=3).tokens_NxL
    part = sample(program, params, rows[:20], given[:20], seed=3, first=200).tokens_NxL
    np.testing.assert_array_equal(part, whole[200:220])
    other = sample(program, params, rows[:20], given[:20], seed=4, first=200).tokens_NxL
    assert (other != part).any()
