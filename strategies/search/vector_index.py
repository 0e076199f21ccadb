"""Nearest vectors by inner product, with FAISS: exact up to a certain size, approximate above it, with measured recall.

The approximate index also stores 4-bit codes, one per two dimensions, a sixteenth of the size of the vectors. A search
reads all codes and then compares the best candidates exactly. Unlike lists (IVF) or a graph (HNSW), it excludes no
vector in advance, so its recall hardly depends on the data, and building takes seconds.
"""

from __future__ import annotations

import json
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

EXACT_UP_TO = 50_000  # vectors; an exact search among this many takes 10 ms on two cores
LEAST_RECALL = 0.95
RECALL_AMONG = 32  # nearest: as many as vote on labels; a prompt shows fewer, for which the recall is higher
RECALL_QUERIES = 200
CANDIDATES = 256  # compared exactly per query, and more if the recall needs it; they cost almost nothing
TRAINED_ON = 4096  # vectors; FAISS uses no more for 4-bit codes
_ROUNDING = 1e-5  # between two sums of the same products


class VectorIndex:
    """Unit vectors in, positions of the nearest out. The inner product of unit vectors is their cosine.

    `recall` is the share of the nearest vectors that a search finds: 1 if exact, otherwise measured on `queries`, or on
    stored vectors that search for others. The same vectors and queries always give the same index.
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
        """The stored vectors in the original order: [vectors, dimensions]."""
        held: NDArray[np.float32] = self._index.reconstruct_n(0, self._index.ntotal)
        return held

    @property
    def kind(self) -> str:
        """The kind of index, in words."""
        if self.is_exact:
            return "exact"
        return f"approximate, 4-bit codes, {self._candidates:,} candidates compared exactly"

    def search(self, queries: NDArray[np.float32], count: int) -> NDArray[np.int64]:
        """Positions of the `count` nearest vectors (fewer if there are fewer), best first: [queries, count]."""
        return self._search(queries, min(count, self._index.ntotal))[1]

    def search_with_cosines(
        self, queries: NDArray[np.float32], count: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """As `search`, and the cosine of each; both [queries, count]."""
        cosines, near = self._search(queries, min(count, self._index.ntotal))
        return near, cosines

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
        parameters.k_factor = max(1.0, self._candidates / count)  # candidates per requested vector
        return self._index.search(queries, count, params=parameters)

    def _reach_least_recall(self, vectors: NDArray[np.float32], queries: NDArray[np.float32] | None) -> None:
        """Measure the recall against an exact search, and double the candidates until it suffices."""
        itself = int(queries is None)  # a stored vector always finds itself, which shows nothing
        asked = _sample(vectors if queries is None else queries, RECALL_QUERIES)
        count = min(RECALL_AMONG + itself, len(vectors))
        exact, _ = faiss.knn(asked, vectors, count, metric=faiss.METRIC_INNER_PRODUCT)
        # Compare scores, not positions: any of several equal vectors will do.
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
    # Training takes many tiny steps. Threads don't speed it up, and on a busy machine they wait for each other.
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
