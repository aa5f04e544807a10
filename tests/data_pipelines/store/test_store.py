import json
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from unittest import mock

import numpy as np
import psutil
import pytest

from data_pipelines.corpora import corpus_builder
from data_pipelines.errors import OstinatoError
from data_pipelines.prepare import is_prepared, prepare_data, prepare_store
from data_pipelines.store import SPLITS, SequenceStore
from data_pipelines.stream import open_store, store_home
from data_pipelines.system.quiet import tfds
from tests.processes import living_after, readers


@pytest.fixture
def copy(mixture, data_dir, tmp_path):
    """A private copy of the prepared store, opened anew."""
    source = open_store(mixture.corpus, mixture, data_dir).directory
    SequenceStore.open.cache_clear()
    return shutil.copytree(source, tmp_path / "store")


def test_rows_are_the_corpus_in_order_with_an_end_of_sequence_after_each_document(
    mixture, data_dir
):
    from data_pipelines.store.tasks import corpus_task

    task = corpus_task(mixture.corpus, "bytes", data_dir)
    documents = [
        example["targets"]
        for example in task.get_dataset(None, "validation", shuffle=False).as_numpy_iterator()
    ]
    flat = np.concatenate(documents)
    assert all(document[-1] == 1 and (document[:-1] > 2).all() for document in documents)
    split = open_store(mixture.corpus, mixture, data_dir).split("validation")
    rows = split.read(np.arange(len(split)))
    assert len(rows) == len(flat) // 33
    assert np.array_equal(rows.ravel(), flat[: rows.size])


def test_reading_across_shards_is_reading_their_concatenation(copy):
    import dataclasses

    from data_pipelines.store.sequences import Split, sha256

    whole = SequenceStore.open(copy).split("train")
    tokens = whole.read(np.arange(len(whole)))
    shards = []
    for number, part in enumerate(np.array_split(tokens, [100, 130])):
        np.save(copy / f"part{number}.npy", part)
        path = copy / f"part{number}.npy"
        shards.append(
            dataclasses.replace(
                whole.shards[0],
                file=path.name,
                sequences=len(part),
                bytes=path.stat().st_size,
                sha256=sha256(path),
            )
        )
    rows = np.random.default_rng(0).integers(0, len(whole), 500)
    assert np.array_equal(Split(copy, tuple(shards), whole.left_out).read(rows), tokens[rows])


def test_equal_sequences_are_read_once_and_those_held_out_never_trained_on(mixture, tmp_path):
    text = tmp_path / "text"
    text.mkdir()
    # Documents of one row each (context 32, end of sequence included), each three times over.
    lines = [f"document number {i:05d} of the lot..."[:32] for i in range(400)] * 3
    (text / "all.jsonl").write_text("".join(f'{{"text": "{line}"}}\n' for line in lines))
    config = mixture.model_copy(update={"corpus": f"text_files:{text}"})
    store = prepare_store(config.corpus, config, tmp_path / "data", SPLITS)
    rows = {s: store.split(s).read(np.arange(len(store.split(s)))) for s in SPLITS}
    contents = [row.tobytes() for split in SPLITS for row in rows[split]]
    assert len(contents) == len(set(contents)) == 400
    assert sum(shard.sequences for shard in store.manifest.left_out.values()) == 800


@pytest.mark.parametrize("damage", ["truncated", "altered", "missing"])
def test_a_damaged_shard_is_named_at_opening(copy, damage):
    shard = next(copy.glob("train-*.npy"))
    if damage == "missing":
        shard.unlink()
    else:
        content = bytearray(shard.read_bytes())
        content = content[:-7] if damage == "truncated" else content[:-1] + bytes([content[-1] ^ 1])
        shard.write_bytes(content)
    with pytest.raises(
        OstinatoError, match=f"{re.escape(str(shard))}: shard is .*{damage}.*prepare"
    ) as error:
        SequenceStore.open(copy)
    assert "\n" not in str(error.value)


def test_preparing_again_mends_a_damaged_shard_and_nothing_else(text_corpus, mixture, tmp_path):
    store = prepare_store(text_corpus, mixture, tmp_path, SPLITS)
    before = {path.name: path.read_bytes() for path in store.directory.glob("*.npy")}
    times = {path.name: path.stat().st_mtime_ns for path in store.directory.glob("*.npy")}
    broken = next(store.directory.glob("train-*.npy"))
    broken.write_bytes(b"damaged")
    SequenceStore.open.cache_clear()
    prepare_store(text_corpus, mixture, tmp_path, SPLITS)
    assert {path.name: path.read_bytes() for path in store.directory.glob("*.npy")} == before
    assert all(
        path.stat().st_mtime_ns == times[path.name]
        for path in store.directory.glob("*-of-*.npy")
        if path != broken
    )


def test_documents_can_have_a_sequence_each(text_corpus, mixture, tmp_path):
    config = mixture.model_copy(
        update={"unit": "document", "context": 300, "tokens": 300 * 64, "batch_size": 16}
    )
    store = prepare_store(text_corpus, config, tmp_path, ("test",))
    split = store.split("test")
    rows = split.read(np.arange(len(split)))
    assert len(rows) == store.manifest.splits["test"][0].documents
    assert len({row.tobytes() for row in rows}) == len(rows)
    for row in rows:
        text = np.clip(row[row != 0].astype(int) - 3, 0, 255).astype(np.uint8).tobytes()
        assert text.startswith(b"Document ")
        end = np.flatnonzero(row == 1)
        assert not end.size or (row[end[0] + 1 :] == 0).all()


@pytest.fixture(scope="module")
def in_shards(mixture, tmp_path_factory) -> Path:
    """The corpus in three shards a split, and its store as one process has packed it."""
    place, said = tmp_path_factory.mktemp("shards"), []
    corpus_builder(mixture.corpus, place).download_and_prepare(
        download_config=tfds.download.DownloadConfig(num_shards=3)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("data_pipelines.store.packing.available_cores", lambda: 1)
        prepare_store(mixture.corpus, mixture, place, SPLITS, said.append)
    assert not any("processes" in note for note in said)
    return place


def _not_packed(place: Path, copy: Path) -> Path:
    return shutil.copytree(place, copy, ignore=shutil.ignore_patterns("packed"))


@pytest.mark.slow
@pytest.mark.usefixtures("among_namesakes")
def test_shards_packed_by_several_processes_are_those_of_one(
    mixture, in_shards, tmp_path, monkeypatch
):
    place, said = _not_packed(in_shards, tmp_path / "two"), []
    monkeypatch.setattr("data_pipelines.store.packing.available_cores", lambda: 2)
    two = prepare_store(mixture.corpus, mixture, place, SPLITS, said.append)
    assert any("in 2 processes" in note for note in said)
    one = open_store(mixture.corpus, mixture, in_shards)
    first, second = (
        {path.name: path.read_bytes() for path in store.directory.iterdir()} for store in (one, two)
    )
    assert len([name for name in first if "of-00003.npy" in name]) == 9
    assert first == second


def _start(config, directory, prepare=prepare_data):
    process = readers().Process(target=prepare, args=(config, directory))
    process.start()
    return process


def _prepare_by_two(config, directory):
    """As on two cores, however many there are."""
    with mock.patch("data_pipelines.store.packing.available_cores", lambda: 2):
        prepare_data(config, directory)


def _family(process) -> list[psutil.Process]:
    """What a process has started, until it has ended itself."""
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(process.pid).children(recursive=True)
    return []


def _end_of(process) -> int:
    process.join(120)
    return process.exitcode


def _contents(config, directory):
    SequenceStore.open.cache_clear()
    store = open_store(config.corpus, config, directory)
    return {
        name: store.split(name).read(np.arange(len(store.split(name)))).tobytes() for name in SPLITS
    }


@pytest.mark.slow
def test_two_processes_preparing_at_once_end_with_one_whole_store(mixture, data_dir, tmp_path):
    processes = [_start(mixture, tmp_path) for _ in range(2)]
    assert [_end_of(process) for process in processes] == [0, 0]
    assert _contents(mixture, tmp_path) == _contents(mixture, data_dir)
    assert not list(tmp_path.rglob(".*-*.npy"))


@pytest.mark.slow
@pytest.mark.parametrize("processes", ["one process", "several processes"])
def test_killed_at_random_moments_preparation_goes_on_to_the_same_store(
    processes, mixture, data_dir, in_shards, tmp_path, monkeypatch
):
    several, place = processes == "several processes", tmp_path / "killed 0"
    rng, reach, killed, ended = np.random.default_rng(5), 4.0, 0, 0
    while killed < (1 if several else 3):
        if several and not place.exists():  # else the corpus is made under fire as well
            _not_packed(in_shards, place)
        process = _start(mixture, place, _prepare_by_two if several else prepare_data)
        while several and process.is_alive() and not _family(process):
            time.sleep(0.05)
        time.sleep(rng.uniform(0, reach))
        family = _family(process)
        process.kill()
        assert not living_after(family, seconds=1), "one goes on packing for one that is gone"
        if _end_of(process) == -signal.SIGKILL:
            killed += 1
        else:  # a fast machine: anew, and sooner
            ended, reach = ended + 1, reach / 2
            place = tmp_path / f"killed {ended}"
    monkeypatch.setattr("data_pipelines.store.packing.available_cores", lambda: 1)
    prepare_data(mixture, place)
    assert _contents(mixture, place) == _contents(mixture, in_shards if several else data_dir)


def test_a_corpus_that_is_not_prepared_is_said_so(mixture, tmp_path):
    with pytest.raises(OstinatoError, match=r"corpus: .* is not prepared in "):
        open_store(mixture.corpus, mixture, tmp_path)


def test_a_changed_corpus_gets_a_store_of_its_own(mixture, tmp_path):
    text = tmp_path / "text"
    text.mkdir()
    for i in range(200):
        (text / f"{i}.txt").write_text(f"Text number {i} of a directory that will change. " * 9)
    config = mixture.model_copy(update={"corpus": f"text_files:{text}"})
    assert not is_prepared(config, tmp_path / "data")
    prepare_data(config, tmp_path / "data")
    assert is_prepared(config, tmp_path / "data")
    assert not is_prepared(config, tmp_path / "data", ood_corpus="zipf/1MB")
    first = open_store(config.corpus, config, tmp_path / "data")
    (text / "more.txt").write_text("One more.")
    assert not is_prepared(config, tmp_path / "data")
    prepare_data(config, tmp_path / "data")
    second = open_store(config.corpus, config, tmp_path / "data")
    assert is_prepared(config, tmp_path / "data")
    (text / "more.txt").unlink()
    assert not is_prepared(config, tmp_path / "data")  # it is there, and not what is read
    assert first.directory != second.directory
    assert first.manifest.corpus_digest != second.manifest.corpus_digest
    home = store_home(config.corpus, config, tmp_path / "data")
    assert json.loads((home / first.directory.name / "manifest.json").read_text())["context"] == 32


def test_what_is_packed_is_found_without_tensorflow(mixture, data_dir):
    script = (
        "import sys; from pathlib import Path\n"
        "from data_pipelines.config import MixtureConfig\n"
        "from data_pipelines.prepare import is_prepared, prepare_data\n"
        "read = MixtureConfig.model_validate_json(sys.argv[1]), Path(sys.argv[2])\n"
        "prepare_data(*read)\n"
        "print(is_prepared(*read), 'tensorflow' in sys.modules)\n"
    )
    command = [sys.executable, "-c", script, mixture.model_dump_json(), str(data_dir)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("True False\n", "")
