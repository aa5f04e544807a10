"""`echo`: alike at every position, so that what falls along a document is what its context tells."""

import numpy as np
import pytest

from data_pipelines.corpora.synthetic.echo import Echo, EchoProcess, in_context_losses
from data_pipelines.corpora.synthetic.markov import MarkovProcess

PROCESS = EchoProcess(seed=1)
LAST = PROCESS.length - 1


@pytest.fixture(scope="module")
def symbols():
    return PROCESS.sample((0, 0), 4000)


def test_equal_streams_are_equal_and_others_other():
    one = PROCESS.sample((0, 0), 20)
    assert one.shape == (20, 128) and (one == PROCESS.sample((0, 0), 20)).all()
    assert (one != PROCESS.sample((1, 0), 20)).any()
    assert (one != EchoProcess(seed=2).sample((0, 0), 20)).any()


def test_its_chain_is_that_of_markov():
    assert (PROCESS.transitions == MarkovProcess(seed=1).transitions).all()
    process = EchoProcess(seed=1, alphabet="abcd", concentration=1.0, copy=0.0, burn_in=64)
    rows = process.sample((0, 0), 3000)
    counts = np.zeros((4, 4))
    np.add.at(counts, (rows[:, :-1].ravel(), rows[:, 1:].ravel()), 1)
    found = counts / counts.sum(axis=1, keepdims=True)
    assert found == pytest.approx(process.transitions, abs=0.01)


def test_symbols_are_as_frequent_at_the_first_position_as_at_the_last(symbols):
    for at in (0, 12, 64, LAST):
        found = np.bincount(symbols[:, at], minlength=64) / len(symbols)
        error = np.sqrt(PROCESS.frequencies * (1 - PROCESS.frequencies) / len(symbols))
        assert (np.abs(found - PROCESS.frequencies) < 4.5 * error).all()


def test_pairs_are_as_frequent_early_as_late_and_not_so_in_markov():
    small = dict(seed=1, alphabet="abcd", concentration=1.0)
    assert _between_pairs(EchoProcess(**small)) < 38  # 15 degrees of freedom, p = 0.001
    assert _between_pairs(MarkovProcess(**small)) > 100


def _between_pairs(process):
    """Chi-square between the frequencies of the first two symbols and of the last two."""
    rows = process.sample((0, 0), 6000)
    first, last = (np.bincount(rows[:, at] * 4 + rows[:, at + 1], minlength=16) for at in (0, 126))
    return ((first - last) ** 2 / (first + last)).sum()


def test_a_predictor_by_frequencies_of_pairs_loses_the_same_at_every_position(symbols):
    """And one that trusts the chain does: where copies meet, both lose as often early as late."""
    chain = -np.log(PROCESS.transitions[symbols[:, :-1], symbols[:, 1:]])
    for losses in (_pair_losses(symbols), chain):
        early, late = losses[:, 7:16].mean(axis=1), losses[:, 111:120].mean(axis=1)
        assert abs((late - early).mean()) < 4 * (late - early).std() / np.sqrt(len(symbols))


def _pair_losses(rows):
    counts = np.full((64, 64), 1e-3)
    np.add.at(counts, (rows[:, :-1].ravel(), rows[:, 1:].ravel()), 1)
    shares = counts / counts.sum(axis=1, keepdims=True)
    return -np.log(shares[rows[:, :-1], rows[:, 1:]])


def test_as_many_symbols_are_copied_early_as_late():
    """On a chain that never comes back to a pair, with the burn-in in sight, by runs of six."""
    process = EchoProcess(seed=1, concentration=1e3, burn_in=0, length=768 + 128)
    rows = process.sample((0, 0), 1000)
    span = (PROCESS.shortest + PROCESS.longest) / 2
    copied = span / (span + 1 / PROCESS.copy - 1)
    for at in (768 + 6, 768 + LAST):
        run = rows[:, at - 5 : at + 1]
        back = np.arange(PROCESS.nearest, PROCESS.farthest + 1)
        seen = [(rows[:, at - 5 - d : at + 1 - d] == run).all(axis=1) for d in back]
        found = np.any(seen, axis=0).mean()
        assert found == pytest.approx(copied * (span - 5) / span, abs=0.05)


def test_what_sees_the_document_loses_less_along_it_and_nothing_before_there_is_a_source(symbols):
    losses = in_context_losses(PROCESS, symbols[:400])
    by_position = losses.mean(axis=0)
    blind, sighted = by_position[1 : PROCESS.nearest].mean(), by_position[-32:].mean()
    assert sighted < blind - 1
    assert by_position[1 : PROCESS.nearest // 2].mean() == pytest.approx(blind, abs=0.1)
    assert by_position[64:96].mean() == pytest.approx(sighted, abs=0.15)


def test_the_best_predictor_is_a_predictor():
    """What it gives all next symbols adds up to one, whatever came before."""
    process = EchoProcess(seed=1, alphabet="abcd", nearest=3, farthest=5, shortest=2, longest=3)
    context = process.sample((0, 0), 30)[:, :20]
    rows = np.stack([np.column_stack([context, np.full(30, k)]) for k in range(4)])
    last = np.stack([in_context_losses(process, own)[:, -1] for own in rows])
    assert np.exp(-last).sum(axis=0) == pytest.approx(1)


@pytest.mark.slow
def test_a_corpus_of_it_is_made_by_its_name(tmp_path):
    corpus = Echo("100kB-seed1", tmp_path)
    texts = {split: [d.text for d in corpus.documents(split)] for split in ("train", "test")}
    assert len(texts["train"]) == -(-(10**5) // 129)
    assert not set(texts["train"]) & set(texts["test"])
    assert {len(text) for text in texts["train"]} == {128}
    assert corpus.describe()["summary"].startswith(
        "echo: 64 symbols, a copy begins before one in 8"
    )
