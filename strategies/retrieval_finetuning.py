"""Retrieval with fine-tuning: an adapter trained on prompts that contain what retrieval would find.

So it learns to use what was found, and to cope if that doesn't help: a share of the training rows gets passages and
examples other than the nearest.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import ClassVar

from eval.outcomes import Prediction
from eval.splitting.duplicates import compare_inputs
from eval.task import Document, Example, LearningSplit
from strategies.contract import ReportProgress
from strategies.declaration import Declaration, LookUps, Mark, Words
from strategies.demonstrations import within_tokens
from strategies.engine.language_model import LanguageModel, Prompt
from strategies.finetuning import Finetuning
from strategies.open_book import (
    TRAINED_WITH_DOCUMENTS,
    TRAINED_WITHOUT,
    Counts,
    OpenBook,
    Opened,
    answer_openly,
    index_book,
    refreshed,
)
from strategies.prompts import SHORT_INSTRUCTIONS
from strategies.search.embedder import Embedder, load_embedder

# A search misses about this often (docs/benchmarks.md). An adapter that never saw a miss copies whatever it gets.
DISTRACTED_SHARE = 0.2
SPARE = 64  # extra results, to replace those that a training row may not see


@dataclass(eq=False)
class RetrievalFinetuning(Finetuning):
    load_embedder: Callable[[], Embedder] = load_embedder
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
        self.settings = {"passages": self._counts.passages, "examples": self._counts.examples, **self.settings}

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        opened = self._book.open(inputs, self._counts, self._answerer.model)
        return answer_openly(self._answerer, SHORT_INSTRUCTIONS[self.brief.kind], inputs, opened)

    def save(self, folder: Path) -> None:
        super().save(folder)
        stored = {"tokens_of_examples": self._counts.tokens_of_examples, **self._book.save(folder)}
        (folder / "book.json").write_text(json.dumps(stored, ensure_ascii=False))

    def load(self, folder: Path) -> None:
        super().load(folder)
        stored = json.loads((folder / "book.json").read_text())
        self._book = OpenBook.load(folder, stored, self.load_embedder())
        self._counts = Counts(self.settings["passages"], self.settings["examples"], stored["tokens_of_examples"])

    def refresh(self, documents: Sequence[Document]) -> None:
        self._book = refreshed(self._book, documents)

    def _prepare(self, split: LearningSplit, documents: Sequence[Document], report_progress: ReportProgress) -> None:
        embedder = self.load_embedder()
        self._book, self._train_vectors, self.notes = index_book(split.train, documents, embedder, report_progress)
        self._counts = TRAINED_WITH_DOCUMENTS if self._book.passages else TRAINED_WITHOUT

    def _teach(self, train: Sequence[Example], model: LanguageModel) -> list[Prompt]:
        return self._prompts([row.input for row in train], self._open_for_training(train, model))

    def _ask(self, inputs: Sequence[str], model: LanguageModel) -> list[Prompt]:
        return self._prompts(inputs, self._book.open(inputs, self._counts, model))

    def _prompts(self, inputs: Sequence[str], opened: Sequence[Opened]) -> list[Prompt]:
        instruction = SHORT_INSTRUCTIONS[self.brief.kind]
        return [one.prompt(instruction, input) for one, input in zip(opened, inputs, strict=True)]

    def _open_for_training(self, train: Sequence[Example], model: LanguageModel) -> list[Opened]:
        """What retrieval would find for each row if the book held neither it nor similar rows. A seeded share of rows
        gets the next passages that don't hold the answer, and random examples."""
        counts, chance = self._counts, Random(f"{self.seed}-distracted")
        distracted = set(chance.sample(range(len(train)), round(DISTRACTED_SHARE * len(train))))
        passages = self._book.near_passages(self._train_vectors, counts.passages and counts.passages + SPARE)
        solved = self._book.solved_beside(counts.passages)
        examples = solved.near(self._train_vectors, counts.examples and counts.examples + SPARE)
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


def likeness_of(rows: Sequence[Example]) -> Callable[[str, str], bool]:
    """Whether two rows, given by id, are the same, of the same group, or have (nearly) the same input. One such row
    practically gives the other's answer away."""
    likeness = compare_inputs([row.input for row in rows])
    key = {row.id: int(key) for row, key in zip(rows, likeness.key, strict=True)}
    group = {row.id: row.group for row in rows}
    near = {(a, b) for a, b in likeness.pairs.tolist()}

    def are_alike(one: str, other: str) -> bool:
        low, high = sorted((key[one], key[other]))
        return low == high or (low, high) in near or (group[one] is not None and group[one] == group[other])

    return are_alike
