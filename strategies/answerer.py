"""Turn prompts into answers, in the way the kind of task asks for, and choose settings on dev.

Labels are scored, so every answer is a valid label; everything else is written. A plain sum of log-probabilities
favours short labels, so the way to compare labels is itself chosen on dev.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.outcomes import Effort, Prediction
from eval.scoring import Scorer
from eval.task import Brief, Example, Kind
from strategies.contract import Progress, ReportProgress
from strategies.engine.language_model import LanguageModel, Prompt, RowsDone, Scores
from strategies.presets import SENTENCE_TOKENS

ANSWER_LENGTH_SHARE = 0.95  # answers may be as long as this share of training targets needs, and a sentence longer
ANSWER_LENGTH_SLACK = 1.1
NORMALISATIONS = ("sum", "mean", "minus empty input")

Ask = Callable[[Sequence[str]], list[Prompt]]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A setting to try on dev: its JSON values, and the prompts it makes of inputs."""

    settings: dict[str, Any]
    ask: Ask


@dataclass(slots=True)
class Answerer:
    """A language model applied to one kind of task.

    `answer_tokens` limits written answers; `normalisation` says how labels are compared; `baseline` holds each label's
    log-probability for an empty input, [labels].
    """

    model: LanguageModel
    brief: Brief
    answer_tokens: int = 1
    normalisation: str = NORMALISATIONS[0]
    baseline: list[float] = field(default_factory=list)

    @property
    def settings(self) -> dict[str, Any]:
        """What was learned about answering, as the report shows it."""
        if self.brief.kind is Kind.CLASSIFICATION:
            return {"normalisation": self.normalisation}
        return {"answer_tokens": self.answer_tokens}

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("answer_tokens", "normalisation", "baseline")}

    @staticmethod
    def from_json(model: LanguageModel, brief: Brief, stored: dict[str, Any]) -> Answerer:
        return Answerer(model, brief, **stored)

    def learn_length(self, train: Sequence[Example], most_tokens: int) -> None:
        """Set the length limit: the longest label, or almost all training targets and a sentence, within the budget."""
        if self.brief.kind is Kind.CLASSIFICATION:
            self.answer_tokens = max(self.model.count_tokens(self.brief.labels))
        else:
            lengths = self.model.count_tokens([example.target for example in train])
            usual = float(np.quantile(lengths, ANSWER_LENGTH_SHARE))
            self.answer_tokens = min(most_tokens, int(usual * ANSWER_LENGTH_SLACK) + SENTENCE_TOKENS)

    def answer(self, prompts: Sequence[Prompt], rows_done: RowsDone | None = None) -> list[Prediction]:
        """One prediction per prompt, without sources. It holds an error if the prompt is longer than the model's
        context."""
        return self._answer_in_ways((self.normalisation,), prompts, rows_done)[self.normalisation]

    def choose(
        self, attempts: Sequence[Attempt], dev: Sequence[Example], scorer: Scorer, report_progress: ReportProgress
    ) -> tuple[Attempt, list[dict[str, Any]], Effort]:
        """Try every attempt on dev with the task's own metric and keep the best (the first if equal).

        For labels, each normalisation is tried too, on the same scores. Sets `normalisation` and `baseline`. Returns
        the best attempt, every choice with its dev score, and the effort.
        """
        started = time.perf_counter()
        choices: list[dict[str, Any]] = []
        best_score, best, best_baseline = -1.0, attempts[0], self.baseline
        total = len(attempts) * len(dev)
        ways = NORMALISATIONS if self.brief.kind is Kind.CLASSIFICATION else NORMALISATIONS[:1]
        for at, attempt in enumerate(attempts):

            def rows_done(rows: int, before: int = at * len(dev)) -> None:
                report_progress(Progress("choosing settings", before + rows, total))

            if self.brief.kind is Kind.CLASSIFICATION:
                empty = self.model.score(attempt.ask([""]), self.brief.labels)
                self.baseline = empty.log_probabilities[0].tolist()
            prompts = attempt.ask([example.input for example in dev])
            for way, predictions in self._answer_in_ways(ways, prompts, rows_done).items():
                dev_score = scorer.overall([prediction.text for prediction in predictions], dev)
                labelled = {"normalisation": way} if self.brief.kind is Kind.CLASSIFICATION else {}
                choices.append({**attempt.settings, **labelled, "dev_score": round(dev_score, 4)})
                if dev_score > best_score:
                    best_score, best, best_baseline = dev_score, attempt, self.baseline
                    self.normalisation = way
        self.baseline = best_baseline
        return best, choices, Effort(len(choices), len(dev), time.perf_counter() - started)

    def _answer_in_ways(
        self, ways: Sequence[str], prompts: Sequence[Prompt], rows_done: RowsDone | None
    ) -> dict[str, list[Prediction]]:
        """Predictions by normalisation. Written answers have only the first way."""
        lengths = self.model.count_prompt_tokens(prompts)
        room = self.model.context_tokens - self.answer_tokens
        fitting = [prompt for prompt, length in zip(prompts, lengths, strict=True) if length <= room]
        error = f"The prompt is longer than the {room:,} tokens that fit this model."
        return {
            way: [next(answers) if length <= room else Prediction("", length, 0, error=error) for length in lengths]
            for way, answers in self._answer_fitting(ways, fitting, rows_done).items()
        }

    def _answer_fitting(
        self, ways: Sequence[str], prompts: Sequence[Prompt], rows_done: RowsDone | None
    ) -> dict[str, Iterator[Prediction]]:
        if not prompts:
            return {way: iter(()) for way in ways}
        if self.brief.kind is Kind.CLASSIFICATION:

            def compare(scores: Scores) -> list[NDArray[np.float64]]:
                return [self._compare(scores)[way] for way in ways]

            scores = self.model.score(prompts, self.brief.labels, rows_done, compare)
            return {way: iter(self._label(scores, best)) for way, best in zip(ways, compare(scores), strict=True)}
        written = self.model.write(prompts, self.answer_tokens, rows_done)
        return {way: (Prediction(one.text, one.tokens_in, one.tokens_out) for one in written) for way in ways}

    def _compare(self, scores: Scores) -> dict[str, NDArray[np.float64]]:
        """The numbers that compare labels, in each way, [prompts, labels]."""
        sums = scores.log_probabilities
        ways = (sums, sums / scores.tokens_out, sums - np.array(self.baseline or 0.0))
        return dict(zip(NORMALISATIONS, ways, strict=True))

    def _label(self, scores: Scores, compared: NDArray[np.float64]) -> list[Prediction]:
        return [
            Prediction(self.brief.labels[label], int(tokens_in), int(scores.tokens_out[label]))
            for label, tokens_in in zip(compared.argmax(axis=1), scores.tokens_in, strict=True)
        ]
