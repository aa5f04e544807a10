"""What tests of several rooms share: small real corpora, made once for all processes of a session."""

import fcntl
import gc
import os
import random
import shutil
import signal

# No accelerator look-up, and one thread: a test process has a core to itself, as a worker has.
os.environ |= {"JAX_PLATFORMS": "cpu", "PJRT_NPROC": "1", "OMP_NUM_THREADS": "1"}

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from data_pipelines.config import MixtureConfig
from data_pipelines.system.garbage import seldom
from tests.flags import HARDLY_OPTIMISED, with_flags

# Most tests compile for longer than they run.
os.environ |= with_flags(*HARDLY_OPTIMISED)

seldom()  # as commands and workers do; up to a tenth of a file's time

# A shell has what it starts in the background ignore Ctrl-C, and what that starts as well.
signal.signal(signal.SIGINT, signal.default_int_handler)

WORDS = ["the", "pool", "is", "seen", "again", "while", "fresh", "text", "goes", "by", "once"]


def pytest_configure(config):
    """What one test has compiled, in whatever process, later ones need not."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        import jax

        jax.numpy.zeros(1)  # reads XLA_FLAGS, before a test sets others for what it starts
        return  # the first process's directory is handed down
    directory = TemporaryDirectory(prefix="compiled-")
    config.add_cleanup(directory.cleanup)
    os.environ["JAX_COMPILATION_CACHE_DIR"] = directory.name
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    # Else a program's key holds the directory, and in a copy of it nothing is found.
    os.environ["JAX_PERSISTENT_CACHE_ENABLE_XLA_CACHES"] = "none"


def pytest_collection_finish():
    """What has been imported stays: no need to look through it for garbage again."""
    gc.freeze()


def pytest_collection_modifyitems(items):
    """Files with most slow tests first, so that no process is left alone with one of them."""
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: -slow[item.path])


@contextmanager
def made_once(place: Path) -> Iterator[bool]:
    """Whether `place` is still to be made, by this one of the session's test processes."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.with_name(f"{place.name}.made").open("a+") as note:
        fcntl.flock(note, fcntl.LOCK_EX)
        note.seek(0)
        yield not note.read()
        note.write("made")


@pytest.fixture(scope="session")
def session_dir(tmp_path_factory) -> Path:
    """A directory that all processes of the session share."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "session"


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """For a test that kills: what others have compiled is there, and what it leaves half written none of
    them reads."""
    own = shutil.copytree(os.environ["JAX_COMPILATION_CACHE_DIR"], tmp_path / "compiled")
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(own))


@pytest.fixture
def among_namesakes(tmp_path, monkeypatch):
    """The working directory is one of a user whose files have the names of ours and of Python's."""
    home, ran = tmp_path / "namesakes", tmp_path / "ran"
    for room in ("analysis", "data_pipelines", "scaling", "sweeps"):
        (home / room).mkdir(parents=True)
        (home / room / "__init__.py").touch()
    for file in [*home.glob("*/__init__.py"), home / "queue.py", home / "json.py"]:
        file.write_text(
            f"open({str(ran)!r}, 'a').write({file.name!r}); raise SystemExit('foreign')"
        )
    monkeypatch.chdir(home)
    yield home
    assert not ran.exists(), "a user's file was run"


@pytest.fixture(scope="session")
def text_corpus(session_dir) -> str:
    """A user's directory of text: 4,000 short documents of about 270 bytes, all different."""
    directory = session_dir / "text"
    with made_once(directory) as to_make:
        if to_make:
            _write_text(directory)
    return f"text_files:{directory}"


def _write_text(directory: Path) -> None:
    directory.mkdir()
    rng = random.Random(0)
    lines = [
        f"Document {i}. " + " ".join(f"{rng.choice(WORDS)}{rng.randrange(100)}" for _ in range(40))
        for i in range(4000)
    ]
    for part in range(4):
        (directory / f"part{part}.jsonl").write_text(
            "".join(f'{{"text": "{line}"}}\n' for line in lines[part::4])
        )


@pytest.fixture(scope="session")
def data_dir(session_dir) -> Path:
    """Where this session's corpora are prepared."""
    return session_dir / "data"


@pytest.fixture(scope="session")
def mixture(text_corpus, data_dir) -> MixtureConfig:
    """A prepared mixture: 960 sequences of 32 tokens in 60 steps, half of them 12 seen 40 times."""
    from data_pipelines.prepare import prepare_data

    config = MixtureConfig(
        corpus=text_corpus,
        context=32,
        batch_size=16,
        tokens=60 * 16 * 32,
        repeated_fraction=0.5,
        repeats=40,
    )
    with made_once(data_dir / "mixture") as to_make:
        if to_make:
            prepare_data(config, data_dir)
    return config


@pytest.fixture(scope="session")
def preferences(data_dir) -> MixtureConfig:
    """Prepared comparisons of samples, in the words of a small corpus: 64 of them, each seen 4 times."""
    from data_pipelines.prepare import prepare_data

    fields = {"context": 64, "batch_size": 16, "unit": "document", "vocabulary": "words:209"}
    config = MixtureConfig(
        corpus="preferences/2000-samples-seed0-words40",
        vocabulary_of="zipf/40kB-words40",
        tokens=256 * 64,
        repeated_fraction=1.0,
        repeats=4,
        order="epochs",
        **fields,
    )
    with made_once(data_dir / "preferences") as to_make:
        if to_make:
            prepare_data(config, data_dir)
    return config
