"""`zipf`: its probabilities are exact, its text is what the process says, its entropy known."""

import itertools
import math

import numpy as np
import pytest

from data_pipelines.corpora import prepare_corpus
from data_pipelines.corpora.synthetic.markov import MarkovProcess
from data_pipelines.corpora.synthetic.process import SyntheticConfig
from data_pipelines.corpora.synthetic.zipf import (
    Zipf,
    ZipfProcess,
    entropy_rate,
    log_probability,
)
from data_pipelines.errors import OstinatoError

TINY = ZipfProcess(seed=1, words=3, states=2, copy=0.3, span=2.0, length=4.0, stay=0.7)


def brute_force(process, words):
    """Probability of a document: the sum over all ways in which it can come about."""

    def ways(t, state, source):
        """Probability of words[t:] and the end, after t words."""
        if t == len(words):
            return process.end
        going = process.go_on if source is not None else 0.0
        total = 0.0
        if source is not None and words[source + 1] == words[t]:
            total += going * ways(t + 1, state, source + 1)
        copy = process.copy if t else 0.0
        for start in range(t):
            if words[start] == words[t]:
                total += (1 - going) * copy / t * ways(t + 1, state, start)
        for new in range(process.states):
            move = process.transitions[state, new] * process.emissions[new, words[t]]
            total += (1 - going) * (1 - copy) * move * ways(t + 1, new, None)
        return total * (1 - process.end if t else 1)

    return sum(ways(0, state, None) for state in range(process.states)) / process.states


@pytest.mark.parametrize("words", [(0,), (1, 1), (0, 1, 0, 1), (2, 2, 2, 2, 2), (0, 1, 2, 0, 1, 2)])
def test_the_forward_algorithm_is_the_sum_over_all_hidden_paths(words):
    expected = math.log(brute_force(TINY, words))
    assert log_probability(TINY, [np.array(words)]) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("length", [1, 2, 3, 5])
def test_probabilities_of_all_documents_of_a_length_sum_to_that_of_the_length(length):
    documents = itertools.product(range(TINY.words), repeat=length)
    total = np.exp(log_probability(TINY, [np.array(words) for words in documents])).sum()
    assert total == pytest.approx((1 - TINY.end) ** (length - 1) * TINY.end, rel=1e-12)


def test_documents_are_drawn_with_the_probabilities_of_the_forward_algorithm():
    sample = [tuple(words) for words in TINY.sample((0, 0), 100_000)]
    some = [(0,), (1, 1), (0, 1, 0), (2, 2, 2), (0, 1, 0, 1)]
    log_p = log_probability(TINY, [np.array(words) for words in some])
    for words, expected in zip(some, np.exp(log_p), strict=True):
        error = math.sqrt(expected / len(sample))
        assert sample.count(words) / len(sample) == pytest.approx(expected, abs=4 * error)


@pytest.mark.slow
def test_without_copies_and_with_one_state_entropy_is_that_of_zipfs_law():
    process = ZipfProcess(states=1, copy=0.0)
    p = process.frequencies
    end = process.end
    a_word = -(p * np.log(p)).sum()
    per_word = a_word - math.log(end) * end - math.log1p(-end) * (1 - end)
    rate = entropy_rate(process, documents=2000)
    assert rate.nats_per_word == pytest.approx(per_word, rel=0.01)


def test_copying_lowers_the_entropy():
    rates = [entropy_rate(ZipfProcess(copy=copy), 200) for copy in (0.0, 0.1, 0.3)]
    assert rates[0].nats_per_byte > rates[1].nats_per_byte > rates[2].nats_per_byte
    assert rates[0].standard_error < 0.01


def test_each_state_has_a_ranking_of_its_own_over_one_lexicon():
    process = ZipfProcess()
    assert (np.sort(process.rankings) == np.arange(process.words)).all()
    assert len(np.unique(process.rankings[:, 0])) > 1
    assert process.transitions.sum(axis=1) == pytest.approx(np.ones(process.states))
    assert process.emissions.sum(axis=1) == pytest.approx(np.ones(process.states))


def test_text_and_words_determine_each_other():
    process = ZipfProcess()
    assert len(set(process.lexicon)) == process.words
    assert all(word.isascii() and word.isalpha() for word in process.lexicon)
    number = {word: i for i, word in enumerate(process.lexicon)}
    for words in process.sample((0, 0), 50):
        assert [number[word] for word in process.text(words).split(" ")] == list(words)


def test_a_larger_corpus_goes_on_where_a_smaller_one_ends_and_holds_the_same_out(tmp_path):
    small, large = (Zipf(size, tmp_path) for size in ("100kB", "300kB"))
    for split in ("train", "test"):
        first = list(small.documents(split))
        assert first == list(itertools.islice(large.documents(split), len(first)))
    assert sum(len(d.text) + 1 for d in large.documents("train")) == pytest.approx(
        300_000, rel=0.02
    )
    train = {document.text for document in large.documents("train")}
    shared = train & {document.text for document in large.documents("test")}
    assert all(len(text) < 50 for text in shared)  # documents of a few words come up by chance


@pytest.mark.slow
def test_entropy_is_recorded_and_told(tmp_path):
    told = []
    builder = prepare_corpus("zipf/10kB-seed3", tmp_path, told.append)
    recorded = builder.info.metadata["entropy_rate"]
    rate = entropy_rate(ZipfProcess(3), recorded["documents"])
    assert recorded["nats_per_byte"] == rate.nats_per_byte
    assert f"{rate.nats_per_byte:.4f}" in told[-1]


@pytest.mark.parametrize(
    ("name", "size", "seed"),
    [("", 20e6, 0), ("200MB", 200e6, 0), ("1GB-seed3", 1e9, 3), ("seed2", 20e6, 2)],
)
def test_names_say_size_and_seed(name, size, seed):
    config = SyntheticConfig.parse("zipf", ZipfProcess, name)
    assert (config.size, config.process.seed) == (size, seed)


@pytest.mark.parametrize("name", ["20", "MB", "0MB", "20MB-3", "seed"])
def test_other_names_are_refused(name):
    with pytest.raises(OstinatoError, match=f"corpus: zipf/{name} is none"):
        SyntheticConfig.parse("zipf", ZipfProcess, name)


def test_its_name_may_say_how_many_words(tmp_path):
    corpus = Zipf("1kB-seed3-words40", tmp_path)
    assert (corpus.process.words, corpus.process.seed) == (40, 3)
    assert corpus.builder_config.name == "1kB-seed3-words40"
    assert Zipf("1kB", tmp_path).builder_config.name == "1kB-seed0"


def test_markov_has_no_words_to_count():
    with pytest.raises(OstinatoError, match="markov/1MB-words40 is none"):
        SyntheticConfig.parse("markov", MarkovProcess, "1MB-words40")
