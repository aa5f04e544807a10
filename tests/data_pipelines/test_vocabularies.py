"""Vocabularies: any text comes back from its tokens, and training is reproducible."""

from pathlib import Path

import numpy as np
import pytest

from data_pipelines.corpora import prepare_corpus
from data_pipelines.errors import OstinatoError
from data_pipelines.vocabularies import tokenizer, vocabulary
from data_pipelines.vocabularies.trained import trained_model

TEXT = "def f(x):\n    return  x  # café, 漢字 \t 123\n\n\nthe pool"


@pytest.mark.parametrize("name", ["bytes", "sentencepiece:320"])
def test_text_comes_back_from_its_tokens(name, text_corpus, data_dir):
    tokens = vocabulary(name, text_corpus, data_dir)
    assert tokens.decode(tokens.encode(TEXT)) == TEXT
    assert tokens.decode_tf(tokens.encode_tf(TEXT)).numpy().decode() == TEXT
    assert (tokens.pad_id, tokens.eos_id) == (0, 1)


@pytest.mark.parametrize("name", ["bytes", "sentencepiece:320"])
def test_a_tokenizer_is_the_vocabulary_without_seqio(name, text_corpus, data_dir):
    tokens, mine = (make(name, text_corpus, data_dir) for make in (vocabulary, tokenizer))
    for text in (TEXT, "", "\0 \x7f", "Document 7. the12 pool99"):
        encoded = mine.encode(text)
        assert encoded.dtype == np.int32
        assert encoded.tolist() == [*tokens.encode(text), tokens.eos_id]
        for part in (encoded, encoded[:-1], encoded[1:5], encoded[:0]):
            assert mine.decode(part) == tokens.decode(part.tolist())
    assert (mine.pad_id, mine.eos_id) == (tokens.pad_id, tokens.eos_id)


def test_bytes_have_no_extra_ids(text_corpus, data_dir):
    tokens = vocabulary("bytes", text_corpus, data_dir)
    assert tokens.vocab_size == 256 + 3
    assert tokens.encode("é") == [0xC3 + 3, 0xA9 + 3]


def test_a_trained_vocabulary_has_its_size_and_saves_tokens(data_dir):
    tokens = vocabulary("sentencepiece:1000", "zipf/100kB", data_dir)
    held_out = prepare_corpus("zipf/100kB", data_dir).as_dataset(split="test").take(50)
    texts = [example["text"].decode() for example in held_out.as_numpy_iterator()]
    assert tokens.vocab_size == 1000
    assert sum(len(tokens.encode(text)) for text in texts) < sum(map(len, texts)) / 2


def test_training_is_reproducible_and_cached(text_corpus, data_dir):
    path = Path(vocabulary("sentencepiece:320", text_corpus, data_dir).sentencepiece_model_file)
    model, written = path.read_bytes(), path.stat().st_mtime_ns
    trained_model.cache_clear()
    vocabulary("sentencepiece:320", text_corpus, data_dir)
    assert path.stat().st_mtime_ns == written
    path.unlink()
    trained_model.cache_clear()
    vocabulary("sentencepiece:320", text_corpus, data_dir)
    assert path.read_bytes() == model


@pytest.mark.parametrize("size", [100, 10**6])
def test_a_size_that_cannot_be_trained_is_one_line(size, text_corpus, data_dir):
    with pytest.raises(OstinatoError, match=f"sentencepiece:{size} cannot be trained") as caught:
        vocabulary(f"sentencepiece:{size}", text_corpus, data_dir)
    assert "\n" not in str(caught.value)


def test_another_name_is_refused(text_corpus, data_dir):
    with pytest.raises(OstinatoError, match="vocabulary: words is none"):
        vocabulary("words", text_corpus, data_dir)
