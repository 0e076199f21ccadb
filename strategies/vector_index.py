"""Nearest vectors by inner product, exact, with FAISS."""

from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray


class VectorIndex:
    """Unit vectors in, positions of the nearest out; the inner product of unit vectors is their cosine."""

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        self._index: faiss.Index = faiss.IndexFlatIP(vectors.shape[1])
        self._index.add(vectors)

    def search(self, queries: NDArray[np.float32], count: int) -> NDArray[np.int64]:
        """Positions of the `count` nearest vectors (fewer when there are fewer), best first: [queries, count]."""
        _, positions = self._index.search(queries, min(count, self._index.ntotal))
        return positions

    def save(self, path: Path) -> None:
        faiss.write_index(self._index, str(path))

    @staticmethod
    def load(path: Path) -> VectorIndex:
        index = VectorIndex.__new__(VectorIndex)
        index._index = faiss.read_index(str(path))
        return index
