"""Comparisons in a store: what was drawn, split by prompt, repeated by the same plan."""

import numpy as np
import pytest

from data_pipelines.audit import audit
from data_pipelines.comparisons import check_disjoint, gold_of, sides
from data_pipelines.config import MixtureConfig
from data_pipelines.config.comparisons import CONTEXT, SIDE, ComparedCorpus
from data_pipelines.corpora.synthetic.preferences.comparisons import Comparisons
from data_pipelines.errors import OstinatoError
from data_pipelines.identity import identity
from data_pipelines.stream import heldout, open_data


@pytest.mark.slow
def test_what_is_packed_is_what_was_drawn_and_its_gold_is_a_function_of_tokens(
    preferences, data_dir
):
    data = open_data(preferences, data_dir)
    comparisons = Comparisons.parse(preferences.corpus)
    drawn = np.stack([*comparisons.draw("train")])
    rows = data.store.split("train").read(np.arange(len(drawn)))
    assert rows.shape == (len(drawn), CONTEXT + 1) and (rows[:, -1] == 1).all()
    # TFDS shuffles: the same comparisons in another order.
    spelled = {word: token for token, word in enumerate(_words(data, data_dir), 3)}
    tokens = np.vectorize(lambda number: spelled[comparisons.process.lexicon[number]])(drawn)
    assert sorted(map(tuple, rows[:, :-1].tolist())) == sorted(map(tuple, tokens.tolist()))

    gold = gold_of(preferences, data.store, data_dir)
    shown = sides(rows[:200])
    assert shown.shape == (200, 2, SIDE) and (shown[:, :, 0] == 1).all()
    better, worse = gold(shown[:, 0]), gold(shown[:, 1])
    assert (better > worse).all()  # of samples, at temperature 0


def _words(data, data_dir):
    return (data_dir / "vocabularies" / data.store.manifest.words).read_text().splitlines()


@pytest.mark.slow
def test_pairs_are_repeated_exactly_and_shared_with_nothing_held_out(preferences, data_dir):
    data = open_data(preferences, data_dir)
    found = audit(data, "run")
    assert found.faults == () and found.realised["repeated_fraction"] == 1
    pool, held_out = data.pool(10**6), heldout(data.store, "test", 500)
    assert len(pool) == preferences.pool_size == 64
    seen = data.batches(0, preferences.steps).tokens.reshape(-1, CONTEXT + 1)
    rows, counts = np.unique(seen, axis=0, return_counts=True)
    assert len(rows) == 64 and (counts == 4).all()
    prompts = heldout(data.store, "validation", 500)
    check_disjoint(training=pool, held_out=held_out, best_of_n=prompts)
    with pytest.raises(OstinatoError, match="1 prompts are among the training and the held_out"):
        check_disjoint(training=pool, held_out=np.concatenate([held_out, pool[:1]]))


def test_a_vocabulary_of_another_corpus_is_said_where_there_is_one():
    fields = {"tokens": 64 * 64, "corpus": "preferences/9-binary", "vocabulary": "words:209"}
    plain = MixtureConfig.model_validate(fields)
    assert "vocabulary_of" not in identity(plain)
    own = MixtureConfig.model_validate(fields | {"vocabulary_of": "preferences/9-binary"})
    assert own == plain
    other = MixtureConfig.model_validate(fields | {"vocabulary_of": "zipf"})
    assert other.vocabulary_corpus == "zipf" and identity(other)["vocabulary_of"] == "zipf"
    bytes_ = MixtureConfig.model_validate(fields | {"vocabulary": "bytes", "vocabulary_of": "zipf"})
    assert bytes_.vocabulary_of is None
    with pytest.raises(OstinatoError, match="corpus: zipf holds no comparisons"):
        ComparedCorpus.parse("zipf")
