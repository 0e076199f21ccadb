"""Retrieval with fine-tuning: an adapter trained on prompts that contain what retrieval would find.

So it learns to use what was found, and to cope if that doesn't help: a share of the training rows gets passages and
examples other than the nearest.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import ClassVar

import numpy as np

from eval.outcomes import Prediction, SearchQuality
from eval.scoring import scorer_while_learning
from eval.task import Document, Example, LearningSplit
from strategies.answerer import Asking
from strategies.contract import ReportProgress
from strategies.declaration import Declaration, LookUps, Mark, Words
from strategies.demonstrations import within_tokens
from strategies.engine.language_model import LanguageModel, Prompt
from strategies.finetuning import Finetuning
from strategies.likeness import likeness_of
from strategies.open_book import (
    SPARE,
    TRAINED_WITH_DOCUMENTS,
    TRAINED_WITHOUT,
    Counts,
    OpenBook,
    Opened,
    answer_openly,
    index_book,
    refreshed,
    votes_of,
)
from strategies.search.models import SearchModels
from strategies.search.settings import SearchBudget
from strategies.search_choice import choose_search, judge_by
from strategies.search_quality import search_quality

# A search misses about this often (docs/benchmarks.md). An adapter that never saw a miss copies whatever it gets.
DISTRACTED_SHARE = 0.2


@dataclass(eq=False)
class RetrievalFinetuning(Finetuning):
    search_models: SearchModels = field(default_factory=SearchModels)
    search_quality: SearchQuality | None = field(default=None, init=False)
    name: ClassVar[str] = "retrieval_finetuning"
    declaration: ClassVar[Declaration] = Declaration(
        words=Words(
            "Retrieval with fine-tuning",
            "Like an exam with the book open",
            "We train the model on your examples together with what is retrieved for them, so it learns what to use. "
            "It takes the work of both.",
        ),
        mark=Mark("#CC79A7", "diamond"),
        worth_it="Worth it if answers need facts from documents and a style or format that only examples show.",
        trains="adapter",
        looks_up=LookUps([TRAINED_WITH_DOCUMENTS], [TRAINED_WITHOUT]),
    )

    def fit(self, split: LearningSplit, documents: Sequence[Document], report_progress: ReportProgress) -> None:
        super().fit(split, documents, report_progress)
        counts = {"passages": self._counts.passages, "examples": self._counts.examples}
        self.settings = {**counts, **self._book.search.shown(bool(documents)), **self.settings}
        self.choices = [*self._searches_tried, *self.choices]

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        opened = self._open(inputs, self._answerer.model)
        return answer_openly(self._answerer, self._prompts(inputs, opened), opened)

    def answer_trained(self, train: Sequence[Example], rows: Sequence[int]) -> list[Prediction]:
        """As at prediction, with the votes of examples that don't give a row's answer away."""
        prompts, votes = self._teach(train, self.trained_model), None
        if self.brief.labels:
            are_alike, solved = likeness_of(train), self._book.solved
            vectors = solved.index.vectors.vectors[[*rows]]
            votes = np.array(solved.votes(vectors, self.brief, lambda at, one: are_alike(train[rows[at]].id, one.id)))
        return self._answerer.answer([prompts[row] for row in rows], votes=votes)

    def save(self, folder: Path) -> None:
        super().save(folder)
        stored = {"tokens_of_examples": self._counts.tokens_of_examples, **self._book.save(folder)}
        (folder / "book.json").write_text(json.dumps(stored, ensure_ascii=False))

    def load(self, folder: Path) -> None:
        super().load(folder)
        stored = json.loads((folder / "book.json").read_text())
        self._book = OpenBook.load(folder, stored, self.search_models)
        self._counts = Counts(self.settings["passages"], self.settings["examples"], stored["tokens_of_examples"])

    def refresh(self, documents: Sequence[Document]) -> None:
        self._book = refreshed(self._book, documents)

    def _prepare(self, split: LearningSplit, documents: Sequence[Document], report_progress: ReportProgress) -> None:
        judge = judge_by(scorer_while_learning(self.brief, split, documents))
        searched = choose_search(split.train, documents, self.search_models, self.budget, judge, report_progress)
        self._book, notes = index_book(split.train, documents, self.search_models, searched, report_progress)
        if not self.budget.settled:
            most = SearchBudget.of(self.budget.settings).rows
            self.search_quality = search_quality(
                self._book, split, documents, self.brief.kind, searched.judged_on, most
            )
        self.notes = [*searched.notes, *notes]
        self._searches_tried = searched.tried
        self._counts = TRAINED_WITH_DOCUMENTS if self._book.passages else TRAINED_WITHOUT

    @property
    def _reads_only_inputs(self) -> bool:
        return False  # what is looked up for a training row is known by its place

    def _teach(self, train: Sequence[Example], model: LanguageModel) -> list[Prompt]:
        return self._prompts([row.input for row in train], self._open_for_training(train, model))

    def _ask(self, inputs: Sequence[str], model: LanguageModel) -> Asking:
        opened = self._open(inputs, model)
        return Asking(self._prompts(inputs, opened), votes_of(opened))

    def _open(self, inputs: Sequence[str], model: LanguageModel) -> list[Opened]:
        return self._book.open(inputs, self._counts, model, self.brief)

    def _prompts(self, inputs: Sequence[str], opened: Sequence[Opened]) -> list[Prompt]:
        return [one.prompt(self._instruction, input, self._in_turns) for one, input in zip(opened, inputs, strict=True)]

    def _open_for_training(self, train: Sequence[Example], model: LanguageModel) -> list[Opened]:
        """What retrieval would find for each row if the book held neither it nor similar rows. A seeded share of rows
        gets the next passages that don't hold the answer, and random examples."""
        counts, chance = self._counts, Random(f"{self.seed}-distracted")
        distracted = set(chance.sample(range(len(train)), round(DISTRACTED_SHARE * len(train))))
        inputs, vectors = [row.input for row in train], self._book.solved.index.vectors.vectors
        # Reranking for each training row would take longer than the training.
        passages = self._book.near_passages(inputs, vectors, counts.passages and counts.passages + SPARE, reranks=False)
        solved = self._book.solved_beside(counts.passages)
        examples = solved.near(inputs, vectors, counts.examples and counts.examples + SPARE)
        are_alike = likeness_of(train)
        opened = []
        for at, (row, read, near) in enumerate(zip(train, passages, examples, strict=True)):
            nearest = read[: counts.passages]
            if at in distracted:
                others = [passage for passage in read[counts.passages :] if not passage.contains(row.target)]
                nearest = others[: counts.passages] or nearest
                near = chance.sample(solved.examples, len(near))
            shown = [example for example in near if not are_alike(row.id, example.id)][: counts.examples]
            opened.append(Opened(nearest, within_tokens(shown, counts.tokens_of_examples, model)))
        return opened
