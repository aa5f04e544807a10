"""Before the runs: their corpora made and packed, and every run's budget held against them.

What is to be made is made in a process of its own, so that TensorFlow's memory and threads are gone when
training begins.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path

from rich.console import Console

from data_pipelines.config import MixtureConfig
from data_pipelines.errors import OstinatoError
from data_pipelines.prepare import is_prepared
from data_pipelines.store import SequenceStore
from data_pipelines.stream import open_data
from data_pipelines.system.children import child
from scaling.record import Data, Record
from sweeps.study.store import StudyDirectory


def prepare(
    runs: Sequence[Record],
    data_dir: Path,
    console: Console,
    study: StudyDirectory | None,
    beside: Callable[[], AbstractContextManager] = nullcontext,
) -> None:
    """Prepare the data of all `runs` and check that it feeds each of them.

    beside: entered while something is made.
    Raises OstinatoError where a corpus cannot be made, is too small for a run, or is another than
    the one the study's finished runs were trained on.
    """
    wanted: dict[tuple, Data] = {}
    for data in (run.data for run in runs):
        if data:
            mixture = data.mixture
            key = mixture.corpus, mixture.reading, mixture.vocabulary, mixture.context, mixture.unit
            others = mixture.vocabulary_of, mixture.facts_corpus, data.ood_corpus
            wanted.setdefault((*key, *others), data)
    with console.status("preparing data") as status, ExitStack() as held:
        # One after the other: what is made for one may be all that the next lacks.
        lacking = (data for data in wanted.values() if not _is_there(data, data_dir))
        for number, data in enumerate(lacking):
            if number == 0:
                held.enter_context(beside())
            item = {"mixture": data.mixture.model_dump(), "ood_corpus": data.ood_corpus}
            _in_a_process(item, data_dir, console, status)
            SequenceStore.open.cache_clear()  # it may hold more splits now
    mixtures = [run.data.mixture for run in runs if run.data]
    digests = {open_data(mixture, data_dir).digest for mixture in mixtures}
    corpora = {mixture.corpus for mixture in mixtures}
    if study is None or not (study.path / "grid.yaml").exists():
        return
    for record, state in study.statuses():
        digest = state.get("summary", {}).get("corpus_digest")
        corpus = record.data and record.data.mixture.corpus
        if digest and corpus in corpora and digest not in digests:
            raise OstinatoError(
                f"corpus: {corpus} is not the text that {study.path} was trained on (packages or "
                "files have changed since); give another directory"
            )


def _is_there(data: Data, data_dir: Path) -> bool:
    """Whether nothing is to be made. What is broken in what is there, the process says that would make it."""
    try:
        return is_prepared(data.mixture, data_dir, ood_corpus=data.ood_corpus)
    except OstinatoError:
        raise
    except Exception:
        return False


def _in_a_process(item: dict, data_dir: Path, console: Console, status) -> None:
    process = subprocess.Popen(
        child(f"{__name__}:main", json.dumps(item), str(data_dir)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    events, errors = process.stdout, process.stderr
    assert events and errors
    try:
        for line in events:
            event = json.loads(line)
            if "error" in event:
                raise OstinatoError(event["error"])
            status.update(event["note"])
            if not console.is_terminal:
                console.print(event["note"], soft_wrap=True)
        if process.wait():
            lines = errors.read().strip().splitlines()
            raise OstinatoError(
                f"corpus: preparing {item['mixture']['corpus']} failed: {lines[-1] if lines else '?'}"
            )
    finally:
        process.kill()
        process.wait()
        for pipe in (events, errors):
            pipe.close()


def main(item: str, data_dir: str) -> None:
    """Prepare one mixture; tells notes and errors as JSON lines."""
    import os

    events = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is no event

    from data_pipelines.prepare import prepare_data

    values = json.loads(item)
    try:
        prepare_data(
            MixtureConfig.model_validate(values["mixture"]),
            Path(data_dir),
            ood_corpus=values["ood_corpus"],
            progress=lambda note: print(json.dumps({"note": note}), file=events),
        )
    except OstinatoError as error:
        print(json.dumps({"error": str(error)}), file=events)
