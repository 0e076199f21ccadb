"""What answers cost on a machine with a price per hour. An unknown price or an unmeasured time stays unknown."""

from __future__ import annotations

from dataclasses import dataclass

from eval.outcomes import Trial

_SECONDS_PER_HOUR = 3600


@dataclass(frozen=True, slots=True)
class Cost:
    """Money in `currency`; None is unknown and never means 0.

    `one_off` is paid once, to fit; `per_1000` for each thousand requests; `per_month` at the person's monthly volume.
    """

    one_off: float | None
    per_1000: float | None
    per_month: float | None
    currency: str

    def total_over(self, months: float) -> float | None:
        """One-off and running cost over so many months; None when either is unknown."""
        if self.one_off is None or self.per_month is None:
            return None
        return self.one_off + self.per_month * months


def mean_seconds(trial: Trial) -> float | None:
    """Mean seconds of the requests that were answered one at a time; None when none was."""
    seconds = [outcome.seconds for outcome in trial.outcomes if outcome.seconds is not None]
    return sum(seconds) / len(seconds) if seconds else None


def cost_of(trial: Trial, *, machine_per_hour: float | None, monthly_volume: int, currency: str) -> Cost:
    """The cost of a trial's strategy: seconds on the machine times the price of a second.

    An answer is priced at the mean seconds of requests answered one at a time: the mean, because it is what adds up
    over many requests; one at a time, because batches cannot be counted on. It is the cost of a machine that is paid
    for only while it answers.
    """
    per_second = None if machine_per_hour is None else machine_per_hour / _SECONDS_PER_HOUR
    seconds = mean_seconds(trial)
    per_request = None if seconds is None or per_second is None else seconds * per_second
    return Cost(
        one_off=None if trial.fit_seconds is None or per_second is None else trial.fit_seconds * per_second,
        per_1000=None if per_request is None else per_request * 1000,
        per_month=None if per_request is None else per_request * monthly_volume,
        currency=currency,
    )


def crossing(a: Cost, b: Cost) -> float | None:
    """After how many requests the totals of two costs are equal; None when never, or when a cost is unknown."""
    if a.one_off is None or a.per_1000 is None or b.one_off is None or b.per_1000 is None:
        return None
    if a.per_1000 == b.per_1000:
        return None
    requests = 1000 * (b.one_off - a.one_off) / (a.per_1000 - b.per_1000)
    return requests if requests > 0 else None
