"""Ranges of costs, from a bootstrap over timed answers and scored rows, and where two strategies cost the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from eval.money.costs import Cost, Terms, Timed, cost_of, mean_seconds
from eval.outcomes import Trial
from eval.statistics.grouping import Grouping, piece_of
from eval.statistics.inference import SEED

_RESAMPLES = 2000
_FEWEST_TIMED = 10  # answers; with fewer, the range covered only 77 to 83 of 100 simulated crossings

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Crossing:
    """The requests per month at which two strategies cost the same, None if there is no such volume.

    `low` to `high` is the 95 % range from timed answers and scored rows. `low` is None if there may be no such volume
    at all, `high` if it may be unbounded. Both are None without `is_ranged`: prices were given, answers were batched,
    a hosted model is assumed, or too few answers were timed.
    """

    monthly: float | None
    low: float | None
    high: float | None
    is_ranged: bool = True


def price_range(trial: Trial, cost: Cost, terms: Terms) -> tuple[float, float] | None:
    """The 95 % range of `cost.per_1000` (bootstrap over timed answers). None if the cost doesn't depend on them, or if
    there are too few."""
    is_timed = len(Timed.of(trial).seconds) >= _FEWEST_TIMED
    if not cost.per_1000 or not is_timed or not _follows_from_seconds(trial, terms):
        return None
    if cost.per_1000 != cost_of(trial, terms).per_1000:  # measured elsewhere
        return None
    low, high = np.quantile(cost.per_1000 * _drawn_seconds(trial, _random()), [0.025, 0.975]).tolist()
    return low, high


def crossing(a: Cost, b: Cost, months: float) -> float | None:
    """The monthly volume at which two costs have the same total over `months`; None if there is none or if a cost is
    unknown."""
    line_a, line_b = a.line(months), b.line(months)
    if line_a is None or line_b is None:
        return None
    (fixed_a, slope_a), (fixed_b, slope_b) = line_a, line_b
    if slope_a == slope_b:
        return None
    volume = (fixed_b - fixed_a) / (slope_a - slope_b)
    return volume if volume > 0 else None


def crossing_range(a: tuple[Trial, Cost], b: tuple[Trial, Cost], terms: Terms, is_ranged: bool) -> Crossing:
    """Where two strategies cost the same, with its range: a bootstrap over timed answers and scored rows, or over their
    groups."""
    return crossing_ranges([a, b], terms, is_ranged)[0]


def crossing_ranges(each: Sequence[tuple[Trial, Cost]], terms: Terms, is_ranged: bool) -> list[Crossing]:
    """`crossing_range` of each pair, in the order of `itertools.combinations`; each strategy is drawn only once."""
    lines = [_drawn_line(trial, cost, terms) if is_ranged else None for trial, cost in each]
    return [
        _met(crossing(a[1], b[1], terms.months), line_a, line_b)
        for (a, line_a), (b, line_b) in combinations(zip(each, lines, strict=True), 2)
    ]


def _met(at: float | None, *lines: tuple[float, Numbers] | None) -> Crossing:
    drawn = [line for line in lines if line is not None]
    if len(drawn) < len(lines):
        return Crossing(at, None, None, is_ranged=False)
    fixed, slopes = zip(*drawn, strict=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        volumes = (fixed[1] - fixed[0]) / (slopes[0] - slopes[1])
    volumes = np.where(volumes > 0, volumes, np.inf)
    low, high = np.quantile(volumes, [0.025, 0.975], method="nearest").tolist()
    return Crossing(at, low if math.isfinite(low) else None, high if math.isfinite(high) else None)


def probability_of_costing_less(a: tuple[Trial, Cost], b: tuple[Trial, Cost], terms: Terms) -> float | None:
    """The probability that the first costs less over `terms.months` at the monthly volume, with the bootstrap of
    `crossing_range`. None if the costs don't depend on timed answers, or if there are too few."""
    is_found_elsewhere = any(cost.per_1000 != cost_of(trial, terms).per_1000 for trial, cost in (a, b))
    if is_found_elsewhere:
        return None
    line_a, line_b = _drawn_line(*a, terms), _drawn_line(*b, terms)
    if line_a is None or line_b is None:
        return None
    first, second = (fixed + slopes * terms.monthly_volume for fixed, slopes in (line_a, line_b))
    return float((first < second).mean())


def _drawn_line(trial: Trial, cost: Cost, terms: Terms) -> tuple[float, Numbers] | None:
    """What is paid at zero volume, and `_slopes`; None if these can't be drawn."""
    is_timed = len(Timed.of(trial).seconds) >= _FEWEST_TIMED
    line = cost.line(terms.months)
    if line is None or (trial.token_price is None and not _follows_from_seconds(trial, terms)):
        return None
    if cost.per_1000 and not is_timed and trial.token_price is None:
        return None
    return line[0], _slopes(trial, cost, terms)


def _slopes(trial: Trial, cost: Cost, terms: Terms) -> Numbers:
    """What one more request per month costs over all months, for each resample, [resamples]."""
    random = _random()
    errors = 1000 * terms.wrong_answer * _drawn_losses(trial, random) if terms.wrong_answer else 0.0
    paid = cost.per_1000 * _drawn_work(trial, random) if cost.per_1000 else 0.0
    return (np.zeros(_RESAMPLES) + paid + errors) * terms.months / 1000


def _random() -> np.random.Generator:
    """A fixed seed, so that all strategies get the same rows."""
    return np.random.default_rng(SEED)


def _follows_from_seconds(trial: Trial, terms: Terms) -> bool:
    """Whether the price of an answer depends on the timed seconds."""
    return not terms.together and not terms.is_hosted and trial.token_price is None


def _drawn_work(trial: Trial, random: np.random.Generator) -> Numbers:
    """What a request takes as a multiple of what was measured, [resamples]: tokens where they are paid for, else
    seconds."""
    price = trial.token_price
    if price is None:
        return _drawn_seconds(trial, random)
    paid = np.array([price.of(outcome.tokens_in, outcome.tokens_out) for outcome in trial.outcomes])
    return np.asarray(_drawn_shares(len(paid)) @ paid / paid.mean())


def _drawn_seconds(trial: Trial, random: np.random.Generator) -> Numbers:
    """The mean seconds of a request as a multiple of the measured mean, [resamples]."""
    timed = Timed.of(trial)
    drawn = random.integers(len(timed.seconds), size=(_RESAMPLES, len(timed.seconds)))
    written = _drawn_shares(len(trial.outcomes)) @ np.array([outcome.tokens_out for outcome in trial.outcomes])
    return np.asarray(timed.mean(drawn, written) / (mean_seconds(trial) or 1.0))


@lru_cache(maxsize=4)
def _drawn_shares(rows: int) -> Numbers:
    """How often each row was drawn, as a share of the draws, [resamples, rows]."""
    return np.asarray(_random().multinomial(rows, np.full(rows, 1 / rows), size=_RESAMPLES) / rows)


def _drawn_losses(trial: Trial, random: np.random.Generator) -> Numbers:
    """The mean of 1 - score, with rows of a group drawn together."""
    grouping = Grouping.of(len(trial.outcomes), [piece_of(outcome) for outcome in trial.outcomes])
    losses = grouping.sums([1 - outcome.score for outcome in trial.outcomes])
    drawn = random.integers(grouping.count, size=(_RESAMPLES, grouping.count))
    return np.asarray(losses[drawn].sum(axis=1) / grouping.sizes[drawn].sum(axis=1))
