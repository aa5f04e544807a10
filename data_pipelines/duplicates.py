"""What a corpus repeats: documents that are the same or nearly so, and stretches of text within.

The corpus is streamed. Memory does not grow with its text, only by some tens of bytes a document;
the signatures by which near duplicates are found (512 bytes a document) lie in a temporary file.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from data_pipelines.atomic import replacing
from data_pipelines.corpora import open_in
from data_pipelines.corpora.dedup import PERMUTATIONS, THRESHOLD, bands, signature, word_shingles
from data_pipelines.corpora.documents import Document
from data_pipelines.corpora.reading import Documents, open_documents
from data_pipelines.counting import Counted, Tally, windows
from data_pipelines.errors import OstinatoError
from data_pipelines.vocabularies import Tokenizer
from data_pipelines.vocabularies import tokenizer as tokenizer_of

CAPACITY = 2**22
"""Distinct stretches of text that are counted; of a corpus with more, a random share is."""

_EXAMPLES = 5
_SHOWN = 200
_PLACE = 32
"""Bits of a place that count tokens within a document; the rest count documents."""
_ROWS_AT_ONCE = 2**16


class Example(NamedTuple):
    """Something that is repeated."""

    kind: str
    """'document', 'near document' or 'span'."""
    repeats: int
    sources: tuple[str, ...]
    """Where it is found: at most three places, for spans the first alone."""
    text: str
    """How it begins."""


@dataclass(frozen=True)
class DuplicateReport:
    """What a split of a corpus repeats.

    Each table has a row for each number of `repeats` and the `tokens` of what comes up so often,
    all its occurrences counted, with their `token_share` of the split; 1 is what is not repeated.
    """

    corpus: str
    split: str
    vocabulary: str
    context: int
    documents: int
    tokens: int
    exact: pd.DataFrame
    """Same documents: repeats, documents (distinct ones), tokens, token_share."""
    near: pd.DataFrame
    """Documents nearly alike, chained in clusters of `repeats`: the same columns."""
    spans: pd.DataFrame
    """Stretches of `context` tokens by how often the same one comes up, wherever in a document it
    starts: repeats, sequences (tokens / context / repeats), tokens, token_share. A share is of
    the places where a stretch can start, so it is what a packed sequence meets."""
    sampled: float
    """Share of the distinct stretches that `spans` rests on; 1 where all were counted."""
    examples: tuple[Example, ...]

    def pools(self) -> pd.DataFrame:
        """`spans` in steps of a factor of two: the columns of `spans`, a row a pool.

        `repeats` is the mean over the sequences of a row: repeats * sequences * context are its
        tokens, but for rounding.
        """
        spans = self.spans.assign(step=np.log2(self.spans["repeats"]).astype(int))
        rows = spans.groupby("step")[["sequences", "tokens", "token_share"]].sum()
        repeats = (rows["tokens"] / self.context / rows["sequences"]).round()
        rows.insert(0, "repeats", repeats.astype(int))
        rows["sequences"] = rows["sequences"].round().clip(lower=1).astype(int)
        return rows.reset_index(drop=True)

    def write(self, path: Path) -> None:
        """Write `pools()` as CSV or Parquet, by the name; raises OstinatoError on another."""
        writers = {".csv": pd.DataFrame.to_csv, ".parquet": pd.DataFrame.to_parquet}
        if path.suffix not in writers:
            raise OstinatoError(f"{path}: write to a .csv or .parquet file")
        with replacing(path) as temporary:
            writers[path.suffix](self.pools(), temporary, index=False)


def find_duplicates(
    corpus: str,
    data_dir: Path,
    *,
    split: str = "train",
    vocabulary: str = "bytes",
    context: int = 128,
    threshold: float = THRESHOLD,
    capacity: int = CAPACITY,
    progress: Callable[[str], None] = lambda message: None,
) -> DuplicateReport:
    """Count what a split of `corpus` repeats, by documents and by stretches of `context` tokens.

    Documents are nearly alike where the Jaccard similarity of their runs of five words is estimated
    at `threshold` or more. Raises OstinatoError where the corpus cannot be made or is unknown.
    """
    documents = open_documents(corpus, split, data_dir, progress)
    tokenizer, count = tokenizer_of(vocabulary, corpus, data_dir), len(documents)
    tally, hashes, sizes = Tally(capacity), np.empty(count, np.uint64), np.empty(count, np.int64)
    with open_in(data_dir, lambda: tempfile.NamedTemporaryFile(dir=data_dir)) as file:
        for read, (place, document) in enumerate(documents):
            if read % 1000 == 0:
                progress(f"reading {corpus} {split}: document {read:,} of {count:,}")
            tokens = tokenizer.encode(document.text)
            found = windows(tokens, context)
            starts = (np.int64(place) << _PLACE) + np.arange(len(found.hashes))
            tally.add(found.hashes, found.tokens, starts)
            hashes[place], sizes[place] = _content_hash(tokens), len(tokens)
            file.seek(place * PERMUTATIONS * 4)
            file.write(signature(word_shingles(document.text)))
        file.flush()
        progress(f"comparing {count:,} documents of {corpus} {split}")
        signatures = np.memmap(file.name, np.uint32, "r", shape=(count, PERMUTATIONS))
        near = near_clusters(signatures, threshold)
        del signatures
    exact = np.unique(hashes, return_inverse=True)[1]
    spans = tally.counted()
    return DuplicateReport(
        corpus=corpus,
        split=split,
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


def near_clusters(signatures: np.ndarray, threshold: float) -> np.ndarray:
    """Cluster number of each document, int [n], from MinHash signatures, uint32 [n, permutations].

    Documents that agree in a band of their signatures are compared with the first that does
    (locality-sensitive hashing); those whose signatures agree in `threshold` of places are linked.
    """
    count, (number, rows) = len(signatures), bands(threshold)
    factors = np.random.default_rng(0).integers(2**64, size=rows, dtype=np.uint64)
    links = [np.empty((2, 0), np.int64)]
    for band in range(number):
        keys = (signatures[:, band * rows : (band + 1) * rows] * factors).sum(axis=1)
        _, first, group = np.unique(keys, return_index=True, return_inverse=True)
        pairs = np.stack([np.arange(count), first[group]])
        pairs = pairs[:, pairs[0] != pairs[1]]
        for start in range(0, pairs.shape[1], _ROWS_AT_ONCE):
            some = pairs[:, start : start + _ROWS_AT_ONCE]
            alike = (signatures[some[0]] == signatures[some[1]]).mean(axis=1) >= threshold
            links.append(some[:, alike])
    rows, columns = np.concatenate(links, axis=1)
    graph = coo_array((np.ones(len(rows), bool), (rows, columns)), shape=(count, count))
    return connected_components(graph, directed=False)[1]


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
