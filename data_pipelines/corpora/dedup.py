"""Near-duplicate documents by MinHash (Broder 1997) and locality-sensitive hashing.

Signatures and index are datasketch's: pure NumPy, with hash functions that are fixed by a seed on
every platform. Hashing words into shingles is vectorised here, as it would cost the most.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from functools import cache

import numpy as np
from datasketch import MinHash, MinHashLSH

PERMUTATIONS = 128
WORDS_IN_SHINGLE = 5
THRESHOLD = 0.5
"""Jaccard similarity of shingle sets from which documents count as near duplicates."""

_AT_ONCE = 2**16
_WORD = re.compile(r"\w+")


def word_shingles(text: str) -> np.ndarray:
    """Hashes of the runs of five words in a text, whatever their case; uint32, distinct."""
    words = [zlib.crc32(word.encode()) for word in _WORD.findall(text.lower())]
    hashes = np.array(words or [0], np.uint64)
    length = min(WORDS_IN_SHINGLE, len(hashes))
    runs = np.lib.stride_tricks.sliding_window_view(hashes, length)
    powers = np.array([0x9E3779B97F4A7C15], np.uint64) ** np.arange(1, length + 1, dtype=np.uint64)
    return np.unique((runs * powers).sum(axis=1) >> np.uint64(32)).astype(np.uint32)


def line_shingles(text: str) -> np.ndarray:
    """Hashes of the lines of a text, less indentation and empty lines; uint32, distinct."""
    lines = {line.strip() for line in text.split("\n")} - {""}
    return np.array(sorted(zlib.crc32(line.encode()) for line in lines) or [0], np.uint32)


def signature(shingles: np.ndarray) -> np.ndarray:
    """MinHash signature, uint32 [128], of a set of hashes."""
    minhash = _empty().copy()
    for start in range(0, len(shingles), _AT_ONCE):
        minhash.update_batch(shingles[start : start + _AT_ONCE])
    return minhash.hashvalues


@cache
def bands(threshold: float) -> tuple[int, int]:
    """(bands, rows a band) by which candidates of a similarity are found among signatures."""
    index = MinHashLSH(threshold=threshold, num_perm=PERMUTATIONS)
    return index.b, index.r


def first_of_kind(
    signatures: Iterable[np.ndarray], threshold: float = THRESHOLD
) -> Iterator[int | None]:
    """For each document the index of an earlier one it nearly duplicates, or None if it is new.

    Only new documents are compared with later ones, so a chain of small changes is cut.
    """
    index = MinHashLSH(threshold=threshold, num_perm=PERMUTATIONS)
    new: dict[int, MinHash] = {}
    for number, values in enumerate(signatures):
        minhash = MinHash(hashvalues=values, permutations=_empty().permutations, scheme="affine32")
        candidates = [k for k in index.query(minhash) if new[k].jaccard(minhash) >= threshold]
        if candidates:
            yield min(candidates)
        else:
            index.insert(number, minhash, check_duplication=False)
            new[number] = minhash
            yield None


@cache
def _empty() -> MinHash:
    return MinHash(num_perm=PERMUTATIONS, seed=1, scheme="affine32", hashfunc=int)
