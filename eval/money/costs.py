"""What answers cost over a number of months, on a machine priced per hour. An unknown price stays unknown, never 0."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from eval.measuring.phases import WRITING
from eval.money.tokens import Price, Spent
from eval.outcomes import INDEXING, Outcome, Trial

_SECONDS_PER_HOUR = 3600
_DAYS_A_MONTH = 365.25 / 12

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Terms:
    """What a person pays for, and how often.

    - `machine_per_hour`: price of the machine that trains and serves; None if unknown.
    - `months`, `monthly_volume`: costs add up over this time at this many requests per month.
    - `retrain_days`: how often the task changes and the strategy is fitted again. `reindex_days`: how often the
      documents change and are indexed again. None: never.
    - `together`: requests are answered in batches.
    - `wrong_answer`: price of a wrong answer. A score of .7 counts as three tenths of a wrong answer.
    - `labelled_row`: price of labelling one of the rows a strategy needs.
    - `read_per_million`, `written_per_million`: with both, a hosted model answers at these prices per million tokens,
      `tuned_factor` times as much if the strategy changed its weights (None: unknown).
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
    """Money in `currency`. None means unknown, never 0.

    `one_off`: paid once, for setup. `per_1000`: per 1,000 requests. `per_month`: at the monthly volume.
    `upkeep_per_month`: for fitting and indexing again when the task or the documents change. `errors_per_1000`: for the
    wrong answers among 1,000.
    """

    one_off: float | None
    per_1000: float | None
    per_month: float | None
    currency: str
    upkeep_per_month: float | None = 0.0
    errors_per_1000: float = 0.0

    def spent_over(self, months: float) -> float | None:
        """What is paid in this many months, without wrong answers; None if any part is unknown."""
        if self.one_off is None or self.per_month is None or self.upkeep_per_month is None:
            return None
        return self.one_off + (self.per_month + self.upkeep_per_month) * months

    def total_over(self, months: float, monthly_volume: int) -> float | None:
        """What is paid, plus what wrong answers cost."""
        spent = self.spent_over(months)
        return None if spent is None else spent + self.errors_per_1000 * monthly_volume * months / 1000

    def line(self, months: float) -> tuple[float, float] | None:
        """The total over this many months as a line over volume: the cost at zero volume, and per request a month."""
        if self.one_off is None or self.per_1000 is None or self.upkeep_per_month is None:
            return None
        return self.one_off + self.upkeep_per_month * months, (self.per_1000 + self.errors_per_1000) * months / 1000


@dataclass(frozen=True, slots=True)
class Quote:
    """Costs measured elsewhere. None means: derive it from the measured seconds."""

    one_off: float | None
    per_1000: float | None


def undisturbed_seconds(outcome: Outcome) -> float:
    """The seconds of a timed request on a quiet machine, or those measured if that isn't known."""
    assert outcome.seconds is not None, "only timed requests have seconds"
    return outcome.seconds if outcome.undisturbed_seconds is None else outcome.undisturbed_seconds


def _slowness(outcome: Outcome) -> float:
    """What is left of a second that was measured."""
    return undisturbed_seconds(outcome) / outcome.seconds if outcome.seconds else 1.0


@dataclass(frozen=True, slots=True)
class Timed:
    """The requests answered one at a time, [requests]: their seconds on a quiet machine, as far as they are known,
    their seconds of writing, and their tokens written; and the mean tokens written over all answers. Requests of other
    trials count if they take the same work, because then seconds differ by chance alone."""

    seconds: Numbers
    writing: Numbers
    written: Numbers
    written_in_all: float

    @staticmethod
    def of(trial: Trial) -> Timed:
        timed = [outcome for outcome in (*trial.outcomes, *trial.timed_alike) if outcome.seconds is not None]
        return Timed(
            np.array([undisturbed_seconds(outcome) for outcome in timed], dtype=np.float64),
            np.array([outcome.phases.get(WRITING, 0.0) * _slowness(outcome) for outcome in timed]),
            np.array([float(outcome.tokens_out) for outcome in timed]),
            sum([outcome.tokens_out for outcome in trial.outcomes]) / max(1, len(trial.outcomes)),
        )

    def mean(self, drawn: NDArray[np.int64], written_in_all: Numbers | float) -> Numbers:
        """The mean seconds of these requests, over the last axis. Writing time is scaled to the mean length of all
        answers (ratio estimator; Cochran, 1977, "Sampling techniques", chapter 6), because so few timed requests rarely
        include the longest answers."""
        written = self.written[drawn].mean(axis=-1)
        longer = np.divide(written_in_all, written, out=np.ones_like(written), where=written > 0)
        return np.asarray(self.seconds[drawn].mean(axis=-1) + (longer - 1) * self.writing[drawn].mean(axis=-1))


def mean_seconds(trial: Trial) -> float | None:
    """Mean seconds of a request; None if none was answered one at a time."""
    timed = Timed.of(trial)
    return float(timed.mean(np.arange(len(timed.seconds)), timed.written_in_all)) if len(timed.seconds) else None


@dataclass(frozen=True, slots=True)
class Consumption:
    """What a strategy takes, whatever that costs: seconds of a request (alone, and its share of the batched pass), mean
    tokens a request, the share of a wrong answer a request, seconds to fit and of them to index, and rows learned from.
    None means unknown. Seconds of a request `on_server` are no time of this machine; `token_price` is what that server
    charges, and `fit_tokens` what it was asked to fit the strategy. A service that trained the model bills
    `trained_tokens` at `training_price` per million."""

    alone_seconds: float | None
    together_seconds: float | None
    tokens_in: float
    tokens_out: float
    changes_weights: bool
    loss: float
    fit_seconds: float | None
    indexing_seconds: float | None
    rows_learned: int | None
    on_server: bool = False
    token_price: Price | None = None
    fit_tokens: Spent | None = None
    trained_tokens: int | None = None
    training_price: float | None = None

    @staticmethod
    def of(trial: Trial) -> Consumption:
        outcomes = trial.outcomes
        rate = trial.undisturbed_requests_per_second or trial.requests_per_second
        stages = trial.undisturbed_stage_seconds or trial.stage_seconds
        return Consumption(
            alone_seconds=mean_seconds(trial),
            together_seconds=1 / rate if rate else None,
            tokens_in=fmean(outcome.tokens_in for outcome in outcomes) if outcomes else 0.0,
            tokens_out=fmean(outcome.tokens_out for outcome in outcomes) if outcomes else 0.0,
            changes_weights=trial.changes_weights,
            loss=1 - fmean(outcome.score for outcome in outcomes) if outcomes else 0.0,
            fit_seconds=sum(trial.undisturbed_stage_seconds.values()) or trial.fit_seconds,
            # Unknown if a strategy looks something up but its indexing time was not measured.
            indexing_seconds=stages.get(INDEXING, None if "passages" in trial.settings else 0.0),
            rows_learned=trial.rows_learned,
            on_server=trial.on_server,
            token_price=trial.token_price,
            fit_tokens=trial.fit_tokens,
            trained_tokens=trial.trained_tokens,
            training_price=trial.training_price,
        )

    def cost(self, terms: Terms, quote: Quote | None = None) -> Cost:
        """As `cost_of` says."""
        quote = quote or Quote(None, None)
        per_second = None if terms.machine_per_hour is None else terms.machine_per_hour / _SECONDS_PER_HOUR

        def price(seconds: float | None) -> float | None:
            return None if seconds is None or per_second is None else seconds * per_second

        tokens = self._price_of_tokens(terms)
        if tokens is not None and self.tokens_in:
            request = self._request_by_tokens(tokens, terms)
        elif self.on_server:
            request = None  # what its owner asks is unknown
        else:
            request = price(self.together_seconds if terms.together else self.alone_seconds)
        if quote.one_off is not None:
            fitting: float | None = quote.one_off
        elif self.on_server:
            fitting = _sum(self._fitting_by_tokens(tokens), self._training_by_tokens(), price(self.indexing_seconds))
        else:
            fitting = price(self.fit_seconds)
        per_1000 = quote.per_1000 if quote.per_1000 is not None else None if request is None else 1000 * request
        return Cost(
            one_off=_sum(fitting, self._labelling(terms)),
            per_1000=per_1000,
            per_month=None if per_1000 is None else per_1000 * terms.monthly_volume / 1000,
            currency=terms.currency,
            upkeep_per_month=_sum(
                _monthly(fitting, terms.retrain_days), _monthly(price(self.indexing_seconds), terms.reindex_days)
            ),
            errors_per_1000=1000 * terms.wrong_answer * self.loss,
        )

    def _price_of_tokens(self, terms: Terms) -> Price | None:
        """What its own server charges, else what the hosted model of `terms` does."""
        if self.token_price is not None or terms.read_per_million is None or terms.written_per_million is None:
            return self.token_price
        return Price(terms.read_per_million, terms.written_per_million)

    def _request_by_tokens(self, price: Price, terms: Terms) -> float | None:
        """The price of the tokens of an average request."""
        factor = terms.tuned_factor if self.changes_weights and self.token_price is None else 1.0
        return None if factor is None else factor * price.of(self.tokens_in, self.tokens_out)

    def _fitting_by_tokens(self, price: Price | None) -> float | None:
        if price is None or self.fit_tokens is None:
            return None
        return price.of(self.fit_tokens.read, self.fit_tokens.written)

    def _training_by_tokens(self) -> float | None:
        if self.trained_tokens is None:
            return 0.0
        return None if self.training_price is None else self.trained_tokens * self.training_price / 1e6

    def _labelling(self, terms: Terms) -> float | None:
        if not terms.labelled_row:
            return 0.0
        return None if self.rows_learned is None else self.rows_learned * terms.labelled_row


def cost_of(trial: Trial, terms: Terms, quote: Quote | None = None) -> Cost:
    """The cost of a trial's strategy: machine seconds times the price of a second, unless `quote` has it.

    An answer costs the mean seconds of requests answered one at a time, as on a quiet machine. The mean adds up over
    many requests, and batches can't be relied on. Written answers are scaled to the mean length of all answers. With
    `terms.together` an answer costs the seconds of the batched pass divided by its requests. The machine is only paid
    for while it works. A hosted model is paid by tokens; setup, and baselines that read no tokens, always run on the
    machine. An answer by a server is paid by its own tokens too, at the server's price (`trial.token_price`), and so is
    its setup, but for indexing, which this machine does. Without prices of tokens, both are unknown.
    """
    return Consumption.of(trial).cost(terms, quote)


def _monthly(each_time: float | None, days: float | None) -> float | None:
    if days is None:
        return 0.0
    return None if each_time is None else each_time * _DAYS_A_MONTH / days


def _sum(*amounts: float | None) -> float | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if len(known) == len(amounts) else None
