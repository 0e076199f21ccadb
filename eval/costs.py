"""What answers cost over a horizon, on a machine with a price an hour. What is not known stays unknown, never 0."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from eval.outcomes import INDEXING, Trial
from eval.phases import WRITING
from eval.statistics import SEED

_SECONDS_PER_HOUR = 3600
_DAYS_A_MONTH = 365.25 / 12
_RESAMPLES = 2000
_FEWEST_TIMED = 10  # answers; the range of fewer held the truth in 77 to 83 of 100 simulated crossings

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
class Crossing:
    """The requests a month at which two strategies cost the same, None where there is no such volume.

    `low` to `high` is the 95 % range that timed answers and scored rows leave: `low` is None where there may be no such
    volume at all, `high` where it may lie beyond any; both are None too where `is_ranged` is not so, because prices
    were given, answers made in batches, tokens paid for or too few answers timed.
    """

    monthly: float | None
    low: float | None
    high: float | None
    is_ranged: bool = True


def mean_seconds(trial: Trial) -> float | None:
    """Mean seconds of a request; None when none was answered one at a time."""
    timed = _Timed.of(trial)
    return float(timed.mean(np.arange(len(timed.seconds)), timed.written_in_all)) if len(timed.seconds) else None


def price_range(trial: Trial, cost: Cost, terms: Terms) -> tuple[float, float] | None:
    """The 95 % range of `cost.per_1000` that timed answers leave (bootstrap); None where it does not follow from them,
    or from too few."""
    is_timed = len(_Timed.of(trial).seconds) >= _FEWEST_TIMED
    if not cost.per_1000 or not is_timed or not _follows_from_seconds(terms):
        return None
    if cost.per_1000 != cost_of(trial, terms).per_1000:  # found out elsewhere
        return None
    low, high = np.quantile(cost.per_1000 * _drawn_seconds(trial, _random()), [0.025, 0.975]).tolist()
    return low, high


def cost_of(trial: Trial, terms: Terms, quote: Quote | None = None) -> Cost:
    """The cost of a trial's strategy: seconds on the machine times the price of a second, unless `quote` knows better.

    An answer is priced at the mean seconds of requests answered one at a time: the mean, because it is what adds up
    over many requests; one at a time, because batches cannot be counted on; where answers are written, as if the timed
    ones had been as long as all are. Where answers are made together, at the
    seconds of the batched pass divided by its requests. It is the cost of a machine that is paid for only while it
    works. A hosted model is paid by its tokens; what reads none is no language model, and like getting ready it is on
    the machine in any case.
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


def crossing(a: Cost, b: Cost, months: float) -> float | None:
    """The monthly volume at which the totals of two costs over so many months are equal; None when there is none, or
    when a cost is unknown."""
    line_a, line_b = a.line(months), b.line(months)
    if line_a is None or line_b is None:
        return None
    (fixed_a, slope_a), (fixed_b, slope_b) = line_a, line_b
    if slope_a == slope_b:
        return None
    volume = (fixed_b - fixed_a) / (slope_a - slope_b)
    return volume if volume > 0 else None


def crossing_range(a: tuple[Trial, Cost], b: tuple[Trial, Cost], terms: Terms, is_ranged: bool) -> Crossing:
    """Where two strategies cost the same, with its range: timed answers and scored rows, or the groups these come in,
    are drawn again (bootstrap)."""
    at, lines = crossing(a[1], b[1], terms.months), _drawn_lines((a, b), terms) if is_ranged else None
    if lines is None:
        return Crossing(at, None, None, is_ranged=False)
    fixed, slopes = zip(*lines, strict=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        volumes = (fixed[1] - fixed[0]) / (slopes[0] - slopes[1])
    volumes = np.where(volumes > 0, volumes, np.inf)
    low, high = np.quantile(volumes, [0.025, 0.975], method="nearest").tolist()
    return Crossing(at, low if math.isfinite(low) else None, high if math.isfinite(high) else None)


def probability_of_costing_less(a: tuple[Trial, Cost], b: tuple[Trial, Cost], terms: Terms) -> float | None:
    """How probably the first costs less over the horizon at the monthly volume, answers and rows drawn again as for
    `crossing_range`; None where their costs do not follow from what was timed, or from too few."""
    is_found_elsewhere = any(cost.per_1000 != cost_of(trial, terms).per_1000 for trial, cost in (a, b))
    lines = None if is_found_elsewhere else _drawn_lines((a, b), terms)
    if lines is None:
        return None
    first, second = (fixed + slopes * terms.monthly_volume for fixed, slopes in lines)
    return float((first < second).mean())


def _drawn_lines(pair: Sequence[tuple[Trial, Cost]], terms: Terms) -> list[tuple[float, Numbers]] | None:
    """Of each what is paid at no volume, and `_slopes`; None where these cannot be drawn."""
    drawn = []
    for trial, cost in pair:
        is_timed = len(_Timed.of(trial).seconds) >= _FEWEST_TIMED
        line = cost.line(terms.months)
        if line is None or not _follows_from_seconds(terms) or (cost.per_1000 and not is_timed):
            return None
        drawn.append((line[0], _slopes(trial, cost, terms)))
    return drawn


def _slopes(trial: Trial, cost: Cost, terms: Terms) -> Numbers:
    """What a request more a month costs over the horizon, as it might have come out, [resamples]."""
    random = _random()
    errors = 1000 * terms.wrong_answer * _drawn_losses(trial, random) if terms.wrong_answer else 0.0
    paid = cost.per_1000 * _drawn_seconds(trial, random) if cost.per_1000 else 0.0
    return (np.zeros(_RESAMPLES) + paid + errors) * terms.months / 1000


def _random() -> np.random.Generator:
    """Draws the same rows for all strategies."""
    return np.random.default_rng(SEED)


def _follows_from_seconds(terms: Terms) -> bool:
    """Whether the price of an answer follows from the seconds of those that were timed."""
    return not terms.together and not terms.is_hosted


def _drawn_seconds(trial: Trial, random: np.random.Generator) -> Numbers:
    """The mean seconds of a request as a multiple of those measured, as they might have come out, [resamples]."""
    timed = _Timed.of(trial)
    drawn = random.integers(len(timed.seconds), size=(_RESAMPLES, len(timed.seconds)))
    written = _drawn_shares(len(trial.outcomes)) @ np.array([outcome.tokens_out for outcome in trial.outcomes])
    return np.asarray(timed.mean(drawn, written) / (mean_seconds(trial) or 1.0))


@lru_cache(maxsize=4)
def _drawn_shares(rows: int) -> Numbers:
    """How often each row was drawn, as a share of the draws, [resamples, rows]."""
    return np.asarray(_random().multinomial(rows, np.full(rows, 1 / rows), size=_RESAMPLES) / rows)


def _drawn_losses(trial: Trial, random: np.random.Generator) -> Numbers:
    """The mean of 1 - score, rows of a group drawn together."""
    names = [outcome.group or f"row {outcome.example_id}" for outcome in trial.outcomes]
    _, unit_of = np.unique(np.asarray(names), return_inverse=True)
    sizes = np.bincount(unit_of)
    losses = np.bincount(unit_of, weights=[1 - outcome.score for outcome in trial.outcomes])
    units = random.integers(len(sizes), size=(_RESAMPLES, len(sizes)))
    return np.asarray(losses[units].sum(axis=1) / sizes[units].sum(axis=1))


@dataclass(frozen=True, slots=True)
class _Timed:
    """The requests answered one at a time, [requests]: their seconds, those of them spent on writing, and the tokens
    written; and how many tokens are written on average in all."""

    seconds: Numbers
    writing: Numbers
    written: Numbers
    written_in_all: float

    @staticmethod
    def of(trial: Trial) -> _Timed:
        timed = [outcome for outcome in trial.outcomes if outcome.seconds is not None]
        return _Timed(
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
