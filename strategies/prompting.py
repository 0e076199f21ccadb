"""Prompting: the same instruction with every request, alone or with solved examples. The weights don't change."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from eval.outcomes import Effort, Prediction
from eval.scoring import Scorer, scorer_while_learning
from eval.splitting.clusters import clusters_of
from eval.splitting.stable_order import stable_hash
from eval.task import Brief, Document, Example, LearningSplit
from strategies.answerer import Answerer
from strategies.choosing import Attempt, choose
from strategies.contract import ReportProgress
from strategies.declaration import Declaration, Mark, Words
from strategies.demonstrations import AT_RANDOM, Draw, draws_for, examples_for
from strategies.engine.language_model import LanguageModel, Prompt
from strategies.instructions import REWRITTEN, Instruction, instructions_for, named, short_instruction
from strategies.presets import Budget
from strategies.prompts import are_conversations, as_asked, build_prompt
from strategies.rewriting import Mistake, rewrite
from strategies.standing import Standing, labels_of, standings

SPARE_ROWS = 3  # training rows for one of dev, to judge settings on: they are neither shown nor described
SPARE_SHARE = 1 / 3  # of the training rows, at most
MOST_TRIED = 20
MOST_INSTRUCTIONS = 9  # the person's own and the drafted one, each in four ways, and one with the labels first
RIGHT = 0.5  # an answer with a lower score is a mistake to learn from


@dataclass(frozen=True, slots=True)
class Told:
    """What a prompt says besides the input."""

    instruction: Instruction
    settings: dict[str, Any]
    shown: tuple[Example, ...] = ()
    in_turns: bool = False  # whether the turns of conversations are kept

    def ask(self, inputs: Sequence[str]) -> list[Prompt]:
        text = self.instruction.text
        return [build_prompt(text, input, self.shown, is_conversation=self.in_turns) for input in inputs]


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
        learns_from_rows=False,  # except for a few that describe the answers in its instruction
        by_default=True,
        settings_tried=MOST_INSTRUCTIONS,
    )

    def fit(self, split: LearningSplit, documents: Sequence[Document], report_progress: ReportProgress) -> None:
        model, split = self.load_model(), as_asked(split, self.brief.kind)
        self._answerer = Answerer(model, self.brief)
        self._answerer.learn_length(split.train, self.budget.answer_tokens)
        settled = self.budget.settled
        spare = [] if settled else spare_rows(split.train, self.brief, SPARE_ROWS * len(split.dev))
        kept = {row.id for row in spare}
        self._in_turns = are_conversations(split.train)
        rows = (split.dev, spare)
        scorer = scorer_while_learning(self.brief, split, documents)
        others = [row for row in split.train if row.id not in kept]
        told = self._told(others, model)
        told = told[: self.budget.settings_raced]
        rewritings = (
            self.budget.rewritings
            if model.rewrites and (not settled or REWRITTEN in settled.get("instruction", ""))
            else 0
        )
        tokens = self.budget.choosing_tokens / (1 + rewritings)
        started, taken = time.perf_counter(), model.tokens_taken
        best, self.choices, effort = self._best(told, rows, scorer, tokens, report_progress)
        answered, found_better = effort.dev_rows, effort.found_better
        # Read where it goes wrong on rows that judge nothing.
        read = sorted(others, key=lambda row: stable_hash("mistakes", row.input, row.target))[: len(split.dev)]
        for _ in range(rewritings):
            new = rewrite(model, self.brief, best.instruction, self._mistakes(best, read, scorer))
            if new is None:
                break
            rewritten = replace(best, instruction=new, settings=best.settings | {"instruction": new.name})
            before, (best, choices, effort) = best, self._best([best, rewritten], rows, scorer, tokens, report_progress)
            self.choices += [choice for choice in choices if choice["instruction"] == new.name]
            answered, found_better = max(answered, effort.dev_rows), bool(found_better or effort.found_better)
            if best is before:
                break
        self._instruction, self._shown = best.instruction, best.shown
        self.effort = Effort(
            settings_tried=len(self.choices),
            dev_rows=answered,
            seconds=time.perf_counter() - started,
            tokens=model.tokens_taken - taken,
            training_rows=max(0, answered - len(split.dev))
            + len(self._instruction.quoted)
            + (len(read) if rewritings else 0),
            found_better=found_better,
        )
        self.settings = best.settings | self._answerer.settings
        self.notes = model.notes

    def _best(
        self,
        told: Sequence[Told],
        rows: tuple[Sequence[Example], Sequence[Example]],
        scorer: Scorer,
        tokens: float,
        report_progress: ReportProgress,
    ) -> tuple[Told, list[dict[str, Any]], Effort]:
        """The best on dev and spare rows."""
        attempts = [Attempt.of(one.settings, one.ask) for one in told]
        dev, spare = rows
        best, choices, effort = choose(self._answerer, attempts, dev, scorer, report_progress, tokens, spare)
        return told[attempts.index(best)], choices, effort

    def _mistakes(self, told: Told, rows: Sequence[Example], scorer: Scorer) -> list[Mistake]:
        answers = self._answerer.answer(told.ask([row.input for row in rows]))
        return [
            Mistake(row.input, answer.text, row.target)
            for row, answer in zip(rows, answers, strict=True)
            if scorer.score(answer.text, row).value < RIGHT
        ]

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        return self._answerer.answer(self.prompts(inputs))

    @property
    def asked_model(self) -> LanguageModel:
        return self._answerer.model

    def prompts(self, inputs: Sequence[str]) -> list[Prompt]:
        return Told(self._instruction, {}, self._shown, self._in_turns).ask(inputs)

    def save(self, folder: Path) -> None:
        fitted = {
            "settings": self.settings,
            "instruction": self._instruction.text,
            "in_turns": self._in_turns,
            "shown": [[example.id, example.input, example.target] for example in self._shown],
            "answerer": self._answerer.to_json(),
        }
        (folder / "prompting.json").write_text(json.dumps(fitted, ensure_ascii=False))

    def load(self, folder: Path) -> None:
        fitted = json.loads((folder / "prompting.json").read_text())
        self.settings = fitted["settings"]
        self._instruction = Instruction(self.settings.get("instruction", ""), fitted["instruction"])
        self._shown = tuple(Example(*fields) for fields in fitted["shown"])
        self._in_turns = fitted.get("in_turns", False)
        self._answerer = Answerer.from_json(self.load_model(), self.brief, fitted["answerer"])

    @staticmethod
    def chosen_in(folder: Path) -> Instruction | None:
        """The instruction that was chosen, from where `save` wrote it; None if nothing was saved."""
        try:
            fitted = json.loads((folder / "prompting.json").read_text())
        except FileNotFoundError:
            return None
        return Instruction(fitted["settings"].get("instruction", ""), fitted["instruction"])

    def _told(self, train: Sequence[Example], model: LanguageModel) -> list[Told]:
        """What to try, the default first; only the settled one, if it is settled."""
        instructions = self._instructions(train, standings(train, self.brief), model)
        if "instruction" in self.budget.settled:
            instructions = [named(instructions, self.budget.settled)]
        return [Told(one, {"instruction": one.name}, in_turns=self._in_turns) for one in instructions]

    def _instructions(
        self, train: Sequence[Example], rows: Sequence[Standing], model: LanguageModel
    ) -> list[Instruction]:
        """Those that leave room for examples and an input; the first in any case."""
        first, *others = instructions_for(self.brief, train, [one for one in rows if not one.contradicts])
        lengths = model.count_tokens([one.text for one in others])
        return [first, *(one for one, length in zip(others, lengths, strict=True) if 4 * length < model.context_tokens)]


class PromptingWithExamples(Prompting):
    """The instruction and the same solved examples for every input."""

    name = "prompting_examples"
    declaration = Declaration(
        words=Words(
            "Prompting with examples",
            "Like a briefing with samples",
            "The model gets your instructions and the same solved examples with every request. "
            "The model itself doesn't change.",
        ),
        mark=Mark("#0072B2", "triangle-down"),
        worth_it="Worth it if a few examples show what you want better than an instruction does.",
        by_default=True,
        settings_tried=MOST_TRIED,
        shows_examples=True,
    )

    def _told(self, train: Sequence[Example], model: LanguageModel) -> list[Told]:
        """Each instruction with some draws of examples, the most promising pairs first."""
        settled, rows = self.budget.settled, standings(train, self.brief)
        usual = self._instructions(train, rows, model)
        instructions = [usual[0], short_instruction(self.brief), *usual[1:]]
        tried = in_order(instructions, draws_for(self.brief, model.reads_beginnings_once))
        if "examples" in settled:
            draw = Draw(settled["examples"], settled.get("examples taken", AT_RANDOM), settled["draw"])
            tried = [(named(instructions, settled), draw)]
        told: list[Told] = []
        for instruction, draw in tried:
            shown = tuple(examples_for(draw, rows, self.seed, model))
            settings = {"instruction": instruction.name, **draw.settings, "examples": len(shown)}
            if all((shown, instruction) != (one.shown, one.instruction) for one in told):
                told.append(Told(instruction, settings, shown, self._in_turns))
            if len(told) == min(self.budget.settings_raced, MOST_TRIED):
                break
        return told


def in_order(instructions: Sequence[Instruction], draws: Sequence[Draw]) -> list[tuple[Instruction, Draw]]:
    """Each instruction with each draw, the most promising pairs first."""
    places = [(one, other) for one in range(len(instructions)) for other in range(len(draws))]
    return [(instructions[one], draws[other]) for one, other in sorted(places, key=sum)]


def spare_rows(train: Sequence[Example], brief: Brief, most: int) -> list[Example]:
    """Training rows to judge settings on, in a random order that other rows don't change: at most a third of each
    label's rows, and none without the rows that give its answer away."""

    def label(row: Example) -> str:
        return labels_of(row, brief)[0] if brief.labels else ""

    def place(cluster: Sequence[Example]) -> int:
        return min(stable_hash("spare", row.input, row.target) for row in cluster)

    left = Counter({name: int(SPARE_SHARE * count) for name, count in Counter(map(label, train)).items()})
    spare: list[Example] = []
    for cluster in sorted(clusters_of(train), key=place):
        if (needed := Counter(map(label, cluster))) <= left and len(spare) + len(cluster) <= most:
            spare += cluster
            left -= needed
    return spare
