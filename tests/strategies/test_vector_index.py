"""The nearest vectors: exact up to a size, above it approximate with the recall it says it has."""

from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np
import pytest
from numpy.typing import NDArray

from strategies.search import vector_index
from strategies.search.vector_index import VectorIndex

Vectors = NDArray[np.float32]
SIZE = 3000


def unit_vectors(count: int, dimensions: int = 64, topics: int = 60, seed: int = 0) -> Vectors:
    """Around so many topics, the same for every seed; around the origin, where no code fits well, without topics."""
    centres = np.random.default_rng(7).standard_normal((topics, dimensions))
    random = np.random.default_rng(seed)
    vectors = random.standard_normal((count, dimensions))
    if topics:
        vectors = 0.7 * vectors + centres[random.integers(topics, size=count)]
    units: NDArray[np.float32] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return units


def nearest(vectors: Vectors, queries: Vectors, count: int) -> NDArray[np.int64]:
    return np.argsort(-queries @ vectors.T, axis=1, kind="stable")[:, :count]


def recall(index: VectorIndex, vectors: Vectors, queries: Vectors, count: int) -> float:
    pairs = zip(index.search(queries, count), nearest(vectors, queries, count), strict=True)
    return float(np.mean([len(set(found) & set(exact)) / count for found, exact in pairs]))


@pytest.fixture
def small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_index, "EXACT_UP_TO", SIZE - 1)


@pytest.mark.usefixtures("small_limit")
def test_exact_up_to_the_size_and_approximate_above_it() -> None:
    vectors, queries = unit_vectors(SIZE), unit_vectors(40, seed=1)
    exact = VectorIndex(vectors[:-1], queries)
    assert exact.is_exact and exact.kind == "exact" and exact.recall == 1
    assert (exact.search(queries, 5) == nearest(vectors[:-1], queries, 5)).all()
    approximate = VectorIndex(vectors)
    assert not approximate.is_exact and approximate.kind.startswith("approximate")


def test_fewer_vectors_than_asked_for_are_all_given() -> None:
    assert sorted(VectorIndex(unit_vectors(3)).search(unit_vectors(1, seed=1), 5)[0]) == [0, 1, 2]


@pytest.mark.usefixtures("small_limit")
@pytest.mark.parametrize("count", [1, 5, 24])
def test_an_approximate_search_finds_what_it_promises_to_queries_it_has_not_seen(count: int) -> None:
    vectors, queries = unit_vectors(SIZE), unit_vectors(400, seed=1)
    index = VectorIndex(vectors)
    assert index.recall >= vector_index.LEAST_RECALL
    assert recall(index, vectors, queries, count) >= vector_index.LEAST_RECALL


@pytest.mark.usefixtures("small_limit")
@pytest.mark.parametrize("given", [True, False], ids=["queries", "stored vectors"])
def test_the_recall_is_the_one_that_others_measure_even_where_it_is_poor(
    given: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vector_index, "LEAST_RECALL", 0.0)
    monkeypatch.setattr(vector_index, "RECALL_AMONG", 4)
    monkeypatch.setattr(vector_index, "CANDIDATES", 4)
    vectors, queries = unit_vectors(SIZE, topics=0), unit_vectors(600, topics=0, seed=1)
    index = VectorIndex(vectors, queries[400:] if given else None)
    assert index.recall < 0.7
    assert index.recall == pytest.approx(recall(index, vectors, queries[:400], 4), abs=0.06)


@pytest.mark.usefixtures("small_limit")
def test_more_candidates_are_compared_until_the_recall_suffices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_index, "CANDIDATES", vector_index.RECALL_AMONG)
    vectors, queries = unit_vectors(SIZE, topics=0), unit_vectors(400, topics=0, seed=1)
    index = VectorIndex(vectors)
    assert index.recall >= vector_index.LEAST_RECALL
    assert recall(index, vectors, queries, vector_index.RECALL_AMONG) > vector_index.LEAST_RECALL - 0.01


@pytest.mark.usefixtures("small_limit")
def test_with_every_vector_a_candidate_the_search_is_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_index, "CANDIDATES", SIZE)
    vectors, queries = unit_vectors(SIZE, dimensions=33), unit_vectors(40, dimensions=33, seed=1)
    index = VectorIndex(vectors)
    assert index.recall == 1
    assert (index.search(queries, 5) == nearest(vectors, queries, 5)).all()


@pytest.mark.usefixtures("small_limit")
def test_of_equal_vectors_any_will_do() -> None:
    vectors = np.repeat(unit_vectors(SIZE // 50), 50, axis=0)
    assert VectorIndex(vectors).recall == 1


@pytest.mark.usefixtures("small_limit")
@pytest.mark.parametrize("size", [SIZE - 1, SIZE], ids=["exact", "approximate"])
def test_answers_the_same_after_saving_and_loading(size: int, tmp_path: Path) -> None:
    vectors, queries = unit_vectors(size, topics=0), unit_vectors(100, topics=0, seed=1)
    index = VectorIndex(vectors)
    index.save(tmp_path / "index.faiss")
    again = VectorIndex.load(tmp_path / "index.faiss")
    assert (again.search(queries, 5) == index.search(queries, 5)).all()
    assert (again.is_exact, again.kind, again.recall) == (index.is_exact, index.kind, index.recall)
    assert (again.vectors == vectors).all()


@pytest.mark.usefixtures("small_limit")
def test_the_same_vectors_give_the_same_answers_whatever_the_threads_and_batches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(vector_index, "LEAST_RECALL", 0.0)
    monkeypatch.setattr(vector_index, "CANDIDATES", vector_index.RECALL_AMONG)
    vectors, queries = unit_vectors(SIZE, topics=0), unit_vectors(100, topics=0, seed=1)
    index = VectorIndex(vectors)
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        again = VectorIndex(vectors)
    finally:
        faiss.omp_set_num_threads(threads)
    assert again.recall == index.recall
    assert (again.search(queries, 5) == index.search(queries, 5)).all()
    alone = np.concatenate([index.search(query[None], 5) for query in queries])
    assert (alone == index.search(queries, 5)).all()
