"""An index of texts that are found by meaning (dense vectors), by words (BM25), or by both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from strategies.search.fusion import fuse
from strategies.search.settings import Way
from strategies.search.vector_index import VectorIndex
from strategies.search.word_index import WordIndex

FUSED = 100  # the first of each order that are fused


@dataclass(frozen=True, slots=True)
class TextIndex:
    """`words` is None if only the vectors are searched. The vectors are kept in any case: `refreshed` reuses them."""

    way: Way
    vectors: VectorIndex
    words: WordIndex | None

    @staticmethod
    def of(way: Way, vectors: VectorIndex, texts: Sequence[str], language: str | None) -> TextIndex:
        return TextIndex(way, vectors, WordIndex(texts, language) if way is not Way.DENSE else None)

    def search(self, queries: Sequence[str], vectors: NDArray[np.float32], count: int) -> list[list[int]]:
        """Positions of the `count` best texts for each query, best first; fewer if there are fewer. `vectors` are those
        of the queries, [queries, dimensions]."""
        if self.words is None:
            return [list(map(int, near)) for near in self.vectors.search(vectors, count)]
        near = self.vectors.search(vectors, max(count, FUSED))
        return [self._fused(query, list(map(int, dense)), count) for query, dense in zip(queries, near, strict=True)]

    def _fused(self, query: str, dense: list[int], count: int) -> list[int]:
        worded = self.words.search(query, max(count, FUSED)) if self.words else []
        # By words alone, texts that share none follow in the order of their meaning.
        order = fuse([dense, worded]) if self.way is Way.BOTH else list(dict.fromkeys([*worded, *dense]))
        return order[:count]

    def save(self, folder: Path, name: str) -> None:
        self.vectors.save(folder / f"{name}.faiss")
        if self.words:
            self.words.save(folder / f"{name}.bm25")

    @staticmethod
    def load(folder: Path, name: str, way: Way = Way.DENSE) -> TextIndex:
        words = WordIndex.load(folder / f"{name}.bm25") if way is not Way.DENSE else None
        return TextIndex(way, VectorIndex.load(folder / f"{name}.faiss"), words)
