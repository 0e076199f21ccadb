"""Turn prompts into answers, in the way the kind of task asks for, and choose settings on dev.

Where a task has labels, they are scored, so every answer is valid; everything else is written.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.outcomes import Effort, Prediction
from eval.scoring import Scorer
from eval.task import Brief, Example
from strategies.contract import Progress, ReportProgress
from strategies.engine.language_model import LanguageModel, Prompt, RowsDone, Scores
from strategies.label_choice import LabelChoice, continuations_of
from strategies.presets import SENTENCE_TOKENS
from strategies.witness import shares_of, watched

ANSWER_LENGTH_SHARE = 0.95  # answers may be as long as this share of training targets needs, and a sentence longer
ANSWER_LENGTH_SLACK = 1.1

Ask = Callable[[Sequence[str]], list[Prompt]]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A setting to try on dev: its JSON values, and the prompts it makes of inputs."""

    settings: dict[str, Any]
    ask: Ask


@dataclass(slots=True)
class Answerer:
    """A language model applied to one kind of task.

    `answer_tokens` limits written answers; `choice` says how scored labels become an answer; `baseline` holds each
    label's log-probability for an empty input, [labels].
    """

    model: LanguageModel
    brief: Brief
    answer_tokens: int = 1
    choice: LabelChoice = field(default_factory=LabelChoice)
    baseline: list[float] = field(default_factory=list)

    @property
    def settings(self) -> dict[str, Any]:
        """What was learned about answering, as the report shows it."""
        return self.choice.settings if self.brief.labels else {"answer_tokens": self.answer_tokens}

    def to_json(self) -> dict[str, Any]:
        return {
            "answer_tokens": self.answer_tokens,
            "choice": asdict(self.choice),
            "baseline": self.baseline,
            "form": self.model.form_to_json(),
        }

    @staticmethod
    def from_json(model: LanguageModel, brief: Brief, stored: dict[str, Any]) -> Answerer:
        chosen = stored.get("choice") or {"normalisation": stored["normalisation"]}  # of earlier versions
        return Answerer(model, brief, stored["answer_tokens"], LabelChoice(**chosen), stored["baseline"])

    def learn_length(self, train: Sequence[Example], most_tokens: int) -> None:
        """Set the length limit: the longest label, or almost all training targets and a sentence, within the budget."""
        if self.brief.labels:
            self.answer_tokens = max(self.model.count_tokens(continuations_of(self.brief)))
        else:
            lengths = self.model.count_tokens([example.target for example in train])
            usual = float(np.quantile(lengths, ANSWER_LENGTH_SHARE))
            self.answer_tokens = min(most_tokens, int(usual * ANSWER_LENGTH_SLACK) + SENTENCE_TOKENS)

    def answer(self, prompts: Sequence[Prompt], rows_done: RowsDone | None = None) -> list[Prediction]:
        """One prediction per prompt, without sources. It holds an error if the prompt is longer than the model's
        context."""
        asked = self._ask(prompts, [self.choice], rows_done)
        if (seen := watched()) is not None:
            compared = () if asked.scores is None else self.choice.compare(asked.scores, self.baseline)
            seen.shares += [shares_of(self.brief.labels, row) for row in compared]
        return self._predict(asked, self.choice)

    def choose(
        self, attempts: Sequence[Attempt], dev: Sequence[Example], scorer: Scorer, report_progress: ReportProgress
    ) -> tuple[Attempt, list[dict[str, Any]], Effort]:
        """Try every attempt on dev with the task's own metric and keep the best (the first if equal).

        For labels, each way to choose among them is tried too, on the same scores. Sets `choice` and `baseline`.
        Returns the best attempt, every setting tried with its dev score, and the effort.
        """
        started = time.perf_counter()
        choices: list[dict[str, Any]] = []
        best_score, best, best_baseline, best_choice = -1.0, attempts[0], self.baseline, self.choice
        total = len(attempts) * len(dev)
        for at, attempt in enumerate(attempts):

            def rows_done(rows: int, before: int = at * len(dev)) -> None:
                report_progress(Progress("choosing settings", before + rows, total))

            ways = [self.choice]
            if self.brief.labels:
                self.baseline = self._without_input(attempt.ask([""]))
                ways = LabelChoice.to_try(self.brief.kind)
            asked = self._ask(attempt.ask([example.input for example in dev]), ways, rows_done)
            for way in self._fitted(asked, ways, dev, scorer):
                texts = [prediction.text for prediction in self._predict(asked, way)]
                dev_score = scorer.overall(texts, dev)
                labelled = way.settings if self.brief.labels else {}
                choices.append({**attempt.settings, **labelled, "dev_score": round(dev_score, 4)})
                if dev_score > best_score:
                    best_score, best, best_baseline, best_choice = dev_score, attempt, self.baseline, way
        self.baseline, self.choice = best_baseline, best_choice
        return best, choices, Effort(len(choices), len(dev), time.perf_counter() - started)

    def _without_input(self, prompts: Sequence[Prompt]) -> list[float]:
        """Each label's log-probability after a prompt with an empty input. Zeros if that is already longer than the
        context: then no prompt with an input fits either."""
        labels = continuations_of(self.brief)
        if self.model.count_prompt_tokens(prompts)[0] > self.model.context_tokens - self.answer_tokens:
            return [0.0] * len(labels)
        scores: list[float] = self.model.score(prompts, labels).log_probabilities[0].tolist()
        return scores

    def _fitted(
        self, asked: _Asked, ways: Sequence[LabelChoice], dev: Sequence[Example], scorer: Scorer
    ) -> list[LabelChoice]:
        """The ways with the thresholds that dev rows set, if any prompt fits."""
        if asked.scores is None:
            return list(ways)
        rows = [row for row, fits in zip(dev, asked.fits, strict=True) if fits]
        return [way.fitted(way.compare(asked.scores, self.baseline), self.brief, rows, scorer) for way in ways]

    def _ask(self, prompts: Sequence[Prompt], ways: Sequence[LabelChoice], rows_done: RowsDone | None) -> _Asked:
        """What the model says to all prompts that fit its context."""
        lengths = self.model.count_prompt_tokens(prompts)
        room = self.model.context_tokens - self.answer_tokens
        asked = _Asked(lengths, [length <= room for length in lengths], room)
        fitting = [prompt for prompt, fits in zip(prompts, asked.fits, strict=True) if fits]
        if not fitting:
            return asked
        if not self.brief.labels:
            written = self.model.write(fitting, self.answer_tokens, rows_done)
            asked.written = [
                Prediction(
                    one.text,
                    one.tokens_in,
                    one.tokens_out,
                    cut_off=one.cut_off,
                    sent=one.sent,
                    thinking_tokens=one.thinking_tokens,
                )
                for one in written
            ]
            return asked

        def compare(scores: Scores) -> list[NDArray[np.float64]]:
            return [way.compare(scores, self.baseline) for way in ways]

        needs_all = any(way.needs_all for way in ways) or watched() is not None
        labels = continuations_of(self.brief)
        asked.scores = self.model.score(fitting, labels, rows_done, None if needs_all else compare)
        return asked

    def _predict(self, asked: _Asked, way: LabelChoice) -> list[Prediction]:
        given = iter(asked.written if asked.scores is None else self._chosen(asked.scores, way))
        error = f"The prompt is longer than the {asked.room:,} tokens that fit this model."
        return [
            next(given) if fits else Prediction("", length, 0, error=error)
            for length, fits in zip(asked.lengths, asked.fits, strict=True)
        ]

    def _chosen(self, scores: Scores, way: LabelChoice) -> list[Prediction]:
        answers = way.answers(way.compare(scores, self.baseline), self.brief.labels)
        sent = scores.sent or [None] * len(answers)
        return [
            Prediction(text, int(tokens_in), int(scores.tokens_out[labels].sum()), sent=each)
            for (text, labels), tokens_in, each in zip(answers, scores.tokens_in, sent, strict=True)
        ]


@dataclass(slots=True)
class _Asked:
    """What the model said to the prompts that fit: the `scores` of all labels, or `written` answers. `lengths` are the
    tokens of each prompt, `room` the most that fit."""

    lengths: list[int]
    fits: list[bool]
    room: int
    scores: Scores | None = None
    written: list[Prediction] = field(default_factory=list)
