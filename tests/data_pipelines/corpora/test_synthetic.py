"""What is drawn stays what recorded studies were trained on, whatever is rebuilt around it."""

import pytest

from data_pipelines.corpora import corpus_builder
from data_pipelines.corpora.documents import ContentDigest


@pytest.mark.parametrize(
    ("corpus", "expected"),
    [
        ("zipf/100kB-seed3", "328b14544a87eb91"),
        ("markov/100kB", "f153d2fe20f12009"),
        ("echo/100kB", "65fc44d8476d6fbc"),
    ],
)
def test_a_name_is_the_same_text_for_ever(corpus, expected, tmp_path):
    """If one of these moved on purpose, raise the corpora's version and say so in the release."""
    digest = ContentDigest()
    for document in corpus_builder(corpus, tmp_path).documents("train"):
        digest.add(document)
    assert ContentDigest.of([digest])[:16] == expected
