"""How early a search finds the document with the answer: BM25, the default search, and the search that is chosen on
training rows; all on test rows that the choice never saw.

The documents of invented companies are the hard corpus: five documents tell of each company, and most of their
sentences call it "the company", so that a passage rarely says whom it is about.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import bm25s

from eval.scoring import scorer_while_learning
from eval.task import Brief, Document, Example, Kind, LearningSplit
from strategies.open_book import OpenBook, index_book
from strategies.presets import PRESETS
from strategies.search.models import SearchModels
from strategies.search.passages import words_a_passage
from strategies.search.quality import rank_quality
from strategies.search.settings import SearchSettings
from strategies.search_choice import SearchChoice, choose_search, judge_by
from tests.benchmarks.companies import documents as company_documents
from tests.benchmarks.companies import world
from tests.benchmarks.shared_tasks import NoSharedData, shared_task

DEEP = 60  # passages, among which are ten documents
TRAIN_ROWS = 135  # of the questions about companies; the others are asked


@dataclass(frozen=True, slots=True)
class Corpus:
    name: str
    kind: Kind
    documents: Sequence[Document]
    train: tuple[Example, ...]
    test: Sequence[Example]


def run(full: bool) -> list[dict[str, Any]]:
    """FULL=1 chooses within the budget of the standard preset."""
    return list(chain.from_iterable(_measure(corpus, "standard" if full else "quick") for corpus in _corpora()))


def _corpora() -> list[Corpus]:
    found = [_companies()]
    for name in ("xquad_en", "covid_faq"):
        try:
            task, split = shared_task(name)
        except NoSharedData:
            continue
        test = [row for row in task.examples if row.split == "test"]
        found.append(Corpus(name, task.kind, task.documents, split.train, test))
    return found


def _companies() -> Corpus:
    rows = [
        Example(one.id, one.text, one.answer, document_ids=(one.told.document.id,))
        for one in world().questions
        if one.told
    ]
    return Corpus("companies", Kind.WRITING, company_documents(), tuple(rows[:TRAIN_ROWS]), rows[TRAIN_ROWS:])


def _measure(corpus: Corpus, preset: str) -> list[dict[str, Any]]:
    brief = Brief(corpus.name, corpus.kind, "")
    scorer = scorer_while_learning(brief, LearningSplit(corpus.train, ()), corpus.documents)
    models, budget = SearchModels(), PRESETS[preset].budget(corpus.kind)
    began = time.perf_counter()
    chosen = choose_search(corpus.train, corpus.documents, models, budget, judge_by(scorer), lambda progress: None)
    choosing = time.perf_counter() - began
    default = SearchSettings(words_a_passage(row.target for row in corpus.train))
    rows = [_row(corpus, "BM25 alone", _by_bm25s(corpus))]
    for name, settings in {"MiniLM, as before": default, "as chosen": chosen.settings}.items():
        choice = SearchChoice(settings, vectors=chosen.vectors)
        book, _ = index_book(corpus.train, corpus.documents, models, choice, lambda progress: None)
        began = time.perf_counter()
        ranked = _ranked(book, corpus.test)
        milliseconds = 1000 * (time.perf_counter() - began) / len(corpus.test)
        rows.append(_row(corpus, name, ranked) | {"ms a query": milliseconds})
    rows[-1] |= {"choosing, seconds": choosing, "chosen": _told(chosen.settings)}
    return rows


def _ranked(book: OpenBook, rows: Sequence[Example]) -> list[list[str]]:
    inputs = [row.input for row in rows]
    orders = [book.orders([input], book.embedder.embed_queries([input]), DEEP)[0] for input in inputs]
    return [list(dict.fromkeys(book.passages[at].document_id for at in order)) for order in orders]


def _by_bm25s(corpus: Corpus) -> list[list[str]]:
    """Whole documents with their titles, in the words that `bm25s` makes of them."""
    index = bm25s.BM25()
    texts = [f"{document.title}\n{document.text}" for document in corpus.documents]
    index.index(bm25s.tokenize(texts, show_progress=False), show_progress=False)
    asked = bm25s.tokenize([row.input for row in corpus.test], show_progress=False)
    found, _ = index.retrieve(asked, k=10, show_progress=False)
    return [[corpus.documents[at].id for at in near] for near in found]


def _row(corpus: Corpus, search: str, ranked: Sequence[Sequence[str]]) -> dict[str, Any]:
    rankings = [[id in row.document_ids for id in found] for row, found in zip(corpus.test, ranked, strict=True)]
    quality = rank_quality(rankings, [len(row.document_ids) for row in corpus.test])
    hits = {f"hit@{at}": hit for at, hit in zip((1, 3, 10), quality.hits, strict=True)}
    return {
        "corpus": corpus.name, "search": search, "rows": len(corpus.test), **hits, "nDCG@10": quality.ndcg,
        "ms a query": "", "choosing, seconds": "", "chosen": "",
    }  # fmt: skip


def _told(settings: SearchSettings) -> str:
    return "; ".join(f"{name}: {value}" for name, value in settings.shown(True).items())
