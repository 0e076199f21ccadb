"""Retrieval: an open book. The passages and solved examples nearest to the input are put into its prompt.

Beside passages, a solved example is shown with the passage its answer was found in: so the model sees how a short
answer is drawn from what was read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eval.outcomes import Effort, Prediction
from eval.task import Brief, Document, Example, LearningSplit
from strategies.answerer import Answerer, Attempt
from strategies.contract import Progress, ReportProgress
from strategies.embedder import Embedder, load_embedder
from strategies.language_model import LanguageModel, Prompt
from strategies.passages import Passage, cut_passages, words_a_passage
from strategies.presets import Budget
from strategies.prompting import within_tokens
from strategies.prompts import build_prompt, instruction_of, with_passages
from strategies.vector_index import VectorIndex

# How many passages and how many solved examples stand in the prompt; judged in this order as far as the budget goes.
# Examples come early: they show a small model how short an answer should be.
TRIED_WITH_DOCUMENTS = ((1, 8), (1, 4), (3, 4), (3, 0), (1, 0), (0, 4), (2, 4), (5, 4), (5, 0), (3, 8))
TRIED_WITHOUT = ((0, 4), (0, 8), (0, 2), (0, 1), (0, 12), (0, 16), (0, 3), (0, 6), (0, 10), (0, 24))
TOKENS_OF_EXAMPLES = 800  # read anew for every input, so fewer than a fixed prompt may have
SEARCHED_FOR_ANSWER = 3  # nearest passages in which a training row's own answer is looked for
EXAMPLE_SOURCE = "train:"  # before the id of a training row among a prediction's sources


@dataclass(frozen=True, slots=True)
class Solved:
    """Solved examples as they are shown, and the index of what their inputs say."""

    examples: list[Example]
    index: VectorIndex

    def near(self, vectors: NDArray[np.float32], count: int) -> list[list[Example]]:
        """For each vector its `count` nearest examples, best first."""
        if not count:
            return [[] for _ in vectors]
        return [[self.examples[at] for at in near] for near in self.index.search(vectors, count)]

    def save(self, index_path: Path) -> list[list[str]]:
        self.index.save(index_path)
        return [[example.id, example.input, example.target] for example in self.examples]

    @staticmethod
    def load(examples: list[list[str]], index_path: Path) -> Solved:
        return Solved([Example(id, input, target) for id, input, target in examples], VectorIndex.load(index_path))


@dataclass(eq=False)
class Retrieval:
    brief: Brief
    load_model: Callable[[], LanguageModel]
    budget: Budget
    seed: int = 0
    load_embedder: Callable[[], Embedder] = load_embedder
    settings: dict[str, Any] = field(default_factory=dict, init=False)
    choices: list[dict[str, Any]] = field(default_factory=list, init=False)
    effort: Effort = field(default=Effort(), init=False)
    notes: list[str] = field(default_factory=list, init=False)
    name: ClassVar[str] = "retrieval"

    def fit(self, split: LearningSplit, documents: Sequence[Document], report_progress: ReportProgress) -> None:
        self._model = self.load_model()
        self._embedder = self.load_embedder()
        self._answerer = Answerer(self._model, self.brief)
        self._answerer.learn_length(split.train, self.budget.answer_tokens)
        self._instruction = instruction_of(self.brief, split.train)
        self._passages = cut_passages(documents, words_a_passage(example.target for example in split.train))
        texts = [example.input for example in split.train] + [passage.titled for passage in self._passages]
        report_progress(Progress("indexing", 0, len(texts)))
        vectors = self._embedder.embed(texts)
        asked, read = vectors[: len(split.train)], vectors[len(split.train) :]
        self._passage_index = self._build_index("passages", read, asked) if self._passages else None
        self._solved = Solved(list(split.train), self._build_index("solved examples", asked))
        self._solved_by_reading = self._show_reading(asked)
        report_progress(Progress("indexing", len(texts), len(texts)))

        def attempt(passages: int, examples: int) -> Attempt:
            def ask(inputs: Sequence[str]) -> list[Prompt]:
                return [prompt for prompt, _ in self._ask(inputs, passages, examples)]

            return Attempt({"passages": passages, "examples": examples}, ask)

        tried = (TRIED_WITH_DOCUMENTS if self._passages else TRIED_WITHOUT)[: self.budget.settings]
        best, self.choices, self.effort = self._answerer.choose(
            [attempt(*counts) for counts in tried], split.dev, report_progress
        )
        self.settings = best.settings | self._answerer.settings

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        asked = self._ask(inputs, self.settings["passages"], self.settings["examples"])
        predictions = self._answerer.answer([prompt for prompt, _ in asked])
        return [
            replace(prediction, sources=sources) for prediction, (_, sources) in zip(predictions, asked, strict=True)
        ]

    def save(self, folder: Path) -> None:
        fitted = {
            "settings": self.settings,
            "instruction": self._instruction,
            "solved": self._solved.save(folder / "solved.faiss"),
            "solved_by_reading": self._solved_by_reading.save(folder / "solved_by_reading.faiss"),
            "passages": [asdict(passage) for passage in self._passages],
            "answerer": self._answerer.to_json(),
        }
        if self._passage_index:
            self._passage_index.save(folder / "passages.faiss")
        (folder / "retrieval.json").write_text(json.dumps(fitted, ensure_ascii=False))

    def load(self, folder: Path) -> None:
        fitted = json.loads((folder / "retrieval.json").read_text())
        self._model = self.load_model()
        self._embedder = self.load_embedder()
        self.settings = fitted["settings"]
        self._instruction = fitted["instruction"]
        self._solved = Solved.load(fitted["solved"], folder / "solved.faiss")
        self._solved_by_reading = Solved.load(fitted["solved_by_reading"], folder / "solved_by_reading.faiss")
        self._passages = [Passage(**fields) for fields in fitted["passages"]]
        self._passage_index = VectorIndex.load(folder / "passages.faiss") if self._passages else None
        self._answerer = Answerer.from_json(self._model, self.brief, fitted["answerer"])

    def _build_index(
        self, of_what: str, vectors: NDArray[np.float32], queries: NDArray[np.float32] | None = None
    ) -> VectorIndex:
        index = VectorIndex(vectors, queries)
        if not index.is_exact:
            self.notes.append(
                f"The {len(vectors):,} {of_what} are searched approximately: {100 * index.recall:.1f} % of the nearest "
                "are found, measured against an exact search."
            )
        return index

    def _show_reading(self, vectors: NDArray[np.float32]) -> Solved:
        """The training rows with the passage their answer stands in; all of them, bare, where no answer is found."""
        shown = {
            row: replace(example, input=with_passages(example.input, [passage]))
            for row, (example, near) in enumerate(
                zip(self._solved.examples, self._near_passages(vectors, SEARCHED_FOR_ANSWER), strict=True)
            )
            if (passage := next((passage for passage in near if passage.contains(example.target)), None))
        }
        if not shown:
            return self._solved
        index = self._build_index("solved examples with their passage", vectors[list(shown)])
        return Solved(list(shown.values()), index)

    def _near_passages(self, vectors: NDArray[np.float32], count: int) -> list[list[Passage]]:
        """For each vector its `count` nearest passages, best first; none where there are no documents."""
        if not self._passage_index or not count:
            return [[] for _ in vectors]
        return [[self._passages[at] for at in near] for near in self._passage_index.search(vectors, count)]

    def _ask(self, inputs: Sequence[str], passages: int, examples: int) -> list[tuple[Prompt, tuple[str, ...]]]:
        """A prompt for each input, with the ids of what stands in it: documents best first, then training rows."""
        if not any(inputs):  # the empty input that labels are held against has no neighbours
            return [(build_prompt(self._instruction, input), ()) for input in inputs]
        vectors = self._embedder.embed(inputs)
        solved = (self._solved_by_reading if passages else self._solved).near(vectors, examples)
        asked = []
        for input, read, near in zip(inputs, self._near_passages(vectors, passages), solved, strict=True):
            shown = within_tokens(near, TOKENS_OF_EXAMPLES, self._model)
            # The nearest example stands last, next to the input: models heed what they read last.
            prompt = build_prompt(self._instruction, input, shown[::-1], read)
            documents = dict.fromkeys(passage.document_id for passage in read)
            asked.append((prompt, (*documents, *(EXAMPLE_SOURCE + example.id for example in shown))))
        return asked
