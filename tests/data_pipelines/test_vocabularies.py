"""Vocabularies: any text comes back from its tokens, and training is reproducible."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from data_pipelines.config import MixtureConfig
from data_pipelines.corpora import prepare_corpus
from data_pipelines.corpora.synthetic.facts.lexicon import WORDS
from data_pipelines.errors import OstinatoError
from data_pipelines.identity import identity
from data_pipelines.prepare import prepare_store
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


# Vocabularies of a user's own.


def huggingface(path, texts):
    """A byte-level BPE that, as those of models are, cuts and pads what it is given."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(texts, trainer)
    made.enable_truncation(4)
    made.enable_padding(length=4)
    made.save(str(path))


def sentencepiece_model(path, texts):
    """As LLaMA's: no padding, its end of a document is 2, unknown bytes fall back."""
    import sentencepiece

    with path.open("wb") as file:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts),
            model_writer=file,
            vocab_size=400,
            model_type="bpe",
            byte_fallback=True,
            normalization_rule_name="identity",
            remove_extra_whitespaces=False,
            add_dummy_prefix=False,
            unk_id=0,
            bos_id=1,
            eos_id=2,
            pad_id=-1,
            minloglevel=2,
        )


MADE = {"tokenizer.json": huggingface, "own.model": sentencepiece_model}


@pytest.fixture(params=MADE)
def own(request, tmp_path):
    file = tmp_path / request.param
    MADE[request.param](file, [TEXT, *(f"text {n} of the pool" for n in range(300))])
    return file


def test_text_comes_back_from_tokens_of_a_file(own, tmp_path):
    name, text = f"file:{own}", TEXT.replace("\n\n\n", "\n")
    tokens, mine = (make(name, "no corpus", tmp_path) for make in (vocabulary, tokenizer))
    encoded = mine.encode(text)
    assert mine.decode(encoded) == tokens.decode(encoded.tolist()) == text
    assert encoded.tolist() == [*tokens.encode(text), 1] and encoded[:-1].min() >= 3
    assert tokens.encode_tf(text).numpy().tolist() == encoded[:-1].tolist()
    assert tokens.decode_tf(encoded[:-1]).numpy().decode() == text
    assert (tokens.pad_id, tokens.eos_id) == (0, 1)
    config = MixtureConfig(tokens="1M", vocabulary=name)
    assert config.vocabulary_size == tokens.vocab_size > encoded.max()


def test_a_file_is_known_by_its_content_wherever_it_lies(own, tmp_path):
    first = MixtureConfig(tokens="1M", vocabulary=f"file:{own}")
    moved = own.rename(tmp_path / "elsewhere")
    second = MixtureConfig(tokens="1M", vocabulary=f"file:{moved}")
    assert first.vocabulary == second.vocabulary and "elsewhere" in second.vocabulary_file
    assert identity(first) == identity(second) and str(tmp_path) not in str(identity(first))
    assert MixtureConfig.model_validate_json(first.model_dump_json()) == first
    sentencepiece_model(moved, [f"another text {n * 7919 % 1009}" for n in range(500)])
    assert MixtureConfig(tokens="1M", vocabulary=f"file:{moved}").vocabulary != first.vocabulary


@pytest.mark.slow
def test_a_corpus_is_packed_in_the_vocabulary_of_a_file(own, text_corpus, mixture, tmp_path):
    values = mixture.model_dump() | {"vocabulary": f"file:{own}", "tokens": 16 * 32}
    config = MixtureConfig.model_validate(values | {"repeated_fraction": 0})
    store = prepare_store(text_corpus, config, tmp_path / "data", ("test",))
    own.unlink()  # it is kept beside the corpora
    rows = store.split("test").read(np.arange(len(store.split("test")))).astype(int)
    assert rows.min() == 1 and rows.max() < store.manifest.vocabulary_size == config.vocabulary_size
    kept = tokenizer(config.vocabulary, text_corpus, tmp_path / "data")
    text = kept.decode(rows[0])
    assert "Document" in "".join(kept.decode(row) for row in rows[:9]) and text.isascii()
    with pytest.raises(OstinatoError, match=r"file:\w+:\d+ is not kept in"):
        tokenizer(config.vocabulary, text_corpus, tmp_path / "other")


def test_a_file_that_has_changed_since_is_refused(own, text_corpus, mixture, tmp_path):
    config = MixtureConfig.model_validate(mixture.model_dump() | {"vocabulary": f"file:{own}"})
    MADE[own.name](own, [f"another text {n * 7919 % 1009}" for n in range(500)])
    with pytest.raises(OstinatoError, match=r"is no longer file:\w+:\d+, which these runs are of"):
        prepare_store(text_corpus, config, tmp_path / "data", ("test",))


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (None, r"cannot be read \(No such file"),
        (b"", "is empty"),
        (b"junk" * 99, "is no SentencePiece model"),
        (b'{"a": 1}', r"is no tokenizer.json \("),
        (b"{", r"is no tokenizer.json \("),
        ("directory", "is a directory"),
    ],
)
def test_a_file_that_is_no_vocabulary_is_one_line_with_a_remedy(data, fault, tmp_path):
    file = tmp_path / "a"
    if data == "directory":
        file.mkdir()
    elif data is not None:
        file.write_bytes(data)
    for use in (
        lambda: MixtureConfig.parse({"tokens": "1M", "vocabulary": f"file:{file}"}),
        lambda: tokenizer(f"file:{file}", "no corpus", tmp_path),
    ):
        with pytest.raises(OstinatoError, match=f"vocabulary: file:{file} {fault}") as caught:
            use()
        line = str(caught.value)
        assert "\n" not in line and "give a SentencePiece .model or a Hugging Face" in line


def test_words_are_those_of_facts_then_the_commonest_of_the_corpus(data_dir):
    tokens, mine = (make("words:200", "zipf/100kB", data_dir) for make in (vocabulary, tokenizer))
    train = prepare_corpus("zipf/100kB", data_dir).as_dataset(split="train").as_numpy_iterator()
    counts = Counter(word for example in train for word in example["text"].decode().split())
    common = [word for word, _ in counts.most_common(200 - 3 - len(WORDS))]
    assert len(common) == 31 and tokens.vocab_size == 200
    text = " ".join([*WORDS, *common])
    assert mine.encode(text).tolist() == [*range(3, 200), 1]
    assert tokens.encode(text) == mine.encode(text)[:-1].tolist()
    assert tokens.encode_tf(text).numpy().tolist() == tokens.encode(text)
    assert mine.decode(mine.encode(text)) == text
    assert mine.encode("unheard of").tolist() == [2, 2, 1]


def test_words_without_room_for_the_corpus_are_refused(data_dir):
    with pytest.raises(OstinatoError, match=r"words:169 has no room .* give words:369 or more"):
        vocabulary("words:169", "zipf/100kB", data_dir)


def test_another_name_is_refused(text_corpus, data_dir):
    with pytest.raises(OstinatoError, match="vocabulary: words is none"):
        vocabulary("words", text_corpus, data_dir)
