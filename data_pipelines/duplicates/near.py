"""Documents that are nearly alike, in clusters, by their MinHash signatures."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from data_pipelines.corpora.dedup import bands

_ROWS_AT_ONCE = 2**16


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
