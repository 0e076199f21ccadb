"""Which of a few texts answers a query best: a cross-encoder reads each text together with the query."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from strategies.search.loading import load_data


class Reranker(Protocol):
    """`name` is what `SearchModels` knows it by."""

    name: str

    def score(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """One number for each query and text, [pairs]; only their order within a query means something."""
        ...


class CrossEncoderReranker:
    """Any CrossEncoder of sentence-transformers, by its folder or hub id. Raises what `load_data` raises."""

    def __init__(self, folder_or_id: str) -> None:
        from sentence_transformers import CrossEncoder  # takes seconds to import

        self.name = folder_or_id
        self._model = load_data(CrossEncoder, folder_or_id)

    def score(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        return np.asarray(self._model.predict(list(pairs), show_progress_bar=False), dtype=np.float32)


def rerank(reranker: Reranker, input: str, order: Sequence[int], texts: Sequence[str]) -> list[int]:
    """The order of texts with its first places sorted by the reranker, which reads their `texts`."""
    first = order[: len(texts)]
    if not first:
        return []
    scores = reranker.score([(input, text) for text in texts])
    return [*(first[at] for at in np.argsort(-scores, kind="stable")), *order[len(texts) :]]
