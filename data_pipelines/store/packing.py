"""Write a corpus as packed sequences: a seqio task in, the shards of a `SequenceStore` out.

Each shard of the corpus becomes one shard of the store, by itself and in the corpus's order, so
shards can be written in parallel, and an interrupted preparation goes on where it stopped.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from data_pipelines.config import MixtureConfig
from data_pipelines.corpora.documents import BY_SEQUENCE, TEST_PERCENT, VALIDATION_PERCENT
from data_pipelines.errors import OstinatoError
from data_pipelines.store.rows import ROWS, Documents
from data_pipelines.store.sequences import (
    MANIFEST,
    SHARD,
    SPLITS,
    Manifest,
    Shard,
    check_shard,
    row_digests,
    sha256,
    token_type,
)
from data_pipelines.store.tasks import corpus_task
from data_pipelines.system.atomic import replacing, write_json
from data_pipelines.system.children import child
from data_pipelines.system.cores import available_cores
from data_pipelines.system.pace import Pace
from data_pipelines.system.quiet import seqio

_NOTE_SECONDS = 5.0


def pack(
    corpus: str,
    config: MixtureConfig,
    data_dir: Path,
    directory: Path,
    made_of: dict[str, Any],
    *,
    splits: tuple[str, ...],
    progress: Callable[[str], None],
) -> Manifest:
    """Write `splits` of a prepared corpus to `directory` and return the manifest, written last.

    `config` gives vocabulary, context and unit, `made_of` what the manifest shall say of the corpus.
    Shards that are already there are kept. Of a corpus that has too few documents to be split, all
    are packed, and its sequences are split, unless train alone is asked for: then all is packed as it
    is, what it repeats as well. Raises OstinatoError where a split has not one sequence.
    """
    task = _task(corpus, config, data_dir)
    as_it_is = splits == ("train",)
    by_sequence = not as_it_is and not set(SPLITS) <= set(task.splits)
    whole = ("train",) if by_sequence else splits
    places = [_Place(s, i, n) for s in whole for n in [_count(task, s)] for i in range(n)]
    _pack_in_processes(corpus, config, data_dir, directory, places, progress)
    packed: dict[str, tuple[Shard, ...]] = dict.fromkeys((*whole, *splits), ())
    for place in places:  # those that a process has packed are there
        progress(f"packing {corpus} {place.split} {place.number + 1}/{place.total}")
        packed[place.split] += (_shard(task, config, directory, place, progress),)
    if by_sequence:
        packed |= _held_out(corpus, directory, packed["train"])
        packed = {split: packed[split] for split in splits}
    for split, shards in packed.items():
        if not sum(shard.sequences for shard in shards):
            raise OstinatoError(
                f"corpus: {corpus} has not one whole sequence of context {config.context} in its "
                f"{split} split; give more text or a shorter context"
            )
    progress(f"looking for equal sequences in {corpus}")
    manifest = Manifest(
        corpus=corpus,
        vocabulary=config.vocabulary,
        vocabulary_size=task.output_features["targets"].vocabulary.vocab_size,
        context=config.context,
        unit=config.unit,
        splits=packed,
        left_out=_leave_out(directory, packed, none=as_it_is),
        split_by=BY_SEQUENCE if by_sequence else "document",
        **made_of,
    )
    write_json(directory / "manifest.json", MANIFEST.dump_python(manifest, mode="json"))
    return manifest


class _Place(NamedTuple):
    """A shard among those of its split."""

    split: str
    number: int
    total: int

    def path(self, directory: Path) -> Path:
        return directory / f"{self.split}-{self.number:05d}-of-{self.total:05d}.npy"


def _task(corpus: str, config: MixtureConfig, data_dir: Path) -> seqio.Task:
    return corpus_task(
        corpus,
        config.vocabulary,
        data_dir,
        vocabulary_corpus=config.vocabulary_corpus,
        reading=config.reading,
    )


def _count(task: seqio.Task, split: str) -> int:
    return len(task.source.list_shards(split))


def _pack_in_processes(
    corpus: str,
    config: MixtureConfig,
    data_dir: Path,
    directory: Path,
    places: list[_Place],
    progress: Callable[[str], None],
) -> None:
    """Share the shards that are not there among processes, one a core, where there are several.

    What one of them does not finish is left to the caller, which meets its error then.
    """
    missing = [place for place in places if not _recorded(directory, place)]
    # A split of one small shard is packed sooner than another TensorFlow is loaded.
    large = [place for place in missing if place.total > 1]
    cores = min(available_cores(), len(large))
    if cores < 2:
        return
    task = [corpus, config.model_dump(mode="json"), str(data_dir), str(directory)]
    command = child(f"{__name__}:serve")
    processes = []
    try:
        for number in range(cores):
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                text=True,
                stdout=subprocess.DEVNULL,
            )
            processes.append(process)
            assert process.stdin  # a pipe
            process.stdin.write(json.dumps([*task, large[number::cores]]))
            process.stdin.close()
        what = f"packing {corpus} in {cores} processes, {len(large)} shards"
        progress(what)
        pace = Pace(progress, _NOTE_SECONDS)
        pace.begin(what)
        while any(process.poll() is None for process in processes):
            pace(sum(_recorded(directory, place) for place in large) / len(large))
            time.sleep(0.5)
    finally:
        for process in processes:
            process.kill()
            process.wait()


def serve() -> None:
    """Be a process of `pack`: what to pack comes as JSON on stdin."""
    corpus, config, data_dir, directory, places = json.load(sys.stdin)
    config = MixtureConfig.model_validate(config)
    task = _task(corpus, config, Path(data_dir))
    for place in places:
        _shard(task, config, Path(directory), _Place(*place))


def _recorded(directory: Path, place: _Place) -> bool:
    return place.path(directory).with_suffix(".json").exists()


def _shard(
    task: seqio.Task,
    config: MixtureConfig,
    directory: Path,
    place: _Place,
    progress: Callable[[str], None] = lambda message: None,
) -> Shard:
    """Pack one shard, unless it is there undamaged."""
    path = place.path(directory)
    record = path.with_suffix(".json")
    if record.exists():
        shard = SHARD.validate_json(record.read_bytes())
        try:
            check_shard(directory, shard, checksum=True)
            return shard
        except OstinatoError:
            pass  # damaged: written anew
    documents, length = Documents(task, *place, progress), config.context + 1
    rows = ROWS[config.unit](documents, length)
    dtype = token_type(task.output_features["targets"].vocabulary.vocab_size)
    blocks = [block.astype(dtype) for block in rows]
    tokens = np.concatenate(blocks) if blocks else np.empty((0, length), dtype)
    shard = _write(path, tokens, documents.count)
    write_json(record, SHARD.dump_python(shard, mode="json"))
    return shard


def _write(path: Path, rows: np.ndarray, documents: int = 0) -> Shard:
    with replacing(path) as temporary:
        np.save(temporary, rows)
        size, digest = temporary.stat().st_size, sha256(temporary)
    return Shard(path.name, len(rows), documents, size, digest)


def _held_out(
    corpus: str, directory: Path, shards: tuple[Shard, ...]
) -> dict[str, tuple[Shard, ...]]:
    """Write the validation and the test split of a corpus whose documents are all in train.

    Of the distinct rows the 2 % with the least digests are one, the next 2 % the other, at least one
    row each: by content alone. `_leave_out` takes them, and all that equal them, out of train.
    """
    maps = [np.load(directory / shard.file, mmap_mode="r") for shard in shards]
    digests = np.concatenate([row_digests(rows) for rows in maps])
    _, first = np.unique(digests, return_index=True)  # in the order of the digests
    if len(first) < len(SPLITS):
        raise OstinatoError(
            f"corpus: {corpus} has {len(first)} distinct sequences, fewer than its three splits; "
            "give more text or a shorter context"
        )
    starts = np.cumsum([0, *(len(rows) for rows in maps)])
    written: dict[str, tuple[Shard, ...]] = {}
    taken = 0
    for split, percent in (("validation", VALIDATION_PERCENT), ("test", TEST_PERCENT)):
        count = max(1, len(first) * percent // 100)
        rows = np.sort(first[taken : taken + count])
        shard = np.searchsorted(starts, rows, side="right") - 1
        tokens = np.stack([maps[s][row - starts[s]] for s, row in zip(shard, rows, strict=True)])
        written[split] = (_write(_Place(split, 0, 1).path(directory), tokens),)
        taken += count
    return written


def _leave_out(
    directory: Path, packed: dict[str, tuple[Shard, ...]], none: bool
) -> dict[str, Shard]:
    """Write, for each split, the rows whose content an earlier row has, or none of them; 8 bytes of
    memory a row."""
    splits = [split for split in reversed(SPLITS) if split in packed]
    shards = [shard for split in splits for shard in packed[split]]
    digests = np.concatenate(
        [row_digests(np.load(directory / shard.file, mmap_mode="r")) for shard in shards]
    )
    _, first = np.unique(digests, return_index=True)
    again = np.full(len(digests), not none)
    again[first] = False
    result, start = {}, 0
    for split in splits:
        count = sum(shard.sequences for shard in packed[split])
        rows = np.flatnonzero(again[start : start + count])
        result[split] = _write(directory / f"{split}-left-out.npy", rows)
        start += count
    return result
