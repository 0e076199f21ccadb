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
from strategies.answerer import Answerer, Asked, Asking
from strategies.contract import Progress, ReportProgress
from strategies.engine.language_model import LabelWay, Prompt, Scores
from strategies.halving import (
    FEWEST_MORE,
    FIRST_ROWS,
    LABELS_FOLLOWED,
    WRITTEN_COST,
    WRITTEN_PRICE,
    Round,
    Work,
    count_answers,
    plan_rounds,
)
from strategies.label_choice import LabelChoice, continuations_of

CHOOSING = "choosing settings"
FEWEST_CALIBRATED = 4  # rows; a mean over fewer says little
CALIBRATION_SHARE = 0.15  # of the tokens, at most, for the first rows of a setting, with every label scored
LEAST_OF_PLAN = 0.25  # that a written answer is taken to need: those of one setting may be much shorter than others
WAYS_KEPT = 2  # to compare labels, per setting, after the first rows

Ask = Callable[[Sequence[str]], Asking]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A setting to try: its JSON values, and what it asks about inputs."""

    settings: dict[str, Any]
    ask: Ask

    @staticmethod
    def of(settings: dict[str, Any], prompts: Callable[[Sequence[str]], list[Prompt]]) -> Attempt:
        """One in which nobody votes."""
        return Attempt(settings, lambda inputs: Asking(prompts(inputs)))


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
    with its score and the number of rows behind it, and the effort. How many labels a model follows, and how long its
    answers are, isn't known before its first rows, which correct the plan.
    """
    started = time.perf_counter()
    race = _Race(answerer, scorer, [*dev, *spare], tokens, answerer.model.tokens_taken, report_progress)
    if not race.rows:
        return attempts[0], [], Effort()
    everyone = contenders = [_Contender(attempt, race.work(attempt)) for attempt in attempts]
    rounds = plan_rounds([one.work for one in contenders], len(race.rows), tokens)
    race.total, answered, times = count_answers(rounds), 0, None
    while rounds:
        if times is None and (times := race.times_as_planned(contenders[0], rounds[0].rows)) not in (None, 1.0):
            going_on = contenders[: rounds[0].settings] if answered else contenders
            work = [Work(0.0 if answered else one.work.once, times * one.work.a_row) for one in going_on]
            rounds = plan_rounds(work, len(race.rows), tokens - race.spent, answered)
            race.total = count_answers(race.ended + rounds)
            continue
        one, *rounds = rounds
        until = max(one.rows, len(contenders[0].rows))
        contenders = contenders[: one.settings]
        for contender in contenders:
            race.ask(contender, until)
            race.judge(contender)
        everyone, answered, race.spent = everyone if answered else contenders, until, race.taken
        race.ended.append(one)
        contenders = sorted(contenders, key=lambda one: -one.best.score)  # stable: the first of equals stays first
    report_progress(Progress(CHOOSING, race.total, race.total))
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
    """A setting, and what the model said to its prompts so far. `ways`: how its labels are compared, None before its
    first rows; `judged`: the same, judged, the best first; `out`: those that are compared no more."""

    attempt: Attempt
    work: Work
    ways: list[LabelChoice] | None = None
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
    before: int  # tokens
    report_progress: ReportProgress
    answers: int = 0  # so far
    written: int = 0  # tokens of answers
    total: int = 0  # answers, as planned
    ended: list[Round] = field(default_factory=list)
    spent: int = 0  # tokens of the rounds before

    @property
    def taken(self) -> int:
        """Tokens so far, as `Work` counts them; 0 for a server, whose counts can't be held against our estimates."""
        model = self.answerer.model
        if not model.reads_beginnings_once:
            return 0
        return model.tokens_taken - self.before + (WRITTEN_COST - 1) * self.written

    def work(self, attempt: Attempt) -> Work:
        """Estimated from a few rows."""
        sample = self.rows[:: max(1, len(self.rows) // FEWEST_CALIBRATED)]
        lengths = self.answerer.model.count_prompt_tokens(attempt.ask([row.input for row in sample]).prompts)
        shared = self._shared(attempt)
        own = max(mean(lengths) - shared, 1.0)
        if not self.answerer.scores_labels:
            cost = WRITTEN_COST if self.answerer.model.reads_beginnings_once else WRITTEN_PRICE
            return Work(shared, own + cost * self.answerer.answer_tokens)
        labels = len(self.answerer.brief.labels)
        if not self.answerer.model.reads_beginnings_once:  # a server may read the prompt again for each label
            again = labels if self.answerer.label_way is LabelWay.SCORED else 1
            return Work(shared, own + mean(lengths) * again)
        followed = min(LABELS_FOLLOWED, labels) * self._label_tokens / labels
        return Work(shared + self._calibrated * self._label_tokens, own + followed)

    def _shared(self, attempt: Attempt) -> int:
        """Tokens that are read once for all rows: a model in memory keeps what all prompts begin with."""
        model = self.answerer.model
        return model.count_prompt_tokens(attempt.ask([""]).prompts)[0] if model.reads_beginnings_once else 0

    def times_as_planned(self, contender: _Contender, until: int) -> float | None:
        """How many times as many tokens as planned a row takes, as the next rows of this setting show; None if there
        are too few until this one. Labels that take fewer leave the plan as it is, and so do a server's answers."""
        if not self.answerer.model.reads_beginnings_once:
            return 1.0
        if contender.ways is None:
            self.ask(contender, min(self._calibrated, until))
        first, before = len(contender.rows), self.taken
        end = max(FIRST_ROWS, first + FEWEST_MORE)
        if end > until:
            return None
        self.ask(contender, end)
        is_read = not contender.judged and first  # by the rows before, and no other prompts came between
        beginning = 0 if is_read else self._shared(contender.attempt)
        times = (self.taken - before - beginning) / (end - first) / contender.work.a_row
        return max(times, 1.0 if self.answerer.scores_labels else LEAST_OF_PLAN)

    def ask(self, contender: _Contender, until: int) -> None:
        """Let it answer the rows until this one."""
        if contender.ways is None:
            self._ask(contender, min(self._calibrated, until), ())  # with the scores of all labels
            contender.ways = self._ways(contender)
        self._ask(contender, until, contender.ways)

    def _ask(self, contender: _Contender, until: int, ways: Sequence[LabelChoice]) -> None:
        if not (new := self.rows[len(contender.rows) : until]):
            return
        asking = contender.attempt.ask([row.input for row in new])
        asked = self.answerer.ask(asking, ways, self._tell)
        contender.asked.append(asked)
        self.written += sum(one.tokens_out for one in asked.written)
        contender.rows += new
        self.answers += len(new)

    def _tell(self, rows_done: int) -> None:
        self.report_progress(Progress(CHOOSING, min(self.answers + rows_done, self.total), self.total))

    def judge(self, contender: _Contender) -> None:
        """Its ways, on all of its rows."""
        judged = sorted((self._judge(way, contender) for way in contender.ways or ()), key=lambda one: -one.score)
        contender.judged, contender.ways = judged[:WAYS_KEPT], [one.way for one in judged[:WAYS_KEPT]]
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
        after_nothing = self.answerer.after_nothing(contender.attempt.ask([""]).prompts)
        found = [scores.log_probabilities for scores in contender.scores]
        is_enough = sum(map(len, found)) >= FEWEST_CALIBRATED
        after_inputs = np.concatenate(found).mean(axis=0).tolist() if is_enough else []
        by_length = self.answerer.label_way is LabelWay.SCORED
        has_votes = contender.attempt.ask([self.rows[0].input]).votes is not None
        return LabelChoice.to_try(self.answerer.brief.kind, after_nothing, after_inputs, by_length, has_votes)

    def _judge(self, way: LabelChoice, contender: _Contender) -> _Judged:
        """With the thresholds that its rows set."""
        if contender.scores:
            errors = [error for asked in contender.asked for error in asked.errors]
            rows = [row for row, error in zip(contender.rows, errors, strict=True) if error is None]
            compared = np.concatenate([way.compare(scores) for scores in contender.scores])
            way = way.fitted(compared, self.answerer.brief, rows, self.scorer)
        texts = [one.text for asked in contender.asked for one in self.answerer.predict(asked, way)]
        return _Judged(way, self.scorer.overall(texts, contender.rows), len(contender.rows))
