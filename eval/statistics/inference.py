"""What scores on a test set can and can't say: intervals, paired differences, and how many rows are needed.

Everything is deterministic: resampling uses a fixed seed, so the same outcomes always give the same report. All
intervals are at 95 %.
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
import scipy  # `scipy.stats` is imported on first use: it takes a second, and most processes don't need it
from numpy.typing import ArrayLike, NDArray

from eval.statistics.grouping import Grouping

SEED = 20_240_607
LEVEL = 0.95
WILSON, BOOTSTRAP, STUDENT, ADJUSTED_WALD = "Wilson", "bootstrap", "Student", "adjusted Wald"
MCNEMAR, SIGN_FLIPS = "McNemar", "sign flips"
POWER = 0.80
OFTEN_DISAGREEING = 0.25  # of rows; two strategies of middling score differ about so often
_Z = NormalDist().inv_cdf((1 + LEVEL) / 2)
RESAMPLES = 4999
LEAST_OF_FLIPS = 2 / (RESAMPLES + 1)  # the smallest p-value this many flips can give
_BATCH = 200  # resamples held in memory at once
_MIN_VARIED = 10
_MOST_RESAMPLED = 5_000  # rows; the mean of more is normal, and resampling them would take minutes

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean score with its 95 % confidence interval, from `n` rows, computed by `method`."""

    mean: float
    low: float
    high: float
    n: int
    method: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """The mean of a - b over the same `n` rows, its 95 % confidence interval by `method`, and the p-value of "there is
    no difference" by `test`."""

    difference: float
    low: float
    high: float
    p_value: float
    n: int
    method: str = ""
    test: str = ""


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Median and 95th percentile of `n` requests, in seconds, each with its 95 % confidence interval. A bound is None
    if there are too few requests for one."""

    p50: float
    p95: float
    n: int
    p50_range: tuple[float | None, float | None] = (None, None)
    p95_range: tuple[float | None, float | None] = (None, None)


def interval(scores: ArrayLike, groups: Sequence[str] | None = None) -> Interval:
    """The mean of scores in [0, 1] with its interval. Raises ValueError without scores.

    Rows of one of `groups` are one piece of evidence; without groups each row is one.

    0/1 scores: Wilson's score interval. Graded scores: BCa bootstrap. Groups: Student's interval of their linearised
    means. If too few values differ for these, Wilson's formula at the mean is used. It is conservative, because no
    score in [0, 1] varies more than a coin with the same mean.
    """
    values = _numbers(scores)
    mean, pieces = float(values.mean()), _Pieces.of(values, groups)
    method = WILSON if _is_binary(pieces.means) or _hardly_varies(pieces.means) else _method_for_mean(pieces)
    low, high = _RANGES[method](pieces)
    return Interval(mean, min(mean, max(0.0, low)), max(mean, min(1.0, high)), len(values), method)


def paired_difference(a: ArrayLike, b: ArrayLike, groups: Sequence[str] | None = None) -> Difference:
    """How much better `a` scores than `b` on the same rows, in the same order. Rows of one of `groups` are one piece of
    evidence.

    0/1 scores: exact McNemar test (binomial over the rows where they disagree) and the adjusted Wald interval of
    Agresti and Min (2005). Graded scores and groups: paired permutation test, and the interval of a mean score, or the
    adjusted Wald interval if too few differences vary. Raises ValueError if there are no rows or the numbers of rows
    differ.
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
    """How much larger the first mean is than the second, measured on other rows. Combines both intervals by the method
    of variance estimates recovery (Zou and Donner, 2008); for shares that is Newcombe's hybrid score interval."""
    difference = a.mean - b.mean
    below, above = math.hypot(a.mean - a.low, b.high - b.mean), math.hypot(a.high - a.mean, b.mean - b.low)
    return Interval(difference, max(-1.0, difference - below), min(1.0, difference + above), a.n + b.n)


def mean_change(before: ArrayLike, after: ArrayLike) -> Interval:
    """The mean of after - before over the same pieces, for numbers without bounds, with Student's interval."""
    changes = _numbers(after) - _numbers(before)
    mean, n = float(changes.mean()), len(changes)
    half = float(scipy.stats.t.ppf((1 + LEVEL) / 2, n - 1) * changes.std(ddof=1)) / math.sqrt(n) if n > 1 else math.inf
    return Interval(mean, mean - half, mean + half, n)


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for several tests (Holm, 1979), in the given order."""
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, position in enumerate(np.argsort(p_values, kind="stable")):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[position]))
        adjusted[position] = largest
    return adjusted


def rows_needed(a: ArrayLike, b: ArrayLike, margin: float, groups: Sequence[str] | None = None) -> int | None:
    """How many test rows would narrow the interval of the paired difference to ± margin.

    n = (1.96 · s / margin)², rounded up, where s is the standard deviation of the row-wise differences so far. It is
    stabilised as in the adjusted Wald interval, so that a handful of agreeing rows doesn't promise certainty. With
    `groups`, the rows come in groups of the current size. None if the margin is 0: no number of rows is enough.
    """
    if margin <= 0:
        return None
    pieces = _Pieces.of(_numbers(a) - _numbers(b), groups)
    _, variance, _ = _adjusted_moments(pieces)
    return math.ceil(_Z**2 * variance / margin**2 * len(_numbers(a)) / pieces.even)


def detectable_difference(a: ArrayLike, b: ArrayLike, groups: Sequence[str] | None = None) -> float:
    """The smallest true difference that a test on this many rows would detect 80 % of the time: (1.96 + 0.84) · s / √n,
    with s as in `rows_needed`; at most 1."""
    _, variance, n = _adjusted_moments(_Pieces.of(_numbers(a) - _numbers(b), groups))
    return min(1.0, (_Z + NormalDist().inv_cdf(POWER)) * math.sqrt(variance / n))


def rows_to_show(margin: float, disagreeing: float = 1.0) -> int:
    """About how many test rows narrow the interval of a paired difference to ± margin, before anything was scored.
    `disagreeing` is the share of rows on which the 0/1 scores of two strategies differ; 1 is the worst case."""
    return math.ceil(_Z**2 * disagreeing / margin**2)


def margin_shown(rows: int, disagreeing: float = 1.0) -> float:
    """About how wide the interval of a paired difference is, as ± margin, with this many rows; see `rows_to_show`."""
    return _Z * math.sqrt(disagreeing / rows)


def even_groups(groups: Sequence[str]) -> float:
    """How many groups of equal size would be as much evidence as these (Kish, 1965, "Survey sampling"). Fewer than the
    actual number if one is far larger than others. `groups` names the group of each row."""
    return _Pieces.of(np.zeros(len(groups)), groups).even


def percentiles(seconds: Sequence[float]) -> Percentiles | None:
    """Median and 95th percentile; None if nothing was timed."""
    if not seconds:
        return None
    p50, p95 = np.percentile(seconds, [50, 95])
    ranges = (_quantile_range(tuple(seconds), share) for share in (0.50, 0.95))
    return Percentiles(float(p50), float(p95), len(seconds), *ranges)


@lru_cache(maxsize=256)  # the same requests are used under many priorities
def _quantile_range(values: tuple[float, ...], share: float) -> tuple[float | None, float | None]:
    """Exact for any distribution: from the binomial number of values below the true quantile."""
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
    """Independent pieces of evidence, rows or groups of rows: the mean of each and its share of all rows, [pieces]."""

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
        """How many pieces of equal size they are worth: see `even_groups`."""
        return 1 / float((self.shares**2).sum())


def _is_binary(scores: Numbers) -> bool:
    return bool(np.isin(scores, (0.0, 1.0)).all())


def _hardly_varies(values: Numbers) -> bool:
    """Whether fewer than ten values differ from the most common one: a bootstrap would then pretend certainty."""
    return len(values) - max(Counter(values.tolist()).values()) < _MIN_VARIED


def _wilson(pieces: _Pieces) -> tuple[float, float]:
    """Wilson (1927). Equals `scipy.stats.binomtest(...).proportion_ci(method="wilson")`, which only takes whole numbers
    of successes."""
    mean, n = pieces.mean, pieces.even
    centre = (mean + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * math.sqrt(mean * (1 - mean) / n + _Z**2 / (4 * n**2))
    # At a mean of 0 or 1 the limit on that side is exact; rounding must not push it past the mean.
    return min(mean, max(0.0, centre - half)), max(mean, min(1.0, centre + half))


def _method_for_mean(pieces: _Pieces) -> str:
    return STUDENT if pieces.are_groups else BOOTSTRAP


def _students(pieces: _Pieces) -> tuple[float, float]:
    """Interval of the mean of all rows, with the standard error of a mean over groups of unequal size (the linearised
    ratio; Cochran, 1977, "Sampling techniques", section 9A). One large group says little about how groups differ, so
    the degrees of freedom are the even groups minus one. In simulated groups of all sizes this interval held 88 to 96
    %, where a bootstrap held 52 to 94 %."""
    mean, count = pieces.mean, len(pieces.means)
    error = math.sqrt(float((((pieces.means - mean) * pieces.shares) ** 2).sum()) * count / (count - 1))
    half = float(scipy.stats.t.ppf((1 + LEVEL) / 2, pieces.even - 1)) * error
    return mean - half, mean + half


def _bootstrap_mean(pieces: _Pieces) -> tuple[float, float]:
    return _resampled_mean(tuple(pieces.means.tolist()))


@lru_cache(maxsize=256)  # the same scores are used under many priorities
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
    """Mean, variance and number of the differences after adding two imagined rows: half a row won, half a row lost, one
    tied. For 0/1 scores this is "add one half to each cell" (Agresti and Min, 2005, "Simple improved confidence
    intervals for comparing matched proportions", Statistics in Medicine 24). For graded scores it is the same formula
    on graded differences."""
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
    """If a and b were equal, each difference could have the other sign. A single row can never show a difference, and
    scipy refuses to test it."""
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
