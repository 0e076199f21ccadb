"""Retrieval: an open book. The nearest passages and solved examples go into each input's prompt."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from eval.measuring.spared import spared_seconds
from eval.outcomes import Effort, Prediction, SearchQuality
from eval.scoring import scorer_while_learning
from eval.task import Brief, Document, LearningSplit
from strategies.answerer import Answerer, Asking
from strategies.choosing import Attempt, choose
from strategies.contract import ReportProgress
from strategies.declaration import Declaration, LookUps, Mark, Words
from strategies.engine.language_model import LanguageModel, Prompt
from strategies.open_book import Counts, OpenBook, Opened, answer_openly, index_book, refreshed, votes_of
from strategies.presets import Budget
from strategies.prompts import are_conversations, as_asked, instruction_of
from strategies.search.models import SearchModels
from strategies.search.settings import SearchBudget
from strategies.search_choice import choose_search, judge_by
from strategies.search_quality import search_quality

# The numbers of passages and solved examples in the prompt; tried in this order within the budget.
# Settings with examples come early: they show a small model how short an answer should be. Few examples come late: they
# are rarely best, and a few rows may say so by chance.
TRIED_WITH_DOCUMENTS = ((1, 8), (1, 4), (3, 4), (3, 0), (1, 0), (0, 4), (2, 4), (5, 4), (5, 0), (3, 8))
TRIED_WITHOUT = ((0, 8), (0, 4), (0, 16), (0, 12), (0, 2), (0, 6), (0, 24), (0, 3), (0, 10), (0, 1))
TOKENS_OF_EXAMPLES = 800  # read again for every input, so fewer than in a fixed prompt


@dataclass(eq=False)
class Retrieval:
    brief: Brief
    load_model: Callable[[], LanguageModel]
    budget: Budget
    seed: int = 0
    search_models: SearchModels = field(default_factory=SearchModels)
    settings: dict[str, Any] = field(default_factory=dict, init=False)
    choices: list[dict[str, Any]] = field(default_factory=list, init=False)
    effort: Effort = field(default=Effort(), init=False)
    notes: list[str] = field(default_factory=list, init=False)
    search_quality: SearchQuality | None = field(default=None, init=False)
    name: ClassVar[str] = "retrieval"
    declaration: ClassVar[Declaration] = Declaration(
        words=Words(
            "Retrieval",
            "Like an open book",
            "For each request we retrieve the most similar passages and examples and add them to the prompt. "
            "You can add new facts at any time, and nothing is trained.",
        ),
        mark=Mark("#E69F00", "square"),
        worth_it="Worth it if the facts are in documents, or if similar rows have similar answers.",
        by_default=True,
        settings_tried=max(len(TRIED_WITH_DOCUMENTS), len(TRIED_WITHOUT)),
        looks_up=LookUps(
            [Counts(*counts, TOKENS_OF_EXAMPLES) for counts in TRIED_WITH_DOCUMENTS],
            [Counts(*counts, TOKENS_OF_EXAMPLES) for counts in TRIED_WITHOUT],
        ),
    )

    def fit(self, split: LearningSplit, documents: Sequence[Document], report_progress: ReportProgress) -> None:
        split = as_asked(split, self.brief.kind)
        self._answerer = Answerer(self.load_model(), self.brief)
        self._answerer.learn_length(split.train, self.budget.answer_tokens)
        self._instruction = instruction_of(self.brief, split.train)
        self._in_turns = are_conversations(split.train)
        scorer = scorer_while_learning(self.brief, split, documents)
        started, spared = time.perf_counter(), spared_seconds()
        searched = choose_search(
            split.train, documents, self.search_models, self.budget, judge_by(scorer), report_progress
        )
        self._book, self.notes = index_book(split.train, documents, self.search_models, searched, report_progress)
        most = SearchBudget.of(self.budget.settings).rows
        if not self.budget.settled:
            self.search_quality = search_quality(
                self._book, split, documents, self.brief.kind, searched.judged_on, most
            )
        seconds = time.perf_counter() - started + spared_seconds() - spared

        def attempt(passages: int, examples: int) -> Attempt:
            def ask(inputs: Sequence[str]) -> Asking:
                opened = self._open(inputs, passages, examples)
                return Asking(self._prompts(inputs, opened), votes_of(opened))

            return Attempt({"passages": passages, "examples": examples}, ask)

        tried = self.budget.left_to_try(
            TRIED_WITH_DOCUMENTS if self._book.passages else TRIED_WITHOUT, "passages", "examples"
        )[: self.budget.settings_raced]
        best, choices, effort = choose(
            self._answerer,
            [attempt(*counts) for counts in tried],
            split.dev,
            scorer,
            report_progress,
            self.budget.choosing_tokens,
        )
        self.choices = [*searched.tried, *choices]
        told = [one for one in (searched.found_better, effort.found_better) if one is not None]
        found_better = any(told) if told else None
        self.effort = replace(effort, seconds=effort.seconds + seconds, found_better=found_better)
        self.settings = best.settings | self._book.search.shown(bool(documents)) | self._answerer.settings
        self.notes += [*searched.notes, *self._answerer.model.notes]

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        opened = self._open(inputs, self.settings["passages"], self.settings["examples"])
        return answer_openly(self._answerer, self._prompts(inputs, opened), opened)

    @property
    def asked_model(self) -> LanguageModel:
        return self._answerer.model

    def prompts(self, inputs: Sequence[str]) -> list[Prompt]:
        return self._prompts(inputs, self._open(inputs, self.settings["passages"], self.settings["examples"]))

    def save(self, folder: Path) -> None:
        fitted = {
            "settings": self.settings,
            "instruction": self._instruction,
            "in_turns": self._in_turns,
            "answerer": self._answerer.to_json(),
            **self._book.save(folder),
        }
        (folder / "retrieval.json").write_text(json.dumps(fitted, ensure_ascii=False))

    def load(self, folder: Path) -> None:
        fitted = json.loads((folder / "retrieval.json").read_text())
        self.settings = fitted["settings"]
        self._instruction = fitted["instruction"]
        self._in_turns = fitted.get("in_turns", False)
        self._book = OpenBook.load(folder, fitted, self.search_models)
        self._answerer = Answerer.from_json(self.load_model(), self.brief, fitted["answerer"])

    def refresh(self, documents: Sequence[Document]) -> None:
        self._book = refreshed(self._book, documents)

    def _prompts(self, inputs: Sequence[str], opened: Sequence[Opened]) -> list[Prompt]:
        return [one.prompt(self._instruction, input, self._in_turns) for one, input in zip(opened, inputs, strict=True)]

    def _open(self, inputs: Sequence[str], passages: int, examples: int) -> list[Opened]:
        counts = Counts(passages, examples, TOKENS_OF_EXAMPLES)
        return self._book.open(inputs, counts, self._answerer.model, self.brief)
