"""How well the chosen search finds answers, on rows that it wasn't chosen on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from eval.mapping.label_sets import labels_in
from eval.outcomes import RankQuality, SearchQuality
from eval.task import LABELLED, Document, Example, Kind, LearningSplit
from strategies.open_book import OpenBook
from strategies.search.quality import HITS_AT, rank_quality
from strategies.search.relevance import Sought, sought_by

FEWEST_ROWS = 5


def search_quality(
    book: OpenBook,
    split: LearningSplit,
    documents: Sequence[Document],
    kind: Kind,
    chosen_on: frozenset[str],
    most: int,
) -> SearchQuality | None:
    """Of passages if there are documents, else of solved examples with the same labels. Dev rows come first, then
    training rows, at most `most`. None if too few rows can tell."""
    if documents:
        unseen = [row for row in split.train if row.id not in chosen_on]
        return _of_passages(book, sought_by([*split.dev, *unseen[: 4 * most]], documents)[:most])
    if kind in LABELLED and len(split.dev) >= FEWEST_ROWS:
        return _of_examples(book, split.dev[:most])
    return None


def _of_passages(book: OpenBook, sought: Sequence[Sought]) -> SearchQuality | None:
    by_document: dict[str, list[int]] = {}
    for at, passage in enumerate(book.passages):
        by_document.setdefault(passage.document_id, []).append(at)
    found = []  # each input with the passages that are right; an answer that no passage holds whole can't be found
    for one in sought:
        near = (at for id in one.document_ids for at in by_document.get(id, ()))
        if right := {at for at in near if one.is_in(book.passages[at])}:
            found.append((one.row.input, right))
    if len(found) < FEWEST_ROWS:
        return None
    inputs = [input for input, _ in found]
    vectors = book.embedder.embed_queries(inputs)

    def quality(reranks: bool) -> RankQuality:
        orders = book.orders(inputs, vectors, HITS_AT[-1], reranks)
        rankings = [[at in right for at in order] for (_, right), order in zip(found, orders, strict=True)]
        return rank_quality(rankings, [len(right) for _, right in found])

    after = quality(True) if book.reranker else None
    return SearchQuality("passages", len(found), quality(False), after)


def _of_examples(book: OpenBook, rows: Sequence[Example]) -> SearchQuality:
    inputs = [row.input for row in rows]
    near = book.solved.near(inputs, book.embedder.embed_queries(inputs), HITS_AT[-1])
    rankings = [[_labels(each) == _labels(row) for each in found] for row, found in zip(rows, near, strict=True)]
    times = Counter(map(_labels, book.solved.examples))
    return SearchQuality("examples", len(rows), rank_quality(rankings, [max(1, times[_labels(row)]) for row in rows]))


def _labels(row: Example) -> frozenset[str]:
    """Several labels come in an order of each row's own (`prompts.as_asked`)."""
    return frozenset(labels_in(row.target))
