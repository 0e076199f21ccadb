"""Nearest vectors by inner product, with FAISS: exact up to a size, above it approximate, with its recall measured.

The approximate index also keeps codes of 4 bits, one for two dimensions: a sixteenth of the vectors. A search reads all
codes, then compares the best candidates exactly. Unlike lists (IVF) or a graph (HNSW) it leaves no vector out
beforehand, so its recall hardly depends on how the vectors lie, and it is built in seconds.
"""

from __future__ import annotations

import json
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

EXACT_UP_TO = 50_000  # vectors: on two cores an exact search among so many takes 10 ms, which nobody notices
LEAST_RECALL = 0.95
RECALL_AMONG = 24  # nearest: the most that any setting asks for; of fewer, a larger share is found
RECALL_QUERIES = 200
CANDIDATES = 256  # compared exactly for each query, and more where the recall demands it; they cost next to nothing
TRAINED_ON = 4096  # vectors: FAISS reads no more for codes of 4 bits
_ROUNDING = 1e-5  # between two sums of the same products


class VectorIndex:
    """Unit vectors in, positions of the nearest out; the inner product of unit vectors is their cosine.

    `recall` is the share of the nearest vectors that a search finds: 1 when exact, else measured on `queries`, or on
    stored vectors looking for others. The same vectors and queries always give the same index.
    """

    def __init__(self, vectors: NDArray[np.float32], queries: NDArray[np.float32] | None = None) -> None:
        self.recall = 1.0
        self._candidates = 0
        if len(vectors) <= EXACT_UP_TO:
            self._index: faiss.Index = faiss.IndexFlatIP(vectors.shape[1])
            self._index.add(vectors)
        else:
            self._index = _coded_index(vectors)
            self._reach_least_recall(vectors, queries)

    @property
    def is_exact(self) -> bool:
        return not self._candidates

    @property
    def vectors(self) -> NDArray[np.float32]:
        """What was put in, in that order: [vectors, dimensions]."""
        held: NDArray[np.float32] = self._index.reconstruct_n(0, self._index.ntotal)
        return held

    @property
    def kind(self) -> str:
        """What the index is, in words."""
        if self.is_exact:
            return "exact"
        return f"approximate, 4-bit codes, {self._candidates:,} candidates compared exactly"

    def search(self, queries: NDArray[np.float32], count: int) -> NDArray[np.int64]:
        """Positions of the `count` nearest vectors (fewer when there are fewer), best first: [queries, count]."""
        return self._search(queries, min(count, self._index.ntotal))[1]

    def save(self, path: Path) -> None:
        faiss.write_index(self._index, str(path))
        if not self.is_exact:
            measured = {"recall": self.recall, "candidates": self._candidates}
            _measured_path(path).write_text(json.dumps(measured))

    @staticmethod
    def load(path: Path) -> VectorIndex:
        index = VectorIndex.__new__(VectorIndex)
        index._index = faiss.read_index(str(path))
        if isinstance(index._index, faiss.IndexFlat):
            index.recall, index._candidates = 1.0, 0
        else:
            measured = json.loads(_measured_path(path).read_text())
            index.recall, index._candidates = measured["recall"], measured["candidates"]
        return index

    def _search(self, queries: NDArray[np.float32], count: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        if self.is_exact:
            return self._index.search(queries, count)
        parameters = faiss.IndexRefineSearchParameters()
        parameters.k_factor = max(1.0, self._candidates / count)  # candidates for each vector asked for
        return self._index.search(queries, count, params=parameters)

    def _reach_least_recall(self, vectors: NDArray[np.float32], queries: NDArray[np.float32] | None) -> None:
        """Measures the recall against an exact search, with twice as many candidates until it suffices."""
        itself = int(queries is None)  # a stored vector always finds itself, which proves nothing
        asked = _sample(vectors if queries is None else queries, RECALL_QUERIES)
        count = min(RECALL_AMONG + itself, len(vectors))
        exact, _ = faiss.knn(asked, vectors, count, metric=faiss.METRIC_INNER_PRODUCT)
        # Held against the last exact score and not against positions: of equal vectors any one will do.
        enough = exact[:, -1:] - _ROUNDING
        self._candidates = CANDIDATES
        while True:
            found, _ = self._search(asked, count)
            self.recall = float(((found >= enough).sum(axis=1) - itself).mean() / (count - itself))
            if self.recall >= LEAST_RECALL or self._candidates >= len(vectors):
                return
            self._candidates *= 2


def _coded_index(vectors: NDArray[np.float32]) -> faiss.Index:
    dimensions = vectors.shape[1]
    codes = dimensions // 2 if dimensions % 2 == 0 else dimensions
    index = faiss.index_factory(dimensions, f"PQ{codes}x4fs,RFlat", faiss.METRIC_INNER_PRODUCT)
    # Training is many tiny steps: threads gain nothing there, and beside other work they wait for each other at each.
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        index.train(_sample(vectors, TRAINED_ON))
    finally:
        faiss.omp_set_num_threads(threads)
    index.add(vectors)
    return index


def _sample(vectors: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    if len(vectors) <= count:
        return vectors
    return vectors[np.random.default_rng(0).choice(len(vectors), count, replace=False)]


def _measured_path(path: Path) -> Path:
    return path.with_suffix(".json")
