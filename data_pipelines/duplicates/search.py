"""What a corpus repeats: documents that are the same or nearly so, and stretches of text within.

The corpus is streamed. Memory does not grow with its text, only by some tens of bytes a document;
the signatures by which near duplicates are found (512 bytes a document) lie in a temporary file.
"""

from __future__ import annotations

import hashlib
import tempfile
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from data_pipelines.config import AS_THEY_ARE, Reading
from data_pipelines.corpora import open_in
from data_pipelines.corpora.dedup import PERMUTATIONS, THRESHOLD, signature, word_shingles
from data_pipelines.corpora.documents import Document
from data_pipelines.corpora.reading import Documents, open_documents
from data_pipelines.duplicates.counting import Counted, Tally, windows
from data_pipelines.duplicates.near import near_clusters
from data_pipelines.duplicates.report import DuplicateReport, Example
from data_pipelines.system.pace import Pace
from data_pipelines.vocabularies import Tokenizer
from data_pipelines.vocabularies import tokenizer as tokenizer_of

CAPACITY = 2**22
"""Distinct stretches of text that are counted; of a corpus with more, a random share is."""

_EXAMPLES = 5
_NOTE_SECONDS = 0.5
_SHOWN = 200
_PLACE = 32
"""Bits of a place that count tokens within a document; the rest count documents."""


def find_duplicates(
    corpus: str,
    data_dir: Path,
    *,
    split: str | None = None,
    reading: Reading = AS_THEY_ARE,
    vocabulary: str = "bytes",
    context: int = 128,
    threshold: float = THRESHOLD,
    capacity: int = CAPACITY,
    progress: Callable[[str], None] = lambda message: None,
) -> DuplicateReport:
    """Count what `corpus`, or a split of it, repeats, by documents and by stretches of `context` tokens.

    `reading` is how a user's own files are read, `progress` is told in words how far it is. Documents are nearly alike where the Jaccard similarity of their runs of five words is estimated
    at `threshold` or more. Raises OstinatoError where the corpus cannot be made or is unknown.
    """
    documents = open_documents(corpus, split, data_dir, progress, reading)
    tokenizer, tally = tokenizer_of(vocabulary, corpus, data_dir, reading), Tally(capacity)
    places, contents, lengths = array("q"), array("Q"), array("q")
    progress(f"reading {corpus}")
    pace = Pace(progress, _NOTE_SECONDS)
    pace.begin(f"reading {corpus}")
    with open_in(data_dir, lambda: tempfile.NamedTemporaryFile(dir=data_dir)) as file:
        for place, document in documents:
            pace(documents.share)
            tokens = tokenizer.encode(document.text)
            found = windows(tokens, context)
            starts = (np.int64(place) << _PLACE) + np.arange(len(found.hashes))
            tally.add(found.hashes, found.tokens, starts)
            places.append(place)
            contents.append(_content_hash(tokens))
            lengths.append(len(tokens))
            file.seek(place * PERMUTATIONS * 4)
            file.write(signature(word_shingles(document.text)))
        file.flush()
        count = len(places)
        progress(f"comparing {count:,} documents of {corpus}")
        signatures = np.memmap(file.name, np.uint32, "r", shape=(count, PERMUTATIONS))
        near = near_clusters(signatures, threshold)
        del signatures
    order = np.argsort(places)
    hashes, sizes = np.array(contents)[order], np.array(lengths)[order]
    exact = np.unique(hashes, return_inverse=True)[1]
    spans = tally.counted()
    return DuplicateReport(
        corpus=corpus,
        split=split or "all",
        left_out=dict(documents.left_out),
        vocabulary=vocabulary,
        context=context,
        documents=count,
        tokens=int(sizes.sum()),
        exact=_document_table(exact, sizes),
        near=_document_table(near, sizes),
        spans=_span_table(spans, context, int(sizes.sum())),
        sampled=spans.share,
        examples=tuple(_examples(documents, tokenizer, exact, near, spans, context)),
    )


def _content_hash(tokens: np.ndarray) -> int:
    return int.from_bytes(hashlib.blake2b(tokens.tobytes(), digest_size=8).digest())


def _document_table(groups: np.ndarray, sizes: np.ndarray) -> pd.DataFrame:
    """Histogram over groups of documents, int [n], that are `sizes` tokens long."""
    table = pd.DataFrame(
        {
            "repeats": np.bincount(groups),
            "documents": 1,
            "tokens": np.bincount(groups, sizes).astype(np.int64),
        }
    )
    table = table.groupby("repeats", as_index=False).sum()
    return table.assign(token_share=table["tokens"] / sizes.sum())


def _span_table(spans: Counted, context: int, total: int) -> pd.DataFrame:
    """Histogram over stretches; what a sample lacks is made up for in proportion."""
    table = pd.DataFrame({"repeats": spans.repeats, "tokens": spans.tokens})
    table = table.groupby("repeats", as_index=False).sum()
    share = table["tokens"] / table["tokens"].sum()
    table["tokens"] = (share * total).round().astype(np.int64)
    table.insert(1, "sequences", share * total / context / table["repeats"])
    return table.assign(token_share=share)


def _examples(
    documents: Documents,
    tokenizer: Tokenizer,
    exact: np.ndarray,
    near: np.ndarray,
    spans: Counted,
    context: int,
) -> Iterator[Example]:
    """The most repeated of each kind, looked up in a second reading as far as is needed."""
    wanted = [
        (kind, count, tuple(members))
        for kind, groups in (("document", exact), ("near document", near))
        for count, members in _largest(groups)
    ]
    starts = _most_repeated(spans)
    needed = {m for _, _, members in wanted for m in members} | {p >> _PLACE for _, p in starts}
    found: dict[int, Document] = {}
    for place, document in documents:
        if len(found) == len(needed):
            break
        if place in needed:
            found[place] = document
    for kind, count, members in wanted:
        sources = tuple(found[m].source for m in members)
        yield Example(kind, count, sources, found[members[0]].text[:_SHOWN])
    for count, place in starts:
        document, start = found[place >> _PLACE], place & (2**_PLACE - 1)
        text = tokenizer.decode(tokenizer.encode(document.text)[start : start + context])
        yield Example("span", count, (document.source,), text)


def _largest(groups: np.ndarray) -> Iterator[tuple[int, list[int]]]:
    """(size, first three members) of the largest groups that have more than one member."""
    sizes = np.bincount(groups)
    for group in np.argsort(-sizes, kind="stable")[:_EXAMPLES]:
        if sizes[group] > 1:
            yield int(sizes[group]), np.flatnonzero(groups == group)[:3].tolist()


def _most_repeated(spans: Counted) -> list[tuple[int, int]]:
    """(repeats, place) of the most repeated stretches, one a document."""
    best: dict[int, tuple[int, int]] = {}
    for number in np.argsort(-spans.repeats, kind="stable"):
        repeats, place = int(spans.repeats[number]), int(spans.place[number])
        if repeats == 1 or len(best) == _EXAMPLES:
            break
        best.setdefault(place >> _PLACE, (repeats, place))
    return list(best.values())
