"""`preferences`: the true preference is what its formula says, and comparisons follow it."""

import math

import numpy as np
import pytest

from data_pipelines.config.comparisons import PROMPT, RESPONSE, ComparedCorpus
from data_pipelines.corpora.synthetic.preferences.comparisons import (
    BINARY_LEVEL,
    LEVELS,
    Comparisons,
    truth,
)
from data_pipelines.corpora.synthetic.preferences.gold import (
    Gold,
    branches,
    word_numbers,
)
from data_pipelines.corpora.synthetic.zipf import (
    END,
    OTHER,
    OTHER_LOG_P,
    ZipfProcess,
    log_probabilities,
    log_probability,
)
from data_pipelines.errors import OstinatoError

PROCESS = ZipfProcess(seed=1, words=40)


@pytest.fixture(scope="module")
def rows():
    return branches(PROCESS, PROCESS.generator(99), 2000, 2)


@pytest.fixture(scope="module")
def compared():
    texts = ("3000-samples", "3000-samples-t2", "3000-levels", "3000-binary")
    drawn = {text: Comparisons.parse(f"preferences/{text}-seed1-words40") for text in texts}
    return {text.partition("-")[2]: (c, np.stack([*c.draw("train")])) for text, c in drawn.items()}


def both(rows_NxW):
    """The sides of comparisons, as word numbers."""
    worse = np.concatenate([rows_NxW[:, :PROMPT], rows_NxW[:, PROMPT + RESPONSE :]], axis=1)
    return rows_NxW[:, : PROMPT + RESPONSE], worse


def test_likelihoods_are_those_of_the_process_over_ends_of_documents_too(rows):
    own = rows[0, :5]
    whole = log_probabilities(PROCESS, own).sum(axis=1) + math.log(PROCESS.end)
    np.testing.assert_allclose(whole, log_probability(PROCESS, own))
    ended = own.copy()
    ended[:, 20] = END
    parts = log_probability(PROCESS, own[:, :20]) + log_probability(PROCESS, own[:, 21:])
    found = log_probabilities(PROCESS, ended).sum(axis=1) + math.log(PROCESS.end)
    np.testing.assert_allclose(found, parts)


def test_what_the_process_never_says_has_a_likelihood_all_the_same(rows):
    odd = rows[0, :3].copy()
    odd[:, 30], odd[0, 0] = OTHER, END
    log_p = log_probabilities(PROCESS, odd)
    np.testing.assert_allclose(log_p[:, 30], OTHER_LOG_P + math.log(1 - PROCESS.end))
    assert log_p[0, 0] == OTHER_LOG_P and np.isfinite(log_p).all()


def test_gold_is_its_formula(rows):
    gold = Gold(PROCESS)
    mass = PROCESS.emissions.mean(axis=0)[gold.liked[:-2]].sum()
    assert 0.05 < mass <= 0.1
    k = gold.liked[rows[0][:, PROMPT:]].sum(axis=1)
    z = gold(rows[0]) - (k - 0.25 * np.where(k > 4, k - 4, 0) ** 2)
    assert abs(z.mean()) < 0.1 and abs(z.std() - 1) < 0.1 and k.max() > 6
    log_p = log_probabilities(PROCESS, rows[0])[:, PROMPT:].sum(axis=1)
    assert np.corrcoef(log_p, z)[0, 1] == pytest.approx(1)


def test_tokens_are_words_by_their_spelling():
    words = ("Nobody", *PROCESS.lexicon[[3, 1]])
    found = word_numbers(PROCESS, words, np.array([[0, 1, 2, 3], [4, 5, 6, 400]], np.uint16))
    assert found.tolist() == [[OTHER, END, OTHER, OTHER], [3, 1, OTHER, OTHER]]


def test_the_better_by_gold_is_preferred_as_often_as_the_temperature_says(compared):
    for name in ("samples", "samples-t2"):
        comparisons, rows = compared[name]
        better, worse = (comparisons.gold(side) for side in both(rows))
        chance = truth(np.abs(better - worse), comparisons.corpus.temperature)
        error = np.sqrt((chance * (1 - chance)).sum()) / len(rows)
        assert abs((better >= worse).mean() - chance.mean()) <= 4 * error
    assert 0.6 < chance.mean() < 0.95


def test_the_less_corrupted_is_preferred(compared):
    for name, most in (("binary", BINARY_LEVEL), ("levels", sum(LEVELS[-2:]))):
        rows = compared[name][1]
        changed = (rows[:, PROMPT : PROMPT + RESPONSE] != rows[:, PROMPT + RESPONSE :]).sum(axis=1)
        assert changed.min() >= 1 and changed.max() <= most
        better, worse = (log_probabilities(PROCESS, side).sum(axis=1) for side in both(rows))
        assert (better > worse).mean() > 0.75


def test_more_pairs_go_on_where_fewer_end_and_splits_share_no_prompt(compared):
    comparisons, rows = compared["levels"]
    fewer = Comparisons.parse("preferences/70-levels-seed1-words40")
    np.testing.assert_array_equal(np.stack([*fewer.draw("train")]), rows[:70])
    held_out = np.stack([*comparisons.draw("test")])
    prompts = {tuple(row) for row in rows[:, :PROMPT]}
    assert len(prompts) < len(rows)  # some come again
    assert not prompts & {tuple(row) for row in held_out[:, :PROMPT]}


def test_names_are_read_back_and_made_beside_a_corpus():
    for name in (
        "preferences/9-samples-t0.5-seed3-words200",
        "preferences/9-binary-seed0-words1000",
    ):
        assert str(ComparedCorpus.parse(name)) == name
    for corpus, told in {
        "zipf": "seed0-words1000",
        "zipf/20MB": "seed0-words1000",
        "zipf/seed3": "seed3-words1000",
        "zipf/2MB-seed3": "seed3-words1000",
        "zipf/2MB-words200": "seed0-words200",
        "zipf/2MB-seed3-words200": "seed3-words200",
    }.items():
        assert str(ComparedCorpus.beside(corpus, 9, "levels", 0)) == f"preferences/9-levels-{told}"
    with pytest.raises(OstinatoError, match="corpus: pydocs has no true preference over its text"):
        ComparedCorpus.beside("pydocs", 9, "levels", 0)


@pytest.mark.parametrize(
    "text", ["samples", "0-samples", "10-pairs", "10-levels-t1", "10-samples-t"]
)
def test_a_name_that_is_none_is_refused_in_one_line(text):
    with pytest.raises(
        OstinatoError, match=f"corpus: preferences/{text} holds no comparisons; write"
    ):
        ComparedCorpus.parse(f"preferences/{text}")
