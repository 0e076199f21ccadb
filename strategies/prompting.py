"""Prompting: the same instruction with every request, alone or with a few solved examples. The weights don't change."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from eval.outcomes import Effort, Prediction
from eval.scoring import scorer_while_learning
from eval.splitting.stable_order import stable_hash
from eval.task import Brief, Document, Example, LearningSplit
from strategies.answerer import Answerer, Attempt
from strategies.contract import ReportProgress
from strategies.declaration import Declaration, Mark, Words
from strategies.engine.language_model import LanguageModel, Prompt
from strategies.presets import Budget
from strategies.prompts import as_asked, build_prompt, instruction_of

# The number of examples in the prompt, and which draw of them; tried in this order within the budget.
TRIED = ((4, 0), (8, 0), (4, 1), (8, 1), (16, 0), (16, 1), (4, 2), (8, 2), (16, 2), (2, 0))
TOKENS_OF_EXAMPLES = 1500  # more would crowd out the input


@dataclass(eq=False)
class Prompting:
    """Only the instruction."""

    brief: Brief
    load_model: Callable[[], LanguageModel]
    budget: Budget
    seed: int = 0
    settings: dict[str, Any] = field(default_factory=dict, init=False)
    choices: list[dict[str, Any]] = field(default_factory=list, init=False)
    effort: Effort = field(default=Effort(), init=False)
    notes: list[str] = field(default_factory=list, init=False)
    name: ClassVar[str] = "prompting"
    declaration: ClassVar[Declaration] = Declaration(
        words=Words(
            "Prompting",
            "Like a briefing",
            "The model gets your instructions with every request. The model itself doesn't change.",
        ),
        mark=Mark("#0072B2", "circle"),
        worth_it="Worth it as the starting point: it shows what the model can do without any examples.",
        learns_from_rows=False,  # except for names and lengths in its instruction
        by_default=True,
    )
    tried: ClassVar[tuple[tuple[int, int], ...]] = ((0, 0),)

    def fit(self, split: LearningSplit, documents: Sequence[Document], report_progress: ReportProgress) -> None:
        model, split = self.load_model(), as_asked(split, self.brief.kind)
        self._answerer = Answerer(model, self.brief)
        self._answerer.learn_length(split.train, self.budget.answer_tokens)
        self._instruction = instruction_of(self.brief, split.train)
        tried: list[tuple[Attempt, list[Example]]] = []
        for count, draw in self.budget.left_to_try(self.tried, "examples", "draw"):
            shown = within_tokens(self._draw(split.train, count, draw), TOKENS_OF_EXAMPLES, model)
            if len(tried) < self.budget.settings and all(shown != other for _, other in tried):
                settings = {"examples": len(shown), "draw": draw} if shown else {}
                tried.append((Attempt(settings, partial(self._ask, shown=shown)), shown))
        scorer = scorer_while_learning(self.brief, split, documents)
        best, self.choices, self.effort = self._answerer.choose(
            [attempt for attempt, _ in tried], split.dev, scorer, report_progress
        )
        self._shown = next(shown for attempt, shown in tried if attempt is best)
        self.settings = best.settings | self._answerer.settings
        self.notes = model.notes

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        return self._answerer.answer(self._ask(inputs, self._shown))

    def save(self, folder: Path) -> None:
        fitted = {
            "settings": self.settings,
            "instruction": self._instruction,
            "shown": [[example.id, example.input, example.target] for example in self._shown],
            "answerer": self._answerer.to_json(),
        }
        (folder / "prompting.json").write_text(json.dumps(fitted, ensure_ascii=False))

    def load(self, folder: Path) -> None:
        fitted = json.loads((folder / "prompting.json").read_text())
        self.settings = fitted["settings"]
        self._instruction = fitted["instruction"]
        self._shown = [Example(*fields) for fields in fitted["shown"]]
        self._answerer = Answerer.from_json(self.load_model(), self.brief, fitted["answerer"])

    def _ask(self, inputs: Sequence[str], shown: Sequence[Example]) -> list[Prompt]:
        return [build_prompt(self._instruction, input, shown) for input in inputs]

    def _draw(self, train: Sequence[Example], count: int, draw: int) -> list[Example]:
        """Examples to show, seeded; for labels, one of each label in turn. Adding or removing rows keeps the order of
        the others, so that a rerun shows mostly the same ones."""

        def place(*said: str) -> int:
            return stable_hash(self.seed, draw, *said)

        by_label: dict[str, list[Example]] = defaultdict(list)
        for example in sorted(train, key=lambda row: place(row.input, row.target)):
            by_label[example.target if self.brief.labels else ""].append(example)
        piles = [by_label[label] for label in sorted(by_label, key=place)]
        drawn: list[Example] = []
        while len(drawn) < count and any(piles):
            drawn += [pile.pop() for pile in piles if pile][: count - len(drawn)]
        return drawn


class PromptingWithExamples(Prompting):
    """The instruction and the same solved examples for every input."""

    name = "prompting_examples"
    declaration = Declaration(
        words=Words(
            "Prompting with examples",
            "Like a briefing with samples",
            "The model gets your instructions and a few fixed examples with every request. "
            "The model itself doesn't change.",
        ),
        mark=Mark("#0072B2", "triangle-down"),
        worth_it="Worth it if a few examples show what you want better than an instruction does.",
        by_default=True,
        settings_tried=len(TRIED),
    )
    tried = TRIED


def within_tokens(examples: Sequence[Example], most: int, model: LanguageModel) -> list[Example]:
    """The first examples that together fit into `most` tokens, but at least one."""
    kept: list[Example] = []
    used = 0
    for example, tokens in zip(
        examples, model.count_tokens([f"{example.input}\n{example.target}" for example in examples]), strict=True
    ):
        used += tokens
        if kept and used > most:
            break
        kept.append(example)
    return kept
