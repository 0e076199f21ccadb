"""What answers cost over a horizon, on a machine with a price an hour. What is not known stays unknown, never 0."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from eval.outcomes import INDEXING, Trial
from eval.phases import WRITING

_SECONDS_PER_HOUR = 3600
_DAYS_A_MONTH = 365.25 / 12

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Terms:
    """What a person pays for, and how often.

    `machine_per_hour` prices the machine that trains and serves, None where it is unknown; costs add up over `months`
    at `monthly_volume` requests. Every `retrain_days` the task has changed and the strategy gets ready anew; every
    `reindex_days` the documents have, and what looks them up indexes them anew; None is never. `together` says that
    answers may wait for each other and are made in batches; `wrong_answer` is what one costs, a score of .7 counting as
    three tenths of a wrong answer; `labelled_row` is what it costs to have the answer of a row written down, for the
    rows a strategy needs to get ready. With `read_per_million` and `written_per_million` answers are made by a hosted
    model at so much for a million tokens, `tuned_factor` times as much where the strategy has changed its weights, None
    where nobody knows.
    """

    machine_per_hour: float | None = 0.10
    monthly_volume: int = 10_000
    currency: str = "USD"
    months: int = 12
    retrain_days: float | None = None
    reindex_days: float | None = None
    together: bool = False
    wrong_answer: float = 0.0
    labelled_row: float = 0.0
    read_per_million: float | None = None
    written_per_million: float | None = None
    tuned_factor: float | None = None

    @property
    def is_hosted(self) -> bool:
        return self.read_per_million is not None and self.written_per_million is not None


@dataclass(frozen=True, slots=True)
class Cost:
    """Money in `currency`; None is unknown and never means 0.

    `one_off` is paid once, to get ready; `per_1000` for each thousand requests, and `per_month` at the monthly volume;
    `upkeep_per_month` for getting ready anew when task or documents change; `errors_per_1000` for the wrong ones among
    a thousand answers.
    """

    one_off: float | None
    per_1000: float | None
    per_month: float | None
    currency: str
    upkeep_per_month: float | None = 0.0
    errors_per_1000: float = 0.0

    def spent_over(self, months: float) -> float | None:
        """What is paid in so many months, wrong answers not counted; None when any of it is unknown."""
        if self.one_off is None or self.per_month is None or self.upkeep_per_month is None:
            return None
        return self.one_off + (self.per_month + self.upkeep_per_month) * months

    def total_over(self, months: float, monthly_volume: int) -> float | None:
        """What is paid, and what wrong answers cost."""
        spent = self.spent_over(months)
        return None if spent is None else spent + self.errors_per_1000 * monthly_volume * months / 1000

    def line(self, months: float) -> tuple[float, float] | None:
        """The total over so many months as volume grows: what is paid at no volume, and for each request a month."""
        if self.one_off is None or self.per_1000 is None or self.upkeep_per_month is None:
            return None
        return self.one_off + self.upkeep_per_month * months, (self.per_1000 + self.errors_per_1000) * months / 1000


@dataclass(frozen=True, slots=True)
class Quote:
    """Costs that were found out elsewhere; what is None follows from the seconds measured."""

    one_off: float | None
    per_1000: float | None


@dataclass(frozen=True, slots=True)
class Timed:
    """The requests answered one at a time, [requests]: their seconds, those of them spent on writing, and the tokens
    written; and how many tokens are written on average in all."""

    seconds: Numbers
    writing: Numbers
    written: Numbers
    written_in_all: float

    @staticmethod
    def of(trial: Trial) -> Timed:
        timed = [outcome for outcome in trial.outcomes if outcome.seconds is not None]
        return Timed(
            np.array([outcome.seconds for outcome in timed], dtype=np.float64),
            np.array([outcome.phases.get(WRITING, 0.0) for outcome in timed]),
            np.array([float(outcome.tokens_out) for outcome in timed]),
            sum([outcome.tokens_out for outcome in trial.outcomes]) / max(1, len(trial.outcomes)),
        )

    def mean(self, drawn: NDArray[np.int64], written_in_all: Numbers | float) -> Numbers:
        """The mean seconds of these requests, over the last axis. Their time for writing is scaled to the tokens that
        all answers have on average (ratio estimator; Cochran, 1977, "Sampling techniques", chapter 6): what takes
        longest to write is seldom among so few."""
        written = self.written[drawn].mean(axis=-1)
        longer = np.divide(written_in_all, written, out=np.ones_like(written), where=written > 0)
        return np.asarray(self.seconds[drawn].mean(axis=-1) + (longer - 1) * self.writing[drawn].mean(axis=-1))


def mean_seconds(trial: Trial) -> float | None:
    """Mean seconds of a request; None when none was answered one at a time."""
    timed = Timed.of(trial)
    return float(timed.mean(np.arange(len(timed.seconds)), timed.written_in_all)) if len(timed.seconds) else None


def cost_of(trial: Trial, terms: Terms, quote: Quote | None = None) -> Cost:
    """The cost of a trial's strategy: seconds on the machine times the price of a second, unless `quote` knows better.

    An answer is priced at the mean seconds of requests answered one at a time: the mean, because it is what adds up
    over many requests; one at a time, because batches cannot be counted on; where answers are written, as if the timed
    ones had been as long as all are. Where answers are made together, at the seconds of the batched pass divided by its
    requests. It is the cost of a machine that is paid for only while it works. A hosted model is paid by its tokens;
    what reads none is no language model, and like getting ready it is on the machine in any case.
    """
    quote = quote or Quote(None, None)
    per_second = None if terms.machine_per_hour is None else terms.machine_per_hour / _SECONDS_PER_HOUR

    def price(seconds: float | None) -> float | None:
        return None if seconds is None or per_second is None else seconds * per_second

    throughput = trial.requests_per_second
    if terms.is_hosted and any(outcome.tokens_in for outcome in trial.outcomes):
        request = _hosted_request(trial, terms)
    else:
        request = price((1 / throughput if throughput else None) if terms.together else mean_seconds(trial))
    fitting = price(trial.fit_seconds) if quote.one_off is None else quote.one_off
    per_1000 = quote.per_1000 if quote.per_1000 is not None else None if request is None else 1000 * request
    return Cost(
        one_off=_sum(fitting, _labelling(trial, terms)),
        per_1000=per_1000,
        per_month=None if per_1000 is None else per_1000 * terms.monthly_volume / 1000,
        currency=terms.currency,
        upkeep_per_month=_sum(
            _monthly(fitting, terms.retrain_days), _monthly(price(_indexing_seconds(trial)), terms.reindex_days)
        ),
        errors_per_1000=1000 * terms.wrong_answer * _mean_loss(trial) if terms.wrong_answer else 0.0,
    )


def _hosted_request(trial: Trial, terms: Terms) -> float | None:
    """The tokens of a mean request at what a million cost."""
    factor = terms.tuned_factor if trial.changes_weights else 1.0
    if factor is None:
        return None
    read = fmean(outcome.tokens_in for outcome in trial.outcomes) * (terms.read_per_million or 0.0)
    written = fmean(outcome.tokens_out for outcome in trial.outcomes) * (terms.written_per_million or 0.0)
    return factor * (read + written) / 1e6


def _mean_loss(trial: Trial) -> float:
    return 1 - fmean(outcome.score for outcome in trial.outcomes) if trial.outcomes else 0.0


def _labelling(trial: Trial, terms: Terms) -> float | None:
    if not terms.labelled_row:
        return 0.0
    return None if trial.rows_learned is None else trial.rows_learned * terms.labelled_row


def _indexing_seconds(trial: Trial) -> float | None:
    """None where a strategy looks something up, but how long indexing took was not measured."""
    return trial.stage_seconds.get(INDEXING, None if "passages" in trial.settings else 0.0)


def _monthly(each_time: float | None, days: float | None) -> float | None:
    if days is None:
        return 0.0
    return None if each_time is None else each_time * _DAYS_A_MONTH / days


def _sum(*amounts: float | None) -> float | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if len(known) == len(amounts) else None
