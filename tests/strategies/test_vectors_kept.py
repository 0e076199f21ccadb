"""Vectors are computed once, and whoever times a setup still counts what they took."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from advisor.runs.stage_clock import StageClock
from eval.measuring.spared import spared_seconds
from eval.task import Document, Example
from strategies.open_book import index_book
from strategies.search import vectors_kept
from strategies.search.models import SearchModels
from strategies.search.settings import SearchSettings
from strategies.search.vectors_kept import embed, forget_vectors, kept_bytes, vectors_file
from strategies.search_choice import SearchChoice


class Counting:
    """Gives each text a vector of its own, and counts the texts that it was given."""

    name = "counting"

    def __init__(self, content: str = "counting 1") -> None:
        self.content, self.asked = content, list[str]()

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked += texts
        return np.array([[len(text), *text.encode()[:3]] for text in texts], dtype=np.float32)

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return -self.embed(texts)


class One(SearchModels):
    def __init__(self, embedder: Counting) -> None:
        self._one = embedder

    def embedder(self, name: str) -> Counting:
        return self._one


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_a_text_is_embedded_once_by_each_model_and_as_query_and_text() -> None:
    first, again, other = Counting(), Counting(), Counting("counting 2")
    vectors = embed(first, ["one", "two", "one"])
    assert first.asked == ["one", "two"]
    assert np.array_equal(embed(again, ["two", "three", "one"])[[2, 0, 2]], vectors) and again.asked == ["three"]
    embed(other, ["one"])
    assert other.asked == ["one"]
    assert np.array_equal(embed(again, ["one"], are_queries=True), -vectors[:1]) and again.asked == ["three", "one"]
    assert vectors_file().stat().st_mode & 0o077 == 0


def test_added_documents_alone_are_embedded() -> None:
    documents = [Document(str(at), "", f"The rule of house {at} is rule {at}.") for at in range(60)]
    rows = [Example(str(at), f"What is the rule of house {at}?", f"rule {at}") for at in range(10)]
    choice = SearchChoice(SearchSettings(30, language="en"))

    def indexed(documents: Sequence[Document]) -> Counting:
        embedder = Counting()
        index_book(rows, documents, One(embedder), SearchChoice(choice.settings), lambda progress: None)
        return embedder

    assert len(indexed(documents).asked) == 70
    added = [*documents, Document("new", "", "The rule of the garden is silence.")]
    assert indexed(added).asked == ["The rule of the garden is silence."]


def test_the_seconds_of_kept_vectors_count_in_the_stage_that_would_have_computed_them(tmp_path: Path) -> None:
    embed(Counting(), ["one", "two"])
    with sqlite3.connect(vectors_file()) as connection:
        connection.execute("UPDATE vectors SET seconds = 50")
    before = spared_seconds()
    clock = StageClock(lambda progress: None, tmp_path)
    embed(Counting(), ["one", "two", "three"])
    assert spared_seconds() - before == 100
    assert 100 < clock.stop()["getting ready"] < 110 and clock.undisturbed().get("getting ready", 100) >= 100


def test_a_damaged_file_costs_only_time() -> None:
    vectors_file().parent.mkdir(parents=True)
    vectors_file().write_bytes(b"this is no database" * 100)
    embedder = Counting()
    assert embed(embedder, ["one"]).shape == (1, 4) and embedder.asked == ["one"]


def test_the_file_stays_below_its_size_and_the_vectors_used_last_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors_kept, "MOST_BYTES", 60_000)
    for start in range(0, 3_000, 500):
        embed(Counting(), [f"text {at}" for at in range(start, start + 500)])
    assert 0 < kept_bytes() <= 60_000
    last = Counting()
    embed(last, ["text 2999", "text 0"])
    assert last.asked == ["text 0"]
    forget_vectors()
    assert kept_bytes() == 0
