"""Search for the nearest passages against scikit-learn's brute force: time to index and to search, recall, memory.

The vectors are made up, at every size: twenty around each topic, and queries around the same topics, with variances
that fall as those of all-MiniLM-L6-v2 do. Lists (IVF) need a larger part of these vectors for the same recall than of
10,000 real ones. Vectors without topics would be harder still, but texts are not like that.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from strategies.search.vector_index import VectorIndex
from tests.benchmarks.side_by_side import rates, seconds_of

SIZES = (1_000, 100_000, 1_000_000)
DIMENSIONS = 384  # as all-MiniLM-L6-v2 gives
TOPIC = 20  # vectors around one topic
SPREAD = (
    0.9  # around a topic, against the spread of topics: the five nearest have a cosine of 0.6, real texts 0.4 to 0.7
)
QUERIES = 32
NEAREST = 5


def run(full: bool) -> list[dict[str, Any]]:
    return [_compare(size, rounds=15 if full else 5) for size in SIZES]


def _compare(size: int, rounds: int) -> dict[str, Any]:
    vectors, queries = _vectors_and_queries(size, rounds * QUERIES)
    index, indexing = seconds_of(lambda: VectorIndex(vectors))
    # Of unit vectors the nearest by distance are the nearest by cosine, and scikit-learn finds them faster.
    brute = NearestNeighbors(n_neighbors=NEAREST, algorithm="brute", metric="euclidean").fit(vectors)
    ours, alone, theirs = [], [], []
    shares = []
    for part in np.split(queries, rounds):
        found, together = seconds_of(partial(index.search, part, NEAREST))
        nearest, brutal = seconds_of(partial(brute.kneighbors, part, return_distance=False))
        _, one_by_one = seconds_of(partial(_search_one_by_one, index, part))
        ours.append(together)
        theirs.append(brutal)
        alone.append(one_by_one)
        shares += [len(set(a) & set(b)) / NEAREST for a, b in zip(found, nearest, strict=True)]
    return {
        "chunks": size,
        "indexing, seconds": indexing,
        f"ours, queries a second, {QUERIES} at a time": rates(QUERIES, ours),
        "one at a time": rates(QUERIES, alone),
        f"scikit-learn, {QUERIES} at a time": rates(QUERIES, theirs),
        "times as fast": float(np.median(theirs) / np.median(ours)),
        "recall": float(np.mean(shares)),
        "index": index.kind,
        "memory, MB": _megabytes(index),
    }


def _search_one_by_one(index: VectorIndex, queries: NDArray[np.float32]) -> None:
    for query in queries:
        index.search(query[None], NEAREST)


def _vectors_and_queries(size: int, queries: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    random = np.random.default_rng(0)
    scale = np.arange(1, DIMENSIONS + 1, dtype=np.float32) ** -0.4
    topics = random.standard_normal((size // TOPIC, DIMENSIONS), dtype=np.float32)

    def draw(count: int) -> NDArray[np.float32]:
        drawn = random.standard_normal((count, DIMENSIONS), dtype=np.float32)
        drawn *= SPREAD
        drawn += topics[random.integers(len(topics), size=count)]
        drawn *= scale
        drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
        return drawn

    return draw(size), draw(queries)


def _megabytes(index: VectorIndex) -> int:
    """What the index holds, counted as it would be written."""
    sizes: list[int] = []
    writer = faiss.PyCallbackIOWriter(lambda part: sizes.append(len(part)))  # type: ignore[attr-defined]  # no stub
    faiss.write_index(index._index, writer)
    return round(sum(sizes) / 1e6)
