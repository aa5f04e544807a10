"""Installed packages in, a deduplicated list of documents out, over a pool of processes.

The outcome depends on the packages alone, never on the number of processes. No TensorFlow in here:
it is what the processes of the pool import.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Literal, NamedTuple

import numpy as np

from data_pipelines.corpora import cleaning, dedup
from data_pipelines.corpora.documents import Document
from data_pipelines.corpora.python_sources import (
    SourceFile,
    descriptions,
    docstrings,
    read_source,
    source_files,
    without_docstrings,
)

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
    with _mapper(processes or len(os.sched_getaffinity(0))) as mapper:
        chunks = list(mapper(partial(_read, kind), _chunks(files)))
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


@contextmanager
def _mapper(processes: int):
    """A `map` that keeps the order, over fresh processes where there are to be several."""
    if processes == 1:
        yield map
        return
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        yield pool.map


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
