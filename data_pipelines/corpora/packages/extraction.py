"""Installed packages in, a deduplicated list of documents out, over several processes.

The outcome depends on the packages alone, never on the number of processes. No TensorFlow in here:
it is what those processes import.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, NamedTuple

import numpy as np

from data_pipelines.corpora import dedup
from data_pipelines.corpora.documents import Document
from data_pipelines.corpora.packages import cleaning
from data_pipelines.corpora.packages.sources import (
    SourceFile,
    descriptions,
    docstrings,
    read_source,
    source_files,
    without_docstrings,
)
from data_pipelines.system.children import child
from data_pipelines.system.cores import available_cores
from data_pipelines.system.garbage import uncollected

Kind = Literal["prose", "code"]

_CHUNK_BYTES = 2 * 2**20


class Extraction(NamedTuple):
    """Documents sorted by source, and how many there were after each step."""

    documents: list[Document]
    stages: dict[str, dict[str, int]]
    """{'found' | 'cleaned' | 'distinct' | 'not nearly alike': {'documents': ..., 'bytes': ...}};
    files that say a program wrote them are not among the found."""


class _Chunk(NamedTuple):
    found: int
    found_bytes: int
    documents: list[Document]
    signatures: list[np.ndarray]


def extract(kind: Kind, packages: Iterable[str], processes: int | None = None) -> Extraction:
    """The English prose or the code of `packages`, cleaned, without exact or near duplicates.

    Of documents that are alike the first by source stays. Raises OstinatoError where a package is
    not installed.
    """
    packages = sorted(packages)
    files = [f for f in source_files(packages) if kind == "code" or not f.is_test]
    chunks = _read_all(kind, list(_chunks(files)), processes or available_cores())
    if kind == "prose":
        chunks.append(_clean(kind, (Document(*pair) for pair in descriptions(packages))))
    stages = {"found": _counts(sum(c.found for c in chunks), sum(c.found_bytes for c in chunks))}

    pairs = [
        pair for chunk in chunks for pair in zip(chunk.documents, chunk.signatures, strict=True)
    ]
    pairs.sort(key=lambda pair: pair[0])
    stages["cleaned"] = _count(pairs)
    first: dict[str, tuple[Document, np.ndarray]] = {}
    for pair in pairs:
        first.setdefault(pair[0].text, pair)
    pairs = list(first.values())
    stages["distinct"] = _count(pairs)
    alike = dedup.first_of_kind(signature for _, signature in pairs)
    pairs = [pair for pair, earlier in zip(pairs, alike, strict=True) if earlier is None]
    stages["not nearly alike"] = _count(pairs)
    return Extraction([document for document, _ in pairs], stages)


def _read_all(kind: Kind, chunks: list[list[SourceFile]], processes: int) -> list[_Chunk]:
    """Read chunks of files, each process an equal share of them.

    Plain subprocesses rather than multiprocessing, whose children would run a caller's script again
    unless it is guarded, and come upon the corpus's lock there.
    """
    if processes == 1:
        return [_read(kind, files) for files in chunks]
    command = child(f"{__name__}:serve")

    def read(share: list[list[SourceFile]]) -> list[_Chunk]:
        task = pickle.dumps((kind, share))
        done = subprocess.run(command, input=task, stdout=subprocess.PIPE, check=True)
        return pickle.loads(done.stdout)

    with ThreadPoolExecutor(processes) as threads:
        shares = threads.map(read, (chunks[i::processes] for i in range(processes)))
        return [chunk for share in shares for chunk in share]


def serve() -> None:
    """Be a process of `extract`: a kind and chunks of files on stdin, what is in them on stdout."""
    kind, chunks = pickle.load(sys.stdin.buffer)
    # Not by `sys.stdout`: under PYTHONUNBUFFERED it loses what a stopped process was about to write.
    with open(sys.stdout.fileno(), "wb", closefd=False) as out:
        pickle.dump([_read(kind, files) for files in chunks], out)


def _chunks(files: list[SourceFile]) -> Iterator[list[SourceFile]]:
    """Runs of files of about equal size."""
    chunk, size = [], 0
    for file in files:
        chunk.append(file)
        size += file.path.stat().st_size
        if size >= _CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _read(kind: Kind, files: list[SourceFile]) -> _Chunk:
    # Until a tree is gone: right after parsing, all of it would be looked at.
    with uncollected():
        return _clean(kind, (document for file in files for document in _documents(kind, file)))


def _documents(kind: Kind, file: SourceFile) -> Iterator[Document]:
    source = read_source(file.path)
    if not source:
        return
    if kind == "code":
        if cleaning.is_generated(source.text):
            return
        yield Document(file.name, without_docstrings(*source))
        return
    for name, text in docstrings(source.module):
        yield Document(f"{file.name}:{name}" if name else file.name, text)


def _clean(kind: Kind, documents: Iterable[Document]) -> _Chunk:
    clean = cleaning.clean_prose if kind == "prose" else cleaning.clean_code
    shingles = dedup.word_shingles if kind == "prose" else dedup.line_shingles
    found = found_bytes = 0
    kept = []
    for source, text in documents:
        found += 1
        found_bytes += len(text.encode(errors="replace"))
        if cleaned := clean(text):
            kept.append(Document(source, cleaned))
    return _Chunk(found, found_bytes, kept, [dedup.signature(shingles(d.text)) for d in kept])


def _count(pairs: list[tuple[Document, np.ndarray]]) -> dict[str, int]:
    return _counts(len(pairs), sum(len(document.text.encode()) for document, _ in pairs))


def _counts(documents: int, size: int) -> dict[str, int]:
    return {"documents": documents, "bytes": size}
