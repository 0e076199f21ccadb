"""A search is chosen by what it finds for training rows, and the default stays where chance may explain the gain."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np

from eval.scoring import scorer_while_learning
from eval.task import Brief, Document, Example, Kind, LearningSplit
from strategies.contract import Progress
from strategies.open_book import index_book
from strategies.presets import Budget
from strategies.prompts import as_asked
from strategies.search.embedder import DEFAULT
from strategies.search.models import SearchModels
from strategies.search.settings import SearchSettings, Way
from strategies.search_choice import SearchChoice, _is_better, _within_documents, choose_search, judge_by
from strategies.search_quality import search_quality

BUDGET = Budget(test_rows=8, dev_rows=6, latency_rows=2, settings=3, training_tokens=600, epochs=1, answer_tokens=6)


class DefaultModel(SearchModels):
    """Only the default embedder, so that the choice takes a second."""

    @property
    def embedders(self) -> list[str]:
        return [DEFAULT]

    @property
    def rerankers(self) -> list[str]:
        return []


def parts(count: int) -> tuple[list[Document], list[Example]]:
    """A catalogue in which only the number tells parts apart, which words find and vectors don't."""
    chance = Random(0)
    numbers = [f"{chance.choice('XKQ')}{chance.randint(10_000, 99_999)}" for _ in range(count)]
    colours = [f"{chance.choice(['pale', 'dark', 'deep'])} {chance.choice(['red', 'blue', 'green'])}" for _ in numbers]
    documents = [
        Document(number, "", f"The spare part {number} of our pump comes in {colour} number {at}.")
        for at, (number, colour) in enumerate(zip(numbers, colours, strict=True))
    ]
    rows = [
        Example(number, f"Which colour has the spare part {number} of the pump?", f"{colour} number {at}")
        for at, (number, colour) in enumerate(zip(numbers, colours, strict=True))
    ]
    return documents, rows


def chosen(rows: list[Example], documents: list[Document], budget: Budget = BUDGET) -> SearchChoice:
    brief = Brief("parts", Kind.ANSWERING, "")
    scorer = scorer_while_learning(brief, LearningSplit(tuple(rows), ()), documents)
    return choose_search(rows, documents, DefaultModel(), budget, judge_by(scorer), lambda progress: None)


def test_words_are_searched_where_they_find_more_and_what_was_tried_is_told() -> None:
    documents, rows = parts(120)
    choice = chosen(rows[:80], documents)
    assert choice.settings.way is not Way.DENSE and not choice.notes
    found = {one["search"]: one["found"] for one in reversed(choice.tried) if "search" in one}
    assert found[choice.settings.way.value] > found["dense"] + 0.2
    book, _ = index_book(rows[:80], documents, DefaultModel(), choice, lambda progress: None)
    split = LearningSplit(tuple(rows[:80]), tuple(rows[80:]))
    quality = search_quality(book, split, documents, Kind.ANSWERING, choice.judged_on, 40)
    assert quality is not None and quality.finds == "passages" and quality.rows == 40 and quality.reranked is None
    assert quality.first.hits[0] > 0.9 and quality.first.hits == tuple(sorted(quality.first.hits))
    # The same settings are kept, without a search for them, where only the number of rows changes.
    settled = replace(BUDGET, settled=choice.settings.shown(True))
    again = chosen(rows[:40], documents, settled)
    assert again.settings == choice.settings and not again.tried


def test_the_default_stays_where_too_few_rows_can_tell_and_a_note_says_so() -> None:
    documents, rows = parts(30)
    unanswered = [replace(row, target="nobody knows") for row in rows]
    choice = chosen(unanswered, documents)
    assert choice.settings == SearchSettings(30, language="en")
    assert choice.notes == [
        "Too few training rows (0) show which passage answers them, so we couldn't compare ways to search and kept the "
        "default."
    ]


def test_the_language_of_a_single_document_is_known() -> None:
    documents, rows = parts(80)
    handbook = Document("handbook", "", "\n".join(one.text for one in documents))
    assert chosen(rows, [handbook]).settings.language == "en"


def test_the_default_stays_where_documents_are_long_and_a_note_says_so() -> None:
    documents, rows = parts(60)
    manual = Document("manual", "", "\n".join([*(one.text for one in documents), "Turn it off first. " * 6_000]))
    choice = chosen(rows, [manual])
    assert choice.settings.way is Way.DENSE
    assert choice.notes[0].startswith("The documents with the answers are too long")


def test_solved_examples_are_found_by_what_brings_the_right_labels() -> None:
    chance = Random(1)
    words = ["lamp", "kettle", "chair", "mirror", "carpet", "ladder", "bottle", "camera"]
    rows = [
        Example(f"r{at}", f"{chance.choice(words)} {chance.choice(words)} {chance.choice(words)} {code}", code[:2])
        for at, code in enumerate(f"{chance.choice(['qa', 'qb', 'qc'])}x" for _ in range(120))
    ]
    labels = ("qa", "qb", "qc")
    brief = Brief("codes", Kind.CLASSIFICATION, "", labels)
    scorer = scorer_while_learning(brief, LearningSplit(tuple(rows), ()), ())
    heard: list[Progress] = []
    choice = choose_search(rows, (), DefaultModel(), BUDGET, judge_by(scorer), heard.append)
    assert [(one.done, one.total) for one in heard] == [(0, 3), (1, 3), (2, 3), (3, 3)]
    tried = {one["example search"]: one["found"] for one in choice.tried}
    assert tried[choice.settings.example_way.value] == max(tried.values()) > 0.5
    book, _ = index_book(rows[:100], (), DefaultModel(), choice, lambda progress: None)
    split = LearningSplit(tuple(rows[:100]), tuple(rows[100:]))
    quality = search_quality(book, split, (), Kind.CLASSIFICATION, frozenset(), 40)
    assert quality is not None and quality.finds == "examples" and quality.rows == 20


def test_a_gain_counts_only_beyond_chance() -> None:
    before = np.zeros(60)
    few, many = before.copy(), before.copy()
    few[:2], many[:12] = 1, 1
    assert not _is_better(few, before) and _is_better(many, before) and not _is_better(before, before)


def test_the_documents_with_answers_are_searched_first_and_rows_of_huge_ones_do_not_count() -> None:
    from strategies.search.relevance import sought_by

    documents = [Document(f"d{at}", "", f"answer{at} " * (10 if at else 5_000)) for at in range(9)]
    rows = [Example(f"r{at}", f"What is number {at}?", f"answer{at}") for at in range(4)]
    some, sought = _within_documents(sought_by(rows, documents), documents, 200)
    assert [one.row.id for one in sought] == ["r1", "r2", "r3"]
    assert {"d1", "d2", "d3"} <= {one.id for one in some} and "d0" not in {one.id for one in some}


def test_answers_longer_than_any_passage_leave_nothing_to_tell() -> None:
    """They stand in a document, and no passage holds one whole."""
    documents = [
        Document(f"d{at}", "", " ".join(f"Step {at}.{step} is done." for step in range(60))) for at in range(30)
    ]
    rows = [Example(one.id, f"How is number {at} done?", one.text) for at, one in enumerate(documents)]
    choice = chosen(rows[:24], documents)
    book, _ = index_book(rows[:24], documents, DefaultModel(), choice, lambda progress: None)
    split = LearningSplit(tuple(rows[:24]), tuple(rows[24:]))
    assert search_quality(book, split, documents, Kind.WRITING, choice.judged_on, 40) is None


def test_several_labels_are_the_same_in_any_order() -> None:
    rows = [
        Example(f"r{at}", f"the {thing} is late and wrong", "late; wrong") for at, thing in enumerate("abcdefghijkl")
    ]
    split = as_asked(LearningSplit(tuple(rows[:6]), tuple(rows[6:])), Kind.MULTI_LABEL)
    assert len({row.target for row in split.train + split.dev}) == 2
    book, _ = index_book(split.train, (), DefaultModel(), SearchChoice(SearchSettings(30)), lambda progress: None)
    quality = search_quality(book, split, (), Kind.MULTI_LABEL, frozenset(), 40)
    assert quality is not None and quality.first.hits == (1, 1, 1) and quality.first.ndcg == 1


def test_inputs_longer_than_all_that_is_searched_keep_the_default() -> None:
    rows = [Example(f"r{at}", f"{at} " + "word " * 30_000, "late") for at in range(24)]
    choice = choose_search(rows, (), DefaultModel(), BUDGET, lambda text, row: 1.0, lambda progress: None)
    assert choice.settings.example_way is Way.DENSE and not choice.tried
    assert choice.notes == [
        "The training rows are too long to compare ways to find solved examples quickly, so we kept the default."
    ]
