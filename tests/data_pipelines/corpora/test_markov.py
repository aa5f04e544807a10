"""`markov`: its text is the chain's, but for spans copied from earlier in the document."""

import numpy as np
import pytest

from data_pipelines.corpora.synthetic.markov import Markov, MarkovProcess
from data_pipelines.corpora.synthetic.process import SyntheticConfig
from data_pipelines.errors import OstinatoError

PROCESS = MarkovProcess(seed=1)


def test_a_document_is_as_long_as_the_context_and_a_byte_a_symbol():
    assert len(set(PROCESS.alphabet)) == 64
    symbols = PROCESS.sample((0, 0), 50)
    assert symbols.shape == (50, 128)
    text = PROCESS.text(symbols[0])
    assert len(text.encode()) == 128
    assert [PROCESS.alphabet.index(letter) for letter in text] == symbols[0].tolist()


def test_equal_streams_are_equal_and_others_other():
    one = PROCESS.sample((0, 0), 20)
    assert (one == PROCESS.sample((0, 0), 20)).all()
    assert (one != PROCESS.sample((1, 0), 20)).any()
    assert (one != MarkovProcess(seed=2).sample((0, 0), 20)).any()


def test_without_copies_symbols_follow_each_other_as_the_transitions_say():
    process = MarkovProcess(seed=1, alphabet="abcd", concentration=1.0, copy=0.0)
    symbols = process.sample((0, 0), 3000)
    counts = np.zeros((4, 4))
    np.add.at(counts, (symbols[:, :-1].ravel(), symbols[:, 1:].ravel()), 1)
    found = counts / counts.sum(axis=1, keepdims=True)
    assert found == pytest.approx(process.transitions, abs=0.01)


def test_a_copy_that_never_ends_repeats_the_only_symbol_there_was():
    process = MarkovProcess(seed=1, copy=1.0, shortest=128, longest=128)
    symbols = process.sample((0, 0), 50)
    assert (symbols == symbols[:, :1]).all()


def test_as_many_symbols_are_copied_as_the_odds_say():
    """On a chain that never comes back to a pair, runs of six seen before are copies."""
    span = (PROCESS.shortest + PROCESS.longest) / 2
    copied = span / (span + 1 / PROCESS.copy - 1)
    # Of a span the first five end no run of six that is copied whole.
    expected = copied * (span - 5) / span
    even = dict(seed=1, concentration=1e3)

    def seen_before(process):
        texts = [process.text(row) for row in process.sample((0, 0), 400)]
        return np.mean([t[i - 5 : i + 1] in t[:i] for t in texts for i in range(64, 128)])

    assert seen_before(MarkovProcess(**even)) == pytest.approx(expected, abs=0.04)
    assert seen_before(MarkovProcess(**even, copy=0.0)) < 0.001


def test_its_splits_are_of_their_sizes_and_share_no_document(tmp_path):
    corpus = Markov("1MB", tmp_path)
    texts = {split: [d.text for d in corpus.documents(split)] for split in ("train", "test")}
    assert len(texts["train"]) == -(-(10**6) // 129)
    assert not set(texts["train"]) & set(texts["test"])


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("", "20MB-seed0"),
        ("30MB", "30MB-seed0"),
        ("seed3", "20MB-seed3"),
        ("1kB-seed2", "1kB-seed2"),
    ],
)
def test_its_name_says_size_and_seed(text, name):
    assert SyntheticConfig.parse("markov", MarkovProcess, text).name == name


def test_another_name_is_refused_with_those_that_there_are():
    with pytest.raises(OstinatoError, match="markov/200MB-seed3"):
        SyntheticConfig.parse("markov", MarkovProcess, "large")
