"""What scores on a test set can and cannot say: intervals, paired differences, how many rows would be needed.

Everything is deterministic: where numbers are resampled the seed is fixed, so the same outcomes always give the same
report. All ranges are at 95 %.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Any

import numpy as np
import scipy  # `scipy.stats` is loaded where it is first used: it takes a second, which most processes can do without
from numpy.typing import ArrayLike, NDArray

from eval.grouping import Grouping

SEED = 20_240_607
LEVEL = 0.95
WILSON, BOOTSTRAP, STUDENT, ADJUSTED_WALD = "Wilson", "bootstrap", "Student", "adjusted Wald"
MCNEMAR, SIGN_FLIPS = "McNemar", "sign flips"
POWER = 0.80
_Z = NormalDist().inv_cdf((1 + LEVEL) / 2)
RESAMPLES = 4999
LEAST_OF_FLIPS = 2 / (RESAMPLES + 1)  # no p-value of so many flips can be smaller
_BATCH = 200  # resamples held in memory at once
_MIN_VARIED = 10
_MOST_RESAMPLED = 5_000  # rows; beyond, their mean is normal, and resampling so many would take minutes to say so

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean score and where the true one lies with 95 % confidence, from `n` rows, found by `method`."""

    mean: float
    low: float
    high: float
    n: int
    method: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """The mean of a - b over the same `n` rows, its 95 % interval, found by `method`, and the p-value of "there is no
    difference", by `test`."""

    difference: float
    low: float
    high: float
    p_value: float
    n: int
    method: str = ""
    test: str = ""


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Median and 95th percentile, in seconds, of `n` requests, each with its 95 % range; None where so few requests
    set no bound."""

    p50: float
    p95: float
    n: int
    p50_range: tuple[float | None, float | None] = (None, None)
    p95_range: tuple[float | None, float | None] = (None, None)


def interval(scores: ArrayLike, groups: Sequence[str] | None = None) -> Interval:
    """The mean of scores in [0, 1] with its interval. Raises ValueError without scores.

    Rows of one of `groups` are one piece of evidence; without groups each row is one.

    0/1 scores: Wilson's score interval. Graded scores: BCa bootstrap; groups: Student's interval of their linearised
    means. Where too few differ for either to mean anything, Wilson's formula at the mean, which is conservative,
    because no score in [0, 1] varies more than a coin of the same mean.
    """
    values = _numbers(scores)
    mean, pieces = float(values.mean()), _Pieces.of(values, groups)
    method = WILSON if _is_binary(pieces.means) or _hardly_varies(pieces.means) else _method_for_mean(pieces)
    low, high = _RANGES[method](pieces)
    return Interval(mean, min(mean, max(0.0, low)), max(mean, min(1.0, high)), len(values), method)


def paired_difference(a: ArrayLike, b: ArrayLike, groups: Sequence[str] | None = None) -> Difference:
    """How much better `a` scores than `b` on the same rows, in the same order; rows of one of `groups` are one piece of
    evidence.

    0/1 scores: exact McNemar test (binomial over the rows where they disagree) and the adjusted Wald interval of
    Agresti and Min (2005). Graded scores and groups: paired permutation test, and the range as of a mean score, with
    the adjusted Wald interval where too few differences vary. Raises ValueError when there are no rows or not the same
    number.
    """
    scores_a, scores_b = _numbers(a), _numbers(b)
    if len(scores_a) != len(scores_b):
        raise ValueError(f"paired scores must be of the same rows, got {len(scores_a)} and {len(scores_b)}")
    differences = scores_a - scores_b
    pieces = _Pieces.of(differences, groups)
    are_shares = not pieces.are_groups and _is_binary(scores_a) and _is_binary(scores_b)
    method = ADJUSTED_WALD if are_shares or _hardly_varies(pieces.means) else _method_for_mean(pieces)
    low, high = _RANGES[method](pieces)
    p_value = _mcnemar(differences) if are_shares else _sign_flip_test(pieces.means * pieces.shares)
    test = MCNEMAR if are_shares else SIGN_FLIPS
    low, high = max(-1.0, low), min(1.0, high)
    return Difference(float(differences.mean()), low, high, p_value, len(differences), method, test)


def unpaired_difference(a: Interval, b: Interval) -> Interval:
    """How much larger the first mean is than the second, of other rows: from both intervals, by the method of variance
    estimates recovery (Zou and Donner, 2008); for shares that is Newcombe's hybrid score interval."""
    difference = a.mean - b.mean
    below, above = math.hypot(a.mean - a.low, b.high - b.mean), math.hypot(a.high - a.mean, b.mean - b.low)
    return Interval(difference, max(-1.0, difference - below), min(1.0, difference + above), a.n + b.n)


def mean_change(before: ArrayLike, after: ArrayLike) -> Interval:
    """The mean of after - before over the same pieces, of numbers without bounds, with Student's interval."""
    changes = _numbers(after) - _numbers(before)
    mean, n = float(changes.mean()), len(changes)
    half = float(scipy.stats.t.ppf((1 + LEVEL) / 2, n - 1) * changes.std(ddof=1)) / math.sqrt(n) if n > 1 else math.inf
    return Interval(mean, mean - half, mean + half, n)


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for having tested several times (Holm, 1979), in the order given."""
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, position in enumerate(np.argsort(p_values, kind="stable")):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[position]))
        adjusted[position] = largest
    return adjusted


def rows_needed(a: ArrayLike, b: ArrayLike, margin: float, groups: Sequence[str] | None = None) -> int | None:
    """How many test rows would bring the interval of the paired difference down to ± margin.

    n = (1.96 · s / margin)², rounded up, with s the standard deviation of the row-wise differences seen so far,
    stabilised as in the adjusted Wald interval so that a handful of rows that agree does not promise certainty. With
    `groups` that many groups of as many rows as now are meant. None when the margin is 0: no number of rows is enough.
    """
    if margin <= 0:
        return None
    pieces = _Pieces.of(_numbers(a) - _numbers(b), groups)
    _, variance, _ = _adjusted_moments(pieces)
    return math.ceil(_Z**2 * variance / margin**2 * len(_numbers(a)) / pieces.even)


def detectable_difference(a: ArrayLike, b: ArrayLike, groups: Sequence[str] | None = None) -> float:
    """The smallest true difference that these rows would show in 80 of 100 such tests: (1.96 + 0.84) · s / √n, with s
    as in `rows_needed`; 1 at most."""
    _, variance, n = _adjusted_moments(_Pieces.of(_numbers(a) - _numbers(b), groups))
    return min(1.0, (_Z + NormalDist().inv_cdf(POWER)) * math.sqrt(variance / n))


def rows_to_show(margin: float, disagreeing: float = 1.0) -> int:
    """About how many test rows bring the interval of a paired difference down to ± margin, before any was scored, where
    the 0/1 scores of two strategies differ on this share of the rows; 1 is the worst case."""
    return math.ceil(_Z**2 * disagreeing / margin**2)


def margin_shown(rows: int, disagreeing: float = 1.0) -> float:
    """About how far either way the interval of a paired difference reaches with this many rows; see `rows_to_show`."""
    return _Z * math.sqrt(disagreeing / rows)


def even_groups(groups: Sequence[str]) -> float:
    """How many groups of one size would be as much evidence as the rows of these (Kish, 1965, "Survey sampling"): fewer
    than there are, where one is far larger than others. `groups` names that of each row."""
    return _Pieces.of(np.zeros(len(groups)), groups).even


def percentiles(seconds: Sequence[float]) -> Percentiles | None:
    """Median and 95th percentile; None when nothing was timed."""
    if not seconds:
        return None
    p50, p95 = np.percentile(seconds, [50, 95])
    ranges = (_quantile_range(tuple(seconds), share) for share in (0.50, 0.95))
    return Percentiles(float(p50), float(p95), len(seconds), *ranges)


@lru_cache(maxsize=256)  # the same requests are looked at under many priorities
def _quantile_range(values: tuple[float, ...], share: float) -> tuple[float | None, float | None]:
    """Exact, whatever the distribution: from the binomial number of values below the true quantile."""
    bounds: Any = scipy.stats.quantile_test(values, p=share).confidence_interval(LEVEL)
    low, high = map(float, bounds)
    return None if math.isnan(low) else low, None if math.isnan(high) else high


def _numbers(scores: ArrayLike) -> Numbers:
    values = np.asarray(scores, dtype=np.float64)
    if not len(values):
        raise ValueError("there are no scores")
    return values


@dataclass(frozen=True, slots=True)
class _Pieces:
    """Independent pieces of evidence, rows or groups of them: the mean of each and its share of all rows, [pieces]."""

    means: Numbers
    shares: Numbers
    are_groups: bool

    @staticmethod
    def of(values: Numbers, groups: Sequence[str] | None) -> _Pieces:
        grouping = Grouping.of(len(values), groups)
        if not grouping.are_groups:
            return _Pieces(values, np.full(len(values), 1 / len(values)), are_groups=False)
        return _Pieces(grouping.sums(values) / grouping.sizes, grouping.sizes / len(values), are_groups=True)

    @property
    def mean(self) -> float:
        return float(self.shares @ self.means)

    @property
    def even(self) -> float:
        """As how many of one size they count: see `even_groups`."""
        return 1 / float((self.shares**2).sum())


def _is_binary(scores: Numbers) -> bool:
    return bool(np.isin(scores, (0.0, 1.0)).all())


def _hardly_varies(values: Numbers) -> bool:
    """Whether fewer than ten values differ from the commonest one: a bootstrap would then feign certainty."""
    return len(values) - max(Counter(values.tolist()).values()) < _MIN_VARIED


def _wilson(pieces: _Pieces) -> tuple[float, float]:
    """Wilson (1927). Equals `scipy.stats.binomtest(...).proportion_ci(method="wilson")`, which takes whole numbers
    of successes only."""
    mean, n = pieces.mean, pieces.even
    centre = (mean + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * math.sqrt(mean * (1 - mean) / n + _Z**2 / (4 * n**2))
    # At a mean of 0 or 1 the limit on that side is exact; rounding must not push it past the mean.
    return min(mean, max(0.0, centre - half)), max(mean, min(1.0, centre + half))


def _method_for_mean(pieces: _Pieces) -> str:
    return STUDENT if pieces.are_groups else BOOTSTRAP


def _students(pieces: _Pieces) -> tuple[float, float]:
    """Of the mean of all rows, whose standard error is that of a mean over groups of unequal size (the linearised
    ratio; Cochran, 1977, "Sampling techniques", section 9A). One large group says little of how groups differ, so
    there are as many degrees of freedom as even groups, less one: with these the range holds 88 to 96 % in simulated
    groups of all sizes, where a bootstrap held 52 to 94 %."""
    mean, count = pieces.mean, len(pieces.means)
    error = math.sqrt(float((((pieces.means - mean) * pieces.shares) ** 2).sum()) * count / (count - 1))
    half = float(scipy.stats.t.ppf((1 + LEVEL) / 2, pieces.even - 1)) * error
    return mean - half, mean + half


def _bootstrap_mean(pieces: _Pieces) -> tuple[float, float]:
    return _resampled_mean(tuple(pieces.means.tolist()))


@lru_cache(maxsize=256)  # the same scores are looked at under many priorities
def _resampled_mean(scores: tuple[float, ...]) -> tuple[float, float]:
    values = np.array(scores)
    if len(values) > _MOST_RESAMPLED:
        half = _Z * float(values.std(ddof=1)) / math.sqrt(len(values))
        return float(values.mean()) - half, float(values.mean()) + half
    resampled = scipy.stats.bootstrap(
        (values,),
        np.mean,
        confidence_level=LEVEL,
        n_resamples=RESAMPLES,
        batch=_BATCH,
        method="BCa",
        rng=np.random.default_rng(SEED),
    )
    low, high = resampled.confidence_interval
    return float(low), float(high)


def _adjusted_moments(differences: _Pieces) -> tuple[float, float, float]:
    """Mean, variance and number of the differences after adding two imagined rows: half a row won outright, half a
    row lost, one tied. For 0/1 scores this is "add one half to each cell" (Agresti and Min, 2005, "Simple improved
    confidence intervals for comparing matched proportions", Statistics in Medicine 24); for graded scores it is the
    same formula on graded differences."""
    n = differences.even + 2
    mean = differences.even * differences.mean / n
    return mean, (differences.even * float(differences.shares @ differences.means**2) + 1) / n - mean**2, n


def _adjusted_wald(differences: _Pieces) -> tuple[float, float]:
    mean, variance, n = _adjusted_moments(differences)
    half = _Z * math.sqrt(variance / n)
    return max(-1.0, mean - half), min(1.0, mean + half)


_RANGES = {WILSON: _wilson, STUDENT: _students, BOOTSTRAP: _bootstrap_mean, ADJUSTED_WALD: _adjusted_wald}


def _mcnemar(differences: Numbers) -> float:
    wins, losses = int((differences > 0).sum()), int((differences < 0).sum())
    return float(scipy.stats.binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0


def _sign_flip_test(differences: Numbers) -> float:
    """If a and b were alike, each difference could as well have the other sign. One row can never show a difference,
    and scipy refuses to test it."""
    if len(differences) < 2 or not differences.any():
        return 1.0
    if len(differences) > _MOST_RESAMPLED:
        return math.erfc(abs(float(differences.sum())) / math.sqrt(2 * float((differences**2).sum())))
    return _flipped(tuple(differences.tolist()))


@lru_cache(maxsize=256)
def _flipped(differences: tuple[float, ...]) -> float:
    tested = scipy.stats.permutation_test(
        (differences,),
        np.mean,
        permutation_type="samples",  # of a single sample: its signs are flipped
        vectorized=True,
        n_resamples=RESAMPLES,
        batch=_BATCH,
        rng=np.random.default_rng(SEED),
    )
    return float(tested.pvalue)
