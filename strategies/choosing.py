"""Choose a setting on labelled rows, by halves (`halving.py`), and with it how labels are compared."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import mean
from typing import Any

import numpy as np

from eval.outcomes import Effort
from eval.scoring import Scorer
from eval.task import Example
from strategies.answerer import Answerer, Asked
from strategies.contract import Progress, ReportProgress
from strategies.engine.language_model import LabelWay, Prompt, Scores
from strategies.halving import (
    FIRST_ROWS,
    FIRST_SHARE,
    LABELS_FOLLOWED,
    WRITTEN_COST,
    Work,
    count_answers,
    half_of,
    plan_rounds,
)
from strategies.label_choice import LabelChoice, continuations_of

FEWEST_CALIBRATED = 4  # rows; a mean over fewer says little
CALIBRATION_SHARE = 0.15  # of the tokens, at most, for the first rows with every label scored
WAYS_KEPT = 2  # to compare labels, per setting, after the first rows

Ask = Callable[[Sequence[str]], list[Prompt]]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A setting to try: its JSON values, and the prompts it makes of inputs."""

    settings: dict[str, Any]
    ask: Ask


def choose(
    answerer: Answerer,
    attempts: Sequence[Attempt],
    dev: Sequence[Example],
    scorer: Scorer,
    report_progress: ReportProgress,
    tokens: float = float("inf"),
    spare: Sequence[Example] = (),
) -> tuple[Attempt, list[dict[str, Any]], Effort]:
    """Try the settings with the task's own metric and keep the best (the first if equal), within `tokens`.

    The rows are those of dev, then `spare` training rows that no prompt shows. For labels, each way to compare them is
    tried too, on the same scores, and the answerer takes over the best. Returns the best attempt, every setting tried
    with its score and the number of rows behind it, and the effort.
    """
    started = time.perf_counter()
    race = _Race(answerer, scorer, [*dev, *spare], tokens, answerer.model.tokens_taken)
    if not race.rows:
        return attempts[0], [], Effort()
    contenders = [_Contender(attempt, race.work(attempt)) for attempt in attempts]
    rounds = plan_rounds([one.work for one in contenders], len(race.rows), tokens)
    total, done, answered, everyone = count_answers(rounds), 0, 0, contenders
    while rounds:
        one, *rounds = rounds
        contenders = contenders[: one.settings]
        for number, contender in enumerate(contenders):
            if number >= 2 and rounds and not answered and race.taken > FIRST_SHARE * tokens:
                contenders = contenders[:number]  # they took more than planned
                break

            def rows_done(rows: int, before: int = done) -> None:
                report_progress(Progress("choosing settings", before + rows, total))

            done += one.rows - len(contender.rows)
            race.go_on(contender, one.rows, rows_done)
        everyone, answered = everyone if answered else contenders, one.rows
        contenders = sorted(contenders, key=lambda one: -one.best.score)  # stable: the first of equals stays first
        if rounds and race.overrun > 1:
            going_on = contenders[: half_of(len(contenders))] if len(contenders) > 2 else []
            work = [Work(0.0, race.overrun * one.work.a_row) for one in going_on]
            rounds = plan_rounds(work, len(race.rows), tokens - race.taken, answered) if work else []
    answerer.choice = contenders[0].best.way
    choices = [choice for contender in everyone for choice in race.choices(contender)]
    effort = Effort(
        settings_tried=len(choices),
        dev_rows=answered,
        seconds=time.perf_counter() - started,
        tokens=answerer.model.tokens_taken - race.before,
        found_better=contenders[0] is not everyone[0] if len(everyone) > 1 else None,
    )
    return contenders[0].attempt, choices, effort


@dataclass(frozen=True, slots=True)
class _Judged:
    """A way to compare labels, its score under one setting, and on how many rows."""

    way: LabelChoice
    score: float
    rows: int


@dataclass(slots=True)
class _Contender:
    """A setting, and what the model said to its prompts so far. `judged`: its ways to compare labels, the best first;
    `out`: those that are compared no more."""

    attempt: Attempt
    work: Work
    asked: list[Asked] = field(default_factory=list)
    rows: list[Example] = field(default_factory=list)
    judged: list[_Judged] = field(default_factory=list)
    out: list[_Judged] = field(default_factory=list)

    @property
    def best(self) -> _Judged:
        return self.judged[0]

    @property
    def scores(self) -> list[Scores]:
        return [asked.scores for asked in self.asked if asked.scores is not None]


@dataclass(slots=True)
class _Race:
    answerer: Answerer
    scorer: Scorer
    rows: Sequence[Example]
    tokens: float
    before: int
    planned: float = 0.0

    @property
    def taken(self) -> int:
        """Tokens so far; 0 for a server, whose counts can't be held against our estimates."""
        model = self.answerer.model
        return model.tokens_taken - self.before if model.reads_beginnings_once else 0

    @property
    def overrun(self) -> float:
        """How many times as many tokens were taken as planned."""
        return self.taken / self.planned

    def work(self, attempt: Attempt) -> Work:
        """Estimated from a few rows."""
        sample = self.rows[:: max(1, len(self.rows) // FEWEST_CALIBRATED)]
        lengths = self.answerer.model.count_prompt_tokens(attempt.ask([row.input for row in sample]))
        shared = self._shared(attempt)
        own = max(mean(lengths) - shared, 1.0)
        if not self.answerer.scores_labels:
            return Work(shared, own + WRITTEN_COST * self.answerer.answer_tokens)
        labels = len(self.answerer.brief.labels)
        if not self.answerer.model.reads_beginnings_once:  # a server may read the prompt again for each label
            again = labels if self.answerer.label_way is LabelWay.SCORED else 1
            return Work(shared, own + mean(lengths) * again)
        followed = min(LABELS_FOLLOWED, labels) * self._label_tokens / labels
        return Work(shared + self._calibrated * self._label_tokens, own + followed)

    def _shared(self, attempt: Attempt) -> int:
        """Tokens that are read once for all rows: a model in memory keeps what all prompts begin with."""
        model = self.answerer.model
        return model.count_prompt_tokens(attempt.ask([""]))[0] if model.reads_beginnings_once else 0

    def go_on(self, contender: _Contender, until: int, rows_done: Callable[[int], None]) -> None:
        """Let it answer the rows until this one, and judge its ways on all of them."""
        first = not contender.rows
        new = self.rows[len(contender.rows) : until]
        self.planned += contender.work.once * first + contender.work.a_row * len(new)
        inputs = [row.input for row in new]
        every = self._calibrated if first else 0  # so many with the scores of all labels
        if inputs[:every]:
            contender.asked.append(self.answerer.ask(contender.attempt.ask(inputs[:every]), (), rows_done))
        ways = self._ways(contender) if first else [one.way for one in contender.judged]
        if inputs[every:]:
            prompts = contender.attempt.ask(inputs[every:])
            contender.asked.append(self.answerer.ask(prompts, ways, lambda done: rows_done(every + done)))
        contender.rows += new
        judged = sorted((self._judge(way, contender) for way in ways), key=lambda one: -one.score)
        contender.judged = judged[:WAYS_KEPT]
        contender.out += judged[WAYS_KEPT:]

    def choices(self, contender: _Contender) -> list[dict[str, Any]]:
        """Each way tried, as the report shows it."""
        return [
            {
                **contender.attempt.settings,
                **(one.way.settings if self.answerer.scores_labels else {}),
                "dev_score": round(one.score, 4),
                "rows": one.rows,
            }
            for one in (*contender.judged, *contender.out)
        ]

    @property
    def _label_tokens(self) -> int:
        return sum(self.answerer.model.count_tokens(continuations_of(self.answerer.brief)))

    @property
    def _calibrated(self) -> int:
        """On how many of the first rows every label is scored."""
        if not self.answerer.scores_labels:
            return 0
        if self.answerer.label_way is not LabelWay.SCORED:
            return FIRST_ROWS  # all are known anyway
        affordable = min(CALIBRATION_SHARE * self.tokens / self._label_tokens, FIRST_ROWS)
        return int(affordable) if affordable >= FEWEST_CALIBRATED else 0

    def _ways(self, contender: _Contender) -> list[LabelChoice]:
        if not self.answerer.scores_labels:
            return [self.answerer.choice]
        after_nothing = self.answerer.after_nothing(contender.attempt.ask([""]))
        found = [scores.log_probabilities for scores in contender.scores]
        is_enough = sum(map(len, found)) >= FEWEST_CALIBRATED
        after_inputs = np.concatenate(found).mean(axis=0).tolist() if is_enough else []
        by_length = self.answerer.label_way is LabelWay.SCORED
        return LabelChoice.to_try(self.answerer.brief.kind, after_nothing, after_inputs, by_length)

    def _judge(self, way: LabelChoice, contender: _Contender) -> _Judged:
        """With the thresholds that its rows set."""
        if contender.scores:
            errors = [error for asked in contender.asked for error in asked.errors]
            rows = [row for row, error in zip(contender.rows, errors, strict=True) if error is None]
            compared = np.concatenate([way.compare(scores) for scores in contender.scores])
            way = way.fitted(compared, self.answerer.brief, rows, self.scorer)
        texts = [one.text for asked in contender.asked for one in self.answerer.predict(asked, way)]
        return _Judged(way, self.scorer.overall(texts, contender.rows), len(contender.rows))
