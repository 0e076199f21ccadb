"""Retrieval: an open book. The passages and solved examples nearest to the input are put into its prompt."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from eval.outcomes import Effort, Prediction
from eval.task import Brief, Document, Example, LearningSplit
from strategies.answerer import Answerer, Attempt
from strategies.contract import Progress, ReportProgress
from strategies.embedder import Embedder, load_embedder
from strategies.language_model import LanguageModel, Prompt
from strategies.passages import Passage, cut_passages
from strategies.presets import Budget
from strategies.prompting import within_tokens
from strategies.prompts import build_prompt, instruction_of
from strategies.vector_index import VectorIndex

# How many passages and how many solved examples stand in the prompt; judged in this order as far as the budget goes.
# Examples come early: they show a small model how short an answer should be.
TRIED_WITH_DOCUMENTS = ((1, 4), (3, 4), (1, 0), (3, 0), (2, 4), (5, 4), (1, 8), (5, 0), (3, 8), (8, 4))
TRIED_WITHOUT = ((0, 4), (0, 8), (0, 2), (0, 1), (0, 12), (0, 16), (0, 3), (0, 6), (0, 10), (0, 24))
TOKENS_OF_EXAMPLES = 600  # read anew for every input, so fewer than a fixed prompt may have
EXAMPLE_SOURCE = "train:"  # before the id of a training row among a prediction's sources


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
        self._train = list(split.train)
        self._passages = cut_passages(documents)
        texts = [example.input for example in self._train] + [passage.titled for passage in self._passages]
        report_progress(Progress("indexing", 0, len(texts)))
        vectors = self._embedder.embed(texts)
        self._example_index = VectorIndex(vectors[: len(self._train)])
        self._passage_index = VectorIndex(vectors[len(self._train) :]) if self._passages else None
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
        self._example_index.save(folder / "examples.faiss")
        if self._passage_index:
            self._passage_index.save(folder / "passages.faiss")
        fitted = {
            "settings": self.settings,
            "instruction": self._instruction,
            "train": [[example.id, example.input, example.target] for example in self._train],
            "passages": [asdict(passage) for passage in self._passages],
            "answerer": self._answerer.to_json(),
        }
        (folder / "retrieval.json").write_text(json.dumps(fitted, ensure_ascii=False))

    def load(self, folder: Path) -> None:
        fitted = json.loads((folder / "retrieval.json").read_text())
        self._model = self.load_model()
        self._embedder = self.load_embedder()
        self.settings = fitted["settings"]
        self._instruction = fitted["instruction"]
        self._train = [Example(*fields) for fields in fitted["train"]]
        self._passages = [Passage(**fields) for fields in fitted["passages"]]
        self._example_index = VectorIndex.load(folder / "examples.faiss")
        self._passage_index = VectorIndex.load(folder / "passages.faiss") if self._passages else None
        self._answerer = Answerer.from_json(self._model, self.brief, fitted["answerer"])

    def _ask(self, inputs: Sequence[str], passages: int, examples: int) -> list[tuple[Prompt, tuple[str, ...]]]:
        """A prompt for each input, with the ids of what stands in it: documents best first, then training rows."""
        if not any(inputs):  # the empty input that labels are held against has no neighbours
            return [(build_prompt(self._instruction, input), ()) for input in inputs]
        vectors = self._embedder.embed(inputs)
        nothing: list[list[int]] = [[] for _ in inputs]
        found_passages = (
            self._passage_index.search(vectors, passages).tolist() if self._passage_index and passages else nothing
        )
        found_examples = self._example_index.search(vectors, examples).tolist() if examples else nothing
        asked = []
        for input, near_passages, near_examples in zip(inputs, found_passages, found_examples, strict=True):
            read = [self._passages[at] for at in near_passages]
            shown = within_tokens([self._train[at] for at in near_examples], TOKENS_OF_EXAMPLES, self._model)
            # The nearest example stands last, next to the input: models heed what they read last.
            prompt = build_prompt(self._instruction, input, shown[::-1], read)
            documents = dict.fromkeys(passage.document_id for passage in read)
            sources = (*documents, *(EXAMPLE_SOURCE + example.id for example in shown))
            asked.append((prompt, sources))
        return asked
