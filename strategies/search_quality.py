"""How well the chosen search finds answers, on rows that it wasn't chosen on."""

from __future__ import annotations

from collections.abc import Sequence

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
        sought = sought_by([*split.dev, *unseen[: 4 * most]], documents)[:most]
        return _of_passages(book, sought) if len(sought) >= FEWEST_ROWS else None
    if kind in LABELLED and len(split.dev) >= FEWEST_ROWS:
        return _of_examples(book, split.dev[:most])
    return None


def _of_passages(book: OpenBook, sought: Sequence[Sought]) -> SearchQuality:
    inputs = [one.row.input for one in sought]
    vectors = book.embedder.embed_queries(inputs)
    by_document: dict[str, list[int]] = {}
    for at, passage in enumerate(book.passages):
        by_document.setdefault(passage.document_id, []).append(at)
    right = [
        {at for id in one.document_ids for at in by_document.get(id, ()) if one.is_in(book.passages[at])}
        for one in sought
    ]
    # An answer that no passage holds whole can't be found.
    places = [at for at, held in enumerate(right) if held]
    counts = [len(right[at]) for at in places]

    def quality(reranks: bool) -> RankQuality:
        orders = book.orders(inputs, vectors, HITS_AT[-1], reranks)
        return rank_quality([[at in right[row] for at in orders[row]] for row in places], counts)

    after = quality(True) if book.reranker else None
    return SearchQuality("passages", len(places), quality(False), after)


def _of_examples(book: OpenBook, rows: Sequence[Example]) -> SearchQuality:
    inputs = [row.input for row in rows]
    near = book.solved.near(inputs, book.embedder.embed_queries(inputs), HITS_AT[-1])
    rankings = [[each.target == row.target for each in found] for row, found in zip(rows, near, strict=True)]
    same = [max(1, sum(each.target == row.target for each in book.solved.examples)) for row in rows]
    return SearchQuality("examples", len(rows), rank_quality(rankings, same))
