"""An open book: an index of passages and solved examples. For each input, the nearest ones go into the prompt.

Next to passages, a solved example is shown with the passage that holds its answer. So the model sees how to extract a
short answer from a text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.measuring.phases import LOOKING_UP, phase
from eval.outcomes import EXAMPLE_SOURCE, INDEXING, Prediction
from eval.task import Brief, Document, Example
from strategies.answerer import Answerer
from strategies.contract import Progress, ReportProgress
from strategies.demonstrations import within_tokens
from strategies.engine.language_model import LanguageModel, Prompt
from strategies.prompts import build_prompt, with_passages
from strategies.search.embedder import Embedder
from strategies.search.models import SearchModels
from strategies.search.passages import Passage, cut_passages, with_neighbours, words_a_passage
from strategies.search.reranker import Reranker, rerank
from strategies.search.settings import SearchSettings, Way
from strategies.search.text_index import TextIndex
from strategies.search.vector_index import VectorIndex
from strategies.search_choice import SearchChoice, embed_known
from strategies.standing import labels_of

VOTERS = 32  # nearest solved examples
TEMPERATURE = 0.05  # of their cosines: an example that is .05 less alike has about a third of the weight
NO_VOTE = 1e-3  # the share that every label has, so that none is impossible
SEARCHED_FOR_ANSWER = 3  # nearest passages that are searched for a training row's answer
SPARE = 64  # extra results, to replace those that a training row may not see


@dataclass(frozen=True, slots=True)
class Counts:
    """How many passages and solved examples a prompt contains, and the token limit for the examples."""

    passages: int
    examples: int
    tokens_of_examples: int


# What an adapter reads with an input during training. A training row is cut at 640 tokens (`training.py`).
TRAINED_WITH_DOCUMENTS, TRAINED_WITHOUT = Counts(1, 0, 320), Counts(0, 2, 320)


@dataclass(frozen=True, slots=True)
class Opened:
    """What the model reads with an input, best first. Where the task has labels, the nearest examples vote on them."""

    passages: Sequence[Passage] = ()
    examples: Sequence[Example] = ()
    votes: NDArray[np.float64] | None = None  # of the nearest solved examples, [labels], as in `Asking`

    @property
    def sources(self) -> tuple[str, ...]:
        """Ids of documents, then of training rows."""
        documents = dict.fromkeys(passage.document_id for passage in self.passages)
        return (*documents, *(EXAMPLE_SOURCE + example.id for example in self.examples))

    def prompt(self, instruction: str, input: str, is_conversation: bool = False) -> Prompt:
        """The nearest example comes last, next to the input, because models weigh the end of a prompt most."""
        return build_prompt(instruction, input, self.examples[::-1], self.passages, is_conversation)


@dataclass(frozen=True, slots=True)
class Solved:
    """Solved examples as they are shown, and the index of their inputs."""

    examples: list[Example]
    index: TextIndex

    def near(self, inputs: Sequence[str], vectors: NDArray[np.float32], count: int) -> list[list[Example]]:
        """The `count` nearest examples for each input, best first."""
        if not count:
            return [[] for _ in inputs]
        return [[self.examples[at] for at in near] for near in self.index.search(inputs, vectors, count)]

    def votes(
        self, vectors: NDArray[np.float32], brief: Brief, is_left_out: Callable[[int, Example], bool] | None = None
    ) -> list[NDArray[np.float64]]:
        """For each input, the logarithm of each label's share of the nearest examples, by their likeness, [labels].
        `is_left_out` says which examples may not vote on the input with this number."""
        place = {label: at for at, label in enumerate(brief.labels)}
        nearest = self.index.vectors.search_with_cosines(vectors, VOTERS + SPARE if is_left_out else VOTERS)
        found = []
        for number, (near, likeness) in enumerate(zip(*nearest, strict=True)):
            if is_left_out:
                may = [row for row, at in enumerate(near) if not is_left_out(number, self.examples[at])][:VOTERS]
                near, likeness = near[may], likeness[may]
            weights = np.exp((likeness.astype(np.float64) - likeness.max(initial=-1.0)) / TEMPERATURE)
            shares = np.full(len(place), NO_VOTE * max(1.0, weights.sum()))  # all alike if nobody may vote
            for at, weight in zip(near, weights, strict=True):
                for label in labels_of(self.examples[at], brief):
                    shares[place[label]] += weight
            found.append(np.log(shares / shares.sum()))
        return found

    def save(self, folder: Path, name: str) -> list[list[str]]:
        self.index.save(folder, name)
        return [[example.id, example.input, example.target] for example in self.examples]

    @staticmethod
    def load(examples: list[list[str]], folder: Path, name: str, way: Way) -> Solved:
        return Solved([Example(id, input, target) for id, input, target in examples], TextIndex.load(folder, name, way))


@dataclass(frozen=True, slots=True)
class OpenBook:
    """`solved` are the training rows. `solved_by_reading` are those shown with the passage that holds their answer (all
    rows, without passage, if no answer was found in any)."""

    search: SearchSettings
    embedder: Embedder
    reranker: Reranker | None
    passages: list[Passage]
    passage_index: TextIndex | None
    solved: Solved
    solved_by_reading: Solved

    def open(self, inputs: Sequence[str], counts: Counts, model: LanguageModel, brief: Brief) -> list[Opened]:
        """What is nearest to each input, with votes on the labels of the brief. Nothing if all inputs are empty, such
        as the empty input that labels are compared with."""
        if not any(inputs):
            return [Opened() for _ in inputs]
        with phase(LOOKING_UP):
            vectors = self.embedder.embed_queries(inputs)
            passages = self.near_passages(inputs, vectors, counts.passages)
            solved = self.solved_beside(counts.passages).near(inputs, vectors, counts.examples)
            votes = self.solved.votes(vectors, brief) if brief.labels else [None] * len(inputs)
        return [
            Opened(read, within_tokens(near, counts.tokens_of_examples, model), vote)
            for read, near, vote in zip(passages, solved, votes, strict=True)
        ]

    def near_passages(
        self, inputs: Sequence[str], vectors: NDArray[np.float32], count: int, reranks: bool = True
    ) -> list[list[Passage]]:
        """The `count` nearest passages for each input, best first, with their neighbours; none without documents."""
        if not self.passage_index or not count:
            return [[] for _ in inputs]
        orders = self.orders(inputs, vectors, count, reranks)
        return [with_neighbours(self.passages, order, self.search.neighbours) for order in orders]

    def orders(
        self, inputs: Sequence[str], vectors: NDArray[np.float32], count: int, reranks: bool = True
    ) -> list[list[int]]:
        """Positions of the `count` nearest passages for each input, best first."""
        if self.passage_index is None:
            return [[] for _ in inputs]
        if self.reranker is None or not reranks:
            return self.passage_index.search(inputs, vectors, count)
        first = self.search.reranked
        found = self.passage_index.search(inputs, vectors, max(count, first))
        orders = []
        for input, order in zip(inputs, found, strict=True):
            texts = searched_texts([self.passages[at] for at in order[:first]], self.search)
            orders.append(rerank(self.reranker, input, order, texts)[:count])
        return orders

    def solved_beside(self, passages: int) -> Solved:
        """The solved examples to show together with this many passages."""
        return self.solved_by_reading if passages else self.solved

    def save(self, folder: Path) -> dict[str, Any]:
        """What `load` needs besides the indexes, as JSON values."""
        if self.passage_index:
            self.passage_index.save(folder, "passages")
        return {
            "solved": self.solved.save(folder, "solved"),
            "solved_by_reading": self.solved_by_reading.save(folder, "solved_by_reading"),
            "passages": [asdict(passage) for passage in self.passages],
            "search": asdict(self.search),
        }

    @staticmethod
    def load(folder: Path, stored: dict[str, Any], models: SearchModels) -> OpenBook:
        """Raises BadInput if a model of the search is missing on this machine."""
        passages = [Passage(**passage) for passage in stored["passages"]]
        search = SearchSettings.from_json(stored["search"]) if "search" in stored else None
        if search is None:  # of an earlier version
            search = SearchSettings(words_a_passage(target for _, _, target in stored["solved"]))
        return OpenBook(
            search,
            models.embedder(search.embedder),
            models.reranker(search.reranker) if search.reranker and passages else None,
            passages,
            TextIndex.load(folder, "passages", search.way) if passages else None,
            Solved.load(stored["solved"], folder, "solved", search.example_way),
            Solved.load(stored["solved_by_reading"], folder, "solved_by_reading", search.example_way),
        )


def index_book(
    train: Sequence[Example],
    documents: Sequence[Document],
    models: SearchModels,
    choice: SearchChoice,
    report_progress: ReportProgress,
) -> tuple[OpenBook, list[str]]:
    """The book with the chosen search, and notes on indexes that are approximate."""
    search = choice.settings
    passages = cut_passages(documents, search.passage_words, search.overlaps)
    embedder = models.embedder(search.embedder)
    texts = searched_texts(passages, search)
    report_progress(Progress(INDEXING, 0, len(train) + len(texts)))
    asked = embed_known(embedder, [example.input for example in train], choice.vectors, are_queries=True)
    read = embed_known(embedder, texts, choice.vectors)
    notes: list[str] = []
    vectors = _build_vectors("solved examples", asked, None, notes)
    inputs = [example.input for example in train]
    solved = Solved(list(train), TextIndex.of(search.example_way, vectors, inputs, search.language))
    reranker = models.reranker(search.reranker) if search.reranker and passages else None
    book = _bind(search, embedder, reranker, solved, asked, passages, read, notes)
    report_progress(Progress(INDEXING, len(train) + len(texts), len(train) + len(texts)))
    return book, notes


def searched_texts(passages: Sequence[Passage], search: SearchSettings) -> list[str]:
    """What of each passage is searched."""
    return [passage.titled if search.titled else passage.text for passage in passages]


def refreshed(book: OpenBook, documents: Sequence[Document]) -> OpenBook:
    """The book with these documents instead of its own, searched as before. Only new passages are embedded."""
    passages = cut_passages(documents, book.search.passage_words, book.search.overlaps)
    old = list(book.passage_index.vectors.vectors) if book.passage_index else []
    known = dict(zip(searched_texts(book.passages, book.search), old, strict=True))
    texts = searched_texts(passages, book.search)
    if unread := sorted(set(texts) - known.keys()):
        known |= zip(unread, book.embedder.embed(unread), strict=True)
    read = np.array([known[text] for text in texts], dtype=np.float32)
    asked = book.solved.index.vectors.vectors
    return _bind(book.search, book.embedder, book.reranker, book.solved, asked, passages, read, [])


def _bind(
    search: SearchSettings,
    embedder: Embedder,
    reranker: Reranker | None,
    solved: Solved,
    asked: NDArray[np.float32],
    passages: list[Passage],
    read: NDArray[np.float32],
    notes: list[str],
) -> OpenBook:
    """A book of these passages with embeddings `read`; `asked` are the embeddings of the solved examples' inputs."""
    passage_index = None
    if passages:
        vectors = _build_vectors("passages", read, asked, notes)
        passage_index = TextIndex.of(search.way, vectors, searched_texts(passages, search), search.language)
    book = OpenBook(search, embedder, reranker, passages, passage_index, solved, solved)
    inputs = [example.input for example in solved.examples]
    # Reranking for every solved example would take minutes, and any passage with the answer will do.
    orders = book.orders(inputs, asked, SEARCHED_FOR_ANSWER, reranks=False)
    found = zip(solved.examples, orders, strict=True)
    holding = {
        row: at
        for row, (example, near) in enumerate(found)
        if (at := next((at for at in near if passages[at].contains(example.target)), None)) is not None
    }
    if not holding:
        return book
    shown = []
    for row, at in holding.items():
        example = solved.examples[row]
        whole = with_neighbours(passages, [at], search.neighbours)
        shown.append(replace(example, input=with_passages(example.input, whole)))
    rows = list(holding)
    vectors = _build_vectors("solved examples with their passage", asked[rows], None, notes)
    index = TextIndex.of(search.example_way, vectors, [inputs[row] for row in rows], search.language)
    return replace(book, solved_by_reading=Solved(shown, index))


def _build_vectors(
    of_what: str, vectors: NDArray[np.float32], queries: NDArray[np.float32] | None, notes: list[str]
) -> VectorIndex:
    index = VectorIndex(vectors, queries)
    if not index.is_exact:
        notes.append(
            f"The {len(vectors):,} {of_what} are searched approximately. This finds {100 * index.recall:.1f} % of the "
            "nearest ones, measured against an exact search."
        )
    return index


def votes_of(opened: Sequence[Opened]) -> NDArray[np.float64] | None:
    """[inputs, labels]; None if nobody votes."""
    votes = [one.votes for one in opened if one.votes is not None]
    return np.array(votes) if votes else None


def answer_openly(answerer: Answerer, prompts: Sequence[Prompt], opened: Sequence[Opened]) -> list[Prediction]:
    """Predictions that name the passages and examples read with each input."""
    answers = answerer.answer(prompts, votes=votes_of(opened))
    return [replace(answer, sources=one.sources) for answer, one in zip(answers, opened, strict=True)]
