"""Choose how to search, on training rows and without asking the language model.

A choice is judged by what it finds for training rows: the passages that hold their answers, and solved examples whose
answers are like theirs. It starts from the default and goes through the alternatives one by one. An alternative is
taken only if it finds more than chance explains, because it costs time or is easily overfitted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.scoring import Scorer
from eval.splitting.stable_order import stable_hash
from eval.task import Document, Example
from strategies.contract import CHOOSING_SEARCH, Progress, ReportProgress
from strategies.likeness import likeness_of
from strategies.presets import Budget
from strategies.search.embedder import Embedder
from strategies.search.models import SearchModels
from strategies.search.onnx_models import packaged_folder
from strategies.search.passages import MOST_WORDS_A_PASSAGE, Passage, cut_passages, with_neighbours, words_a_passage
from strategies.search.relevance import Sought, sought_by
from strategies.search.reranker import rerank
from strategies.search.settings import SearchBudget, SearchSettings, Way
from strategies.search.text_index import TextIndex
from strategies.search.vector_index import VectorIndex
from strategies.search.vectors_kept import embed
from strategies.search.word_index import language_of

Judge = Callable[[str, Example], float]  # how good a text is as the answer to an example, in [0, 1]
Vectors = dict[str, dict[str, NDArray[np.float32]]]  # of texts to be found, by embedder

FEWEST_ROWS = 20  # that can tell; with fewer, hardly any difference is more than chance
SURE = 1.64  # standard errors: chance alone explains a gain that large in 5 of 100 cases
READ = (1, 3, 10)  # default passages' worth of words read
SHOWN = 4  # nearest solved examples whose answers are compared
LETTERS_A_PIECE = 600  # of a document, to tell its language
WAYS = 3  # to find solved examples, compared with each embedder
_DEPTH = 10


@dataclass(slots=True)
class SearchChoice:
    """`tried` are JSON values with the measure `found`; `found_better` is whether any beat the default, None if nothing
    else was tried; `judged_on` are the rows that told; `vectors` were computed on the way."""

    settings: SearchSettings
    tried: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    judged_on: frozenset[str] = frozenset()
    vectors: Vectors = field(default_factory=dict)
    found_better: bool | None = None


def choose_search(
    train: Sequence[Example],
    documents: Sequence[Document],
    models: SearchModels,
    budget: Budget,
    judge: Judge,
    report_progress: ReportProgress,
) -> SearchChoice:
    """The search with the settings that `budget` has settled, if it has, else the best within the budget."""
    language = language_of(list(_pieces(documents)) or [row.input for row in train])
    default = SearchSettings(words_a_passage(row.target for row in train), language=language)
    if "search" in budget.settled:
        return SearchChoice(SearchSettings.settled(budget.settled, default))
    choice, effort = SearchChoice(default), SearchBudget.of(budget.settings)
    embedders = [name for name in models.embedders if language == "en" or name not in models.english]
    rerankers = [name for name in models.rerankers if language == "en" or name not in models.english]
    if documents:
        _choose_passages(choice, train, documents, models, effort, embedders, rerankers, report_progress)
    found_by = [choice.settings.embedder] if documents else embedders
    _choose_examples(choice, train, models, effort, judge, found_by, report_progress)
    report_progress(Progress(CHOOSING_SEARCH, len(choice.tried), len(choice.tried)))
    choice.found_better = choice.settings != default if len(choice.tried) > 1 else None
    rounded = [name for name in (choice.settings.embedder, choice.settings.reranker) if name and packaged_folder(name)]
    if rounded:
        choice.notes.append(
            f"{' and '.join(rounded)} {'computes' if len(rounded) == 1 else 'compute'} in 8 bits, so another processor "
            "may put results that are about equally good in another order."
        )
    return choice


def _choose_passages(
    choice: SearchChoice,
    train: Sequence[Example],
    documents: Sequence[Document],
    models: SearchModels,
    budget: SearchBudget,
    embedders: Sequence[str],
    rerankers: Sequence[str],
    report_progress: ReportProgress,
) -> None:
    asked = sought_by(_shuffled(train)[: 4 * budget.rows], documents)
    some, sought = _within_documents(asked[: budget.rows], documents, budget.words)
    if len(sought) < FEWEST_ROWS:
        few = (
            f"Too few training rows ({len(asked)}) show which passage answers them, so we couldn't compare ways to "
            "search and kept the default."
        )
        long = "The documents with the answers are too long to compare ways to search quickly, so we kept the default."
        choice.notes.append(few if len(asked) < FEWEST_ROWS else long)
        return
    choice.judged_on = frozenset(one.row.id for one in sought)
    search = _PassageSearch(sought, some, models, choice)
    found = search.try_out(choice.settings)
    options = list(_passage_options(search, embedders, rerankers))
    for option in options:
        report_progress(Progress(CHOOSING_SEARCH, len(choice.tried), len(options) + 1))
        other = option(choice.settings)
        if other is not None and other != choice.settings:
            shares = search.try_out(other)
            if _is_better(shares, found):
                choice.settings, found = other, shares


Option = Callable[[SearchSettings], SearchSettings | None]


def _passage_options(search: _PassageSearch, embedders: Sequence[str], rerankers: Sequence[str]) -> Iterator[Option]:
    """What may be better than the settings so far; None if it doesn't apply to them."""
    for way in (Way.BOTH, Way.WORDS):
        yield lambda now, way=way: replace(now, way=way)  # type: ignore[misc]
    for name in embedders[1:]:
        yield lambda now, name=name: replace(now, embedder=name) if now.way is not Way.WORDS else None  # type: ignore[misc]
    if search.has_titles:
        yield lambda now: replace(now, titled=False)
    if search.can_tell_sizes:
        yield lambda now: replace(now, passage_words=min(2 * now.passage_words, MOST_WORDS_A_PASSAGE))
        yield lambda now: replace(now, overlaps=False)
        yield lambda now: replace(now, overlaps=False, neighbours=1)
    for name in rerankers:
        yield lambda now, name=name: replace(now, reranker=name)  # type: ignore[misc]


class _PassageSearch:
    """Searches with any settings among some documents, and judges what is found."""

    def __init__(
        self, sought: Sequence[Sought], documents: Sequence[Document], models: SearchModels, choice: SearchChoice
    ) -> None:
        self._sought, self._documents, self._models, self._choice = sought, documents, models, choice
        self._words = choice.settings.passage_words
        self._inputs = [one.row.input for one in sought]
        self.has_titles = any(document.title for document in documents)
        # A longer passage of the right document is no better unless one knows where the answer is.
        self.can_tell_sizes = fmean(bool(one.answers) for one in sought) > 0.5

    def try_out(self, settings: SearchSettings) -> NDArray[np.float64]:
        """For each row, the mean of whether the answer is within the first 30, 90 and 300 words (or as many default
        passages, if they are longer). So long passages aren't better for their length."""
        passages = cut_passages(self._documents, settings.passage_words, settings.overlaps)
        texts = [passage.titled if settings.titled else passage.text for passage in passages]
        embedder = self._models.embedder(settings.embedder)
        vectors = embed_known(embedder, texts, self._choice.vectors)
        index = TextIndex.of(settings.way, VectorIndex(vectors), texts, settings.language)
        asked = embed_known(embedder, self._inputs, self._choice.vectors, are_queries=True)
        orders = index.search(self._inputs, asked, max(settings.reranked, _DEPTH))
        if settings.reranker:
            reranker = self._models.reranker(settings.reranker)
            orders = [
                rerank(reranker, input, order, [texts[at] for at in order[: settings.reranked]])
                for input, order in zip(self._inputs, orders, strict=True)
            ]
        shares = np.array(
            [
                self._share_found(one, with_neighbours(passages, order[:_DEPTH], settings.neighbours), settings)
                for one, order in zip(self._sought, orders, strict=True)
            ]
        )
        shown = {name: value for name, value in settings.shown(True).items() if name != "example search"}
        self._choice.tried.append({**shown, "found": round(float(shares.mean()), 4)})
        return shares

    def _share_found(self, one: Sought, passages: Sequence[Passage], settings: SearchSettings) -> float:
        """Of a passage that only begins within the words read, the share that is read counts."""
        words = settings.passage_words * (1 + 2 * settings.neighbours)
        first = next((place for place, passage in enumerate(passages) if one.is_in(passage)), len(passages))
        if first == len(passages):
            return 0.0
        return fmean(min(max(count * self._words / words - first, 0.0), 1.0) for count in READ)


def _choose_examples(
    choice: SearchChoice,
    train: Sequence[Example],
    models: SearchModels,
    budget: SearchBudget,
    judge: Judge,
    embedders: Sequence[str],
    report_progress: ReportProgress,
) -> None:
    pool = list(_within_words(_shuffled(train), budget.words))
    words = fmean(_words(row.target) for row in pool) if pool else 1.0
    # Long answers take long to score: four for each row and way.
    asked = pool[: min(2 * budget.rows, int(budget.words / (SHOWN * WAYS * words)))]
    if len(asked) < FEWEST_ROWS:
        why = "There are too few training rows" if len(train) < FEWEST_ROWS else "The training rows are too long"
        choice.notes.append(f"{why} to compare ways to find solved examples quickly, so we kept the default.")
        return
    are_alike = likeness_of(pool)
    judged: dict[tuple[str, str], float] = {}

    def likeness(near: Example, row: Example) -> float:
        if (near.target, row.id) not in judged:
            judged[near.target, row.id] = judge(near.target, row)
        return judged[near.target, row.id]

    inputs = [row.input for row in pool]

    def try_out(settings: SearchSettings) -> NDArray[np.float64]:
        """For each row, how good the answers of the nearest other rows are as its own."""
        vectors = embed_known(models.embedder(settings.embedder), inputs, choice.vectors, are_queries=True)
        index = TextIndex.of(settings.example_way, VectorIndex(vectors), inputs, settings.language)
        orders = index.search(inputs[: len(asked)], vectors[: len(asked)], SHOWN + 24)
        shares = []
        for row, order in zip(asked, orders, strict=True):
            near = [pool[at] for at in order if not are_alike(row.id, pool[at].id)][:SHOWN]
            shares.append(fmean(likeness(each, row) for each in near) if near else 0.0)
        choice.tried.append(
            {
                "example search": settings.example_way.value,
                "embedder": settings.embedder,
                "found": round(fmean(shares), 4),
            }
        )
        return np.array(shares)

    options: list[dict[str, Any]] = [{"example_way": Way.BOTH}, {"example_way": Way.WORDS}]
    options += [{"embedder": name} for name in embedders[1:]]
    before = len(choice.tried)
    report_progress(Progress(CHOOSING_SEARCH, before, before + 1 + len(options)))
    found = try_out(choice.settings)
    for option in options:
        report_progress(Progress(CHOOSING_SEARCH, len(choice.tried), before + 1 + len(options)))
        other = replace(choice.settings, **option)
        if _is_better(shares := try_out(other), found):
            choice.settings, found = other, shares


def judge_by(scorer: Scorer) -> Judge:
    """The task's own score of an answer."""
    return lambda text, example: scorer.score(text, example).value


def embed_known(
    embedder: Embedder, texts: Sequence[str], known: Vectors, are_queries: bool = False
) -> NDArray[np.float32]:
    """The vectors of these texts; only those that aren't known yet are looked up or computed, and become known."""
    held = known.setdefault(f"{embedder.name} {'queries' if are_queries else 'texts'}", {})
    if new := [text for text in dict.fromkeys(texts) if text not in held]:
        held |= zip(new, embed(embedder, new, are_queries), strict=True)
    return np.array([held[text] for text in texts], dtype=np.float32)


def _is_better(found: NDArray[np.float64], before: NDArray[np.float64]) -> bool:
    """Whether the mean rose by more than chance explains."""
    gain = found - before
    error = gain.std(ddof=1) / np.sqrt(len(gain))
    return bool(gain.mean() > max(SURE * error, 1e-9))


def _pieces(documents: Sequence[Document]) -> Iterator[str]:
    """Documents in pieces, because the language of a few texts isn't sure, and a manual is a single one."""
    for document in documents:
        yield from (document.text[at : at + LETTERS_A_PIECE] for at in range(0, len(document.text), LETTERS_A_PIECE))


def _shuffled(train: Sequence[Example]) -> list[Example]:
    """In an order that doesn't depend on how they are sorted. Equal for equal rows."""
    return sorted(train, key=lambda row: stable_hash("search", row.input, row.target))


def _within_documents(
    sought: Sequence[Sought], documents: Sequence[Document], words: int
) -> tuple[list[Document], list[Sought]]:
    """Documents of about this many words: those with answers, then others; and the rows whose answers are in them."""
    lengths = {document.id: _words(document.text) for document in documents}
    kept: set[str] = set()
    for one in sought:
        if sum(lengths[id] for id in kept | one.document_ids) <= words:
            kept |= one.document_ids
    found = [one for one in sought if one.document_ids <= kept]
    room = words - sum(lengths[id] for id in kept)
    for document in sorted(documents, key=lambda one: stable_hash("search", one.id, one.text)):
        if document.id not in kept and (room := room - lengths[document.id]) > 0:
            kept.add(document.id)
    return [document for document in documents if document.id in kept], found


def _within_words(rows: Iterable[Example], words: int) -> Iterator[Example]:
    for row in rows:
        words -= _words(row.input)
        if words < 0:
            return
        yield row


def _words(text: str) -> int:
    return 1 + len(text) // 6
