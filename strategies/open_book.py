"""An open book: an index of passages and solved examples. For each input, the nearest ones go into the prompt.

Next to passages, a solved example is shown with the passage that holds its answer. So the model sees how to extract a
short answer from a text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.measuring.phases import LOOKING_UP, phase
from eval.outcomes import EXAMPLE_SOURCE, INDEXING, Prediction
from eval.task import Document, Example
from strategies.answerer import Answerer
from strategies.contract import Progress, ReportProgress
from strategies.demonstrations import within_tokens
from strategies.engine.language_model import LanguageModel, Prompt
from strategies.prompts import build_prompt, with_passages
from strategies.search.embedder import Embedder
from strategies.search.passages import Passage, cut_passages, words_a_passage
from strategies.search.vector_index import VectorIndex

SEARCHED_FOR_ANSWER = 3  # nearest passages that are searched for a training row's answer


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
    """What the model reads with an input, best first."""

    passages: Sequence[Passage] = ()
    examples: Sequence[Example] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        """Ids of documents, then of training rows."""
        documents = dict.fromkeys(passage.document_id for passage in self.passages)
        return (*documents, *(EXAMPLE_SOURCE + example.id for example in self.examples))

    def prompt(self, instruction: str, input: str) -> Prompt:
        """The nearest example comes last, next to the input, because models weigh the end of a prompt most."""
        return build_prompt(instruction, input, self.examples[::-1], self.passages)


@dataclass(frozen=True, slots=True)
class Solved:
    """Solved examples as they are shown, and the index of their inputs."""

    examples: list[Example]
    index: VectorIndex

    def near(self, vectors: NDArray[np.float32], count: int) -> list[list[Example]]:
        """The `count` nearest examples for each vector, best first."""
        if not count:
            return [[] for _ in vectors]
        return [[self.examples[at] for at in near] for near in self.index.search(vectors, count)]

    def save(self, index_path: Path) -> list[list[str]]:
        self.index.save(index_path)
        return [[example.id, example.input, example.target] for example in self.examples]

    @staticmethod
    def load(examples: list[list[str]], index_path: Path) -> Solved:
        return Solved([Example(id, input, target) for id, input, target in examples], VectorIndex.load(index_path))


@dataclass(frozen=True, slots=True)
class OpenBook:
    """`solved` are the training rows. `solved_by_reading` are those shown with the passage that holds their answer (all
    rows, without passage, if no answer was found in any)."""

    embedder: Embedder
    passages: list[Passage]
    passage_index: VectorIndex | None
    solved: Solved
    solved_by_reading: Solved

    def open(self, inputs: Sequence[str], counts: Counts, model: LanguageModel) -> list[Opened]:
        """What is nearest to each input. Nothing if all inputs are empty, such as the empty input that labels are
        compared with."""
        if not any(inputs):
            return [Opened() for _ in inputs]
        with phase(LOOKING_UP):
            vectors = self.embedder.embed(inputs)
            passages = self.near_passages(vectors, counts.passages)
            solved = self.solved_beside(counts.passages).near(vectors, counts.examples)
        return [
            Opened(read, within_tokens(near, counts.tokens_of_examples, model))
            for read, near in zip(passages, solved, strict=True)
        ]

    def near_passages(self, vectors: NDArray[np.float32], count: int) -> list[list[Passage]]:
        """The `count` nearest passages for each vector, best first; none without documents."""
        if not self.passage_index or not count:
            return [[] for _ in vectors]
        return [[self.passages[at] for at in near] for near in self.passage_index.search(vectors, count)]

    def solved_beside(self, passages: int) -> Solved:
        """The solved examples to show together with this many passages."""
        return self.solved_by_reading if passages else self.solved

    def save(self, folder: Path) -> dict[str, Any]:
        """What `load` needs besides the indexes, as JSON values."""
        if self.passage_index:
            self.passage_index.save(folder / "passages.faiss")
        return {
            "solved": self.solved.save(folder / "solved.faiss"),
            "solved_by_reading": self.solved_by_reading.save(folder / "solved_by_reading.faiss"),
            "passages": [asdict(passage) for passage in self.passages],
        }

    @staticmethod
    def load(folder: Path, stored: dict[str, Any], embedder: Embedder) -> OpenBook:
        return OpenBook(
            embedder,
            [Passage(**fields) for fields in stored["passages"]],
            VectorIndex.load(folder / "passages.faiss") if stored["passages"] else None,
            Solved.load(stored["solved"], folder / "solved.faiss"),
            Solved.load(stored["solved_by_reading"], folder / "solved_by_reading.faiss"),
        )


def index_book(
    train: Sequence[Example], documents: Sequence[Document], embedder: Embedder, report_progress: ReportProgress
) -> tuple[OpenBook, NDArray[np.float32], list[str]]:
    """The book, the embeddings of its training inputs [rows, dimensions], and a note on each approximate index."""
    passages = cut_passages(documents, words_a_passage(example.target for example in train))
    texts = [example.input for example in train] + [passage.titled for passage in passages]
    report_progress(Progress(INDEXING, 0, len(texts)))
    vectors = embedder.embed(texts)
    asked, read = vectors[: len(train)], vectors[len(train) :]
    notes: list[str] = []
    solved = Solved(list(train), _build_index("solved examples", asked, None, notes))
    book = _bind(embedder, solved, asked, passages, read, notes)
    report_progress(Progress(INDEXING, len(texts), len(texts)))
    return book, asked, notes


def refreshed(book: OpenBook, documents: Sequence[Document]) -> OpenBook:
    """The book with these documents instead of its own. Only new passages are embedded."""
    passages = cut_passages(documents, words_a_passage(example.target for example in book.solved.examples))
    old = list(book.passage_index.vectors) if book.passage_index else []
    known = dict(zip((passage.titled for passage in book.passages), old, strict=True))
    if unread := sorted({passage.titled for passage in passages} - known.keys()):
        known |= zip(unread, book.embedder.embed(unread), strict=True)
    read = np.array([known[passage.titled] for passage in passages], dtype=np.float32)
    return _bind(book.embedder, book.solved, book.solved.index.vectors, passages, read, [])


def _bind(
    embedder: Embedder,
    solved: Solved,
    asked: NDArray[np.float32],
    passages: list[Passage],
    read: NDArray[np.float32],
    notes: list[str],
) -> OpenBook:
    """A book of these passages with embeddings `read`; `asked` are the embeddings of the solved examples' inputs."""
    passage_index = _build_index("passages", read, asked, notes) if passages else None
    book = OpenBook(embedder, passages, passage_index, solved, solved)
    found = zip(solved.examples, book.near_passages(asked, SEARCHED_FOR_ANSWER), strict=True)
    shown = {
        row: replace(example, input=with_passages(example.input, [passage]))
        for row, (example, near) in enumerate(found)
        if (passage := next((passage for passage in near if passage.contains(example.target)), None))
    }
    if not shown:
        return book
    index = _build_index("solved examples with their passage", asked[list(shown)], None, notes)
    return replace(book, solved_by_reading=Solved(list(shown.values()), index))


def _build_index(
    of_what: str, vectors: NDArray[np.float32], queries: NDArray[np.float32] | None, notes: list[str]
) -> VectorIndex:
    index = VectorIndex(vectors, queries)
    if not index.is_exact:
        notes.append(
            f"The {len(vectors):,} {of_what} are searched approximately. This finds {100 * index.recall:.1f} % of the "
            "nearest ones, measured against an exact search."
        )
    return index


def answer_openly(
    answerer: Answerer, instruction: str, inputs: Sequence[str], opened: Sequence[Opened]
) -> list[Prediction]:
    """Predictions that name the passages and examples read with each input."""
    prompts = [one.prompt(instruction, input) for one, input in zip(opened, inputs, strict=True)]
    answers = answerer.answer(prompts)
    return [replace(answer, sources=one.sources) for answer, one in zip(answers, opened, strict=True)]
