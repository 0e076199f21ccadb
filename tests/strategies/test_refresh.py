"""Strategies that look things up follow changed documents without learning; the others answer as before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from advisor.runs.freshness import ChangedDocuments
from eval.measuring.runner import outcome_of
from eval.outcomes import CHANGED_FACTS, NEW_FACT, OLD_FACT, TAKEN_OUT, Trial
from eval.scoring import Scorer
from eval.task import Brief, Document, Kind, Split
from strategies.contract import LooksUp, Strategy
from strategies.finetuning import Finetuning
from strategies.open_book import index_book, refreshed, searched_texts
from strategies.prompting import Prompting
from strategies.retrieval import Retrieval
from strategies.retrieval_finetuning import RetrievalFinetuning
from strategies.search.embedder import DEFAULT, Embedder, load_embedder
from strategies.search.models import SearchModels
from strategies.search.settings import SearchSettings, Way
from strategies.search_choice import SearchChoice
from tests.strategies.test_retrieval_finetuning import BUDGET, DOCUMENTS, ROWS, TOWNS
from tests.tiny_model import tiny_transformer

SPLIT = Split(ROWS[:12], ROWS[12:16], ROWS[16:])
SCORER = Scorer(Kind.ANSWERING, None, SPLIT.train, DOCUMENTS, SPLIT.test)
MOVED = tuple(replace(document, text=document.text.replace("Ek", "Frost")) for document in DOCUMENTS)


class Counting:
    """The default embedder, with the texts it was given, as the only model of a search."""

    name = DEFAULT

    def __init__(self) -> None:
        self.texts: list[str] = []

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.texts += texts
        return load_embedder().embed(texts)

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self.embed(texts)


class OneModel(SearchModels):
    def __init__(self, counting: Counting) -> None:
        self.counting = counting

    def embedder(self, name: str) -> Embedder:
        assert name == DEFAULT
        return self.counting


@pytest.mark.parametrize(
    "search",
    [
        SearchSettings(30),
        SearchSettings(30, way=Way.BOTH, example_way=Way.WORDS, language="en"),
        SearchSettings(20, titled=False, overlaps=False, neighbours=1),
    ],
    ids=["default", "words", "neighbours"],
)
def test_a_book_reads_only_what_it_does_not_hold_yet_and_is_then_as_if_indexed_anew(search: SearchSettings) -> None:
    embedder = Counting()
    models, inputs = OneModel(embedder), [row.input for row in SPLIT.train]
    book, _ = index_book(SPLIT.train, DOCUMENTS, models, SearchChoice(search), lambda progress: None)
    embedder.texts.clear()
    changed = refreshed(book, MOVED)
    of_frost = [text for text in searched_texts(changed.passages, search) if "Frost" in text]
    assert changed.search == search and sorted(embedder.texts) == sorted(of_frost)
    anew, _ = index_book(SPLIT.train, MOVED, models, SearchChoice(search), lambda progress: None)
    asked = anew.solved.index.vectors.vectors
    assert changed.passages == anew.passages
    assert changed.passage_index is not None and anew.passage_index is not None
    np.testing.assert_allclose(changed.passage_index.vectors.vectors, anew.passage_index.vectors.vectors, atol=1e-6)
    assert changed.near_passages(inputs, asked, 3) == anew.near_passages(inputs, asked, 3)
    assert changed.solved_by_reading.examples == anew.solved_by_reading.examples
    embedder.texts.clear()
    assert refreshed(book, DOCUMENTS).passages == book.passages and not embedder.texts
    empty = refreshed(book, ())
    assert not empty.passages and empty.near_passages(inputs, asked, 2) == [[] for _ in SPLIT.train]
    assert empty.solved_by_reading.examples == list(SPLIT.train)
    assert refreshed(empty, DOCUMENTS).passages == book.passages


@pytest.mark.parametrize("strategy_class", [Prompting, Finetuning, Retrieval, RetrievalFinetuning])
def test_rows_are_asked_again_after_their_documents_changed(strategy_class: Callable[..., Strategy]) -> None:
    strategy = strategy_class(Brief("tiny", Kind.ANSWERING, ""), tiny_transformer, BUDGET)
    strategy.fit(SPLIT.without_test, DOCUMENTS, lambda progress: None)
    predictions = strategy.predict([row.input for row in SPLIT.test])
    outcomes = tuple(
        outcome_of(strategy.name, row, prediction, SCORER)
        for row, prediction in zip(SPLIT.test, predictions, strict=True)
    )
    told: dict[str, tuple[int, int]] = {}

    def rows_measured(stage: str, done: int, total: int) -> None:
        told[stage] = done, total

    probes = ChangedDocuments(strategy, SPLIT, DOCUMENTS, SCORER, 0, 9, rows_measured)
    trial = probes.ask(Trial(strategy.name, "done", outcomes=outcomes))
    changed, taken_out = trial.probes[CHANGED_FACTS], trial.probes[TAKEN_OUT]
    assert len(taken_out) == 9 and 4 <= len(changed) <= 9
    assert all(outcome.parts.keys() >= {NEW_FACT, OLD_FACT} for outcome in changed)
    by_row = {outcome.example_id: outcome for outcome in outcomes}
    if isinstance(strategy, LooksUp):
        assert trial.refresh_seconds is not None and trial.refresh_seconds > 0
        assert told == {
            "asking after facts changed": (len(changed),) * 2,
            "asking without the documents": (len(taken_out),) * 2,
        }
        # What holds the answer is found where its fact changed, and is not there to be found where it was taken out.
        assert any(outcome.example_id in outcome.sources for outcome in changed)
        assert not any(outcome.example_id in outcome.sources for outcome in taken_out)
    else:
        assert trial.refresh_seconds is None and not told
        for outcome in (*changed, *taken_out):
            assert outcome.text == by_row[outcome.example_id].text


def test_a_strategy_is_left_with_its_own_documents() -> None:
    strategy = Retrieval(Brief("tiny", Kind.ANSWERING, ""), tiny_transformer, replace(BUDGET, settings=1))
    strategy.fit(SPLIT.without_test, DOCUMENTS, lambda progress: None)
    inputs = [f"Who is the mayor of {town}?" for town in TOWNS[16:20]]
    before = strategy.predict(inputs)
    strategy.refresh([Document("other", "Other", "The ferry leaves at noon.")])
    assert all("other" in answer.sources for answer in strategy.predict(inputs))
    strategy.refresh(DOCUMENTS)
    assert strategy.predict(inputs) == before
