"""Hosted fine-tuning: the service that has the model trains it on the solved examples, as a paid job. The rows and the
short prompt are those of our own fine-tuning."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from eval.outcomes import Effort, Prediction
from eval.scoring import scorer_while_learning
from eval.task import Brief, Document, LearningSplit
from strategies.answerer import Answerer
from strategies.choosing import Attempt, choose
from strategies.contract import TRAINING, Progress, ReportProgress
from strategies.declaration import Declaration, Mark, Words
from strategies.engine.language_model import LanguageModel, Prompt
from strategies.presets import Budget
from strategies.prompts import SHORT_INSTRUCTIONS, are_conversations, as_asked, build_prompt

if TYPE_CHECKING:  # its HTTP client takes a second to import, and a page only needs the declaration
    from strategies.served.serving import ServedLoader
    from strategies.tuning.provider import JobState
    from strategies.tuning.training import Trained

UNTRIED = "We tried hosted fine-tuning only with a server of our own, not with a paid service."


@dataclass(eq=False)
class HostedFinetuning:
    """`load_model` loads the base model, and the tuned one after `fit` or `load`. `trained_tokens` are those that the
    service bills."""

    brief: Brief
    load_model: Callable[[], LanguageModel]
    budget: Budget
    seed: int = 0
    settings: dict[str, Any] = field(default_factory=dict, init=False)
    choices: list[dict[str, Any]] = field(default_factory=list, init=False)
    effort: Effort = field(default=Effort(), init=False)
    notes: list[str] = field(default_factory=list, init=False)
    trained_tokens: int = field(default=0, init=False)
    name: ClassVar[str] = "hosted_finetuning"
    declaration: ClassVar[Declaration] = Declaration(
        words=Words(
            "Hosted fine-tuning",
            "Like sending it on a course",
            "The service that has the model trains its own copy on your examples, as a paid job. It gets your training "
            "rows.",
        ),
        mark=Mark("#009E73", "star"),
        worth_it="Worth it if you have 100 training rows or more, and may send them to the service.",
        by_service=True,
    )

    def fit(self, split: LearningSplit, documents: Sequence[Document], report_progress: ReportProgress) -> None:
        from strategies.tuning.chats import Chats, foreseen_for
        from strategies.tuning.provider import Running
        from strategies.tuning.training import train

        base = self._base()
        host, chats = base.address.host, Chats.of(split, self.brief.kind)
        foreseen = foreseen_for(chats, self.budget)

        def tell(state: JobState) -> None:
            if not isinstance(state, Running):
                report_progress(Progress(f"waiting in the queue of {host}", 0, 1))
            elif state.tokens is None:
                report_progress(Progress(f"at {host}: {TRAINING}", 0, 1))
            else:
                most = max(round(foreseen.tokens), state.tokens)
                report_progress(Progress(f"at {host}: {TRAINING}", state.tokens, most))

        report_progress(Progress(f"sending the training rows to {host}", 0, 1))
        trained = train(base.address, chats, foreseen, self.seed, base.serving, tell)
        self.trained_tokens = trained.tokens
        self.load_model = base.of_tuned(trained.model)
        report_progress(Progress("asking what the tuned model can do", 0, 1))
        model = self.load_model()
        self._answerer = Answerer(model, self.brief)
        asked = as_asked(split, self.brief.kind)
        self._in_turns = are_conversations(asked.train)
        self._answerer.learn_length(asked.train, self.budget.answer_tokens)
        scorer = scorer_while_learning(self.brief, asked, documents)
        _, self.choices, effort = choose(
            self._answerer, [Attempt.of({}, self._ask)], asked.dev, scorer, report_progress
        )
        tried = len(self.choices) if len(self.choices) > 1 else 0  # a single way to answer isn't a choice
        self.effort = Effort(tried, len(split.dev), effort.seconds, effort.tokens)
        self.notes = [*self._notes_on(trained, host, chats.rows), *model.notes]
        self.settings = {
            "tuned_model": trained.model,
            "epochs": foreseen.epochs,
            "training_tokens": trained.tokens,
            **self._answerer.settings,
        }

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        return self._answerer.answer(self.prompts(inputs))

    @property
    def asked_model(self) -> LanguageModel:
        return self._answerer.model

    def prompts(self, inputs: Sequence[str]) -> list[Prompt]:
        return self._ask(inputs)

    def save(self, folder: Path) -> None:
        fitted = {
            "settings": self.settings,
            "tokens": self.trained_tokens,
            "in_turns": self._in_turns,
            "answerer": self._answerer.to_json(),
        }
        (folder / "hosted_finetuning.json").write_text(json.dumps(fitted, ensure_ascii=False))

    def load(self, folder: Path) -> None:
        fitted = json.loads((folder / "hosted_finetuning.json").read_text())
        self.settings, self.trained_tokens = fitted["settings"], fitted["tokens"]
        self._in_turns = fitted.get("in_turns", False)
        self.load_model = self._base().of_tuned(self.settings["tuned_model"])
        self._answerer = Answerer.from_json(self.load_model(), self.brief, fitted["answerer"])

    def _base(self) -> ServedLoader:
        from strategies.served.serving import ServedLoader

        if not isinstance(self.load_model, ServedLoader):
            raise TypeError("hosted fine-tuning trains a served model, so `load_model` is a ServedLoader")
        return self.load_model

    def _ask(self, inputs: Sequence[str]) -> list[Prompt]:
        """A short instruction, because the weights hold what to do."""
        instruction = SHORT_INSTRUCTIONS[self.brief.kind]
        return [build_prompt(instruction, input, is_conversation=self._in_turns) for input in inputs]

    def _notes_on(self, trained: Trained, host: str, rows: int) -> list[str]:
        notes = [
            f"{host} trained the model on {rows:,} rows and calls it {trained.model}. It stays there until you delete "
            "it: python -m advisor forget-tuned RUN.",
            UNTRIED,
        ]
        if trained.was_kept:
            notes.append("An earlier run had the model trained on the same rows, so this run didn't pay for training.")
        if trained.files_left:
            notes.append(f"The uploaded rows couldn't be deleted at {host}: delete them there.")
        return notes
