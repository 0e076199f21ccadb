"""What a candidate did on the test rows, and what can be said of it. Here alone a score that is the mean of its rows is
told from one that is not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from eval import statistics
from eval.label_statistics import label_difference, label_interval, label_spread
from eval.outcomes import Outcome
from eval.scoring.labels import OF_LABELS, LabelAnswers
from eval.statistics import LEVEL, POWER, Difference, Interval

# Of each row its score in [0, 1], where their mean is the candidate's, [rows]; or its labels, which make one score.
Scored = NDArray[np.float64] | LabelAnswers


def scored(metric: str, outcomes: Sequence[Outcome]) -> Scored:
    """What these outcomes are by the metric of their trial."""
    if metric in OF_LABELS:
        return LabelAnswers.of_outcomes(metric, outcomes)
    return np.array([outcome.score for outcome in outcomes])


def score_of(one: Scored) -> float:
    return one.score if isinstance(one, LabelAnswers) else float(one.mean())


def interval(one: Scored, groups: Sequence[str] | None = None) -> Interval:
    """As `eval.statistics.interval`, whatever the metric."""
    return label_interval(one, groups) if isinstance(one, LabelAnswers) else statistics.interval(one, groups)


def paired_difference(a: Scored, b: Scored, groups: Sequence[str] | None = None) -> Difference:
    """As `eval.statistics.paired_difference`, whatever the metric."""
    if isinstance(a, LabelAnswers) and isinstance(b, LabelAnswers):
        return label_difference(a, b, groups)
    return statistics.paired_difference(_numbers(a), _numbers(b), groups)


def rows_needed(a: Scored, b: Scored, margin: float, groups: Sequence[str] | None = None) -> int | None:
    """As `eval.statistics.rows_needed`; where a score is no mean, its standard error is taken to fall with the root of
    the rows, as that of a mean does."""
    if isinstance(a, LabelAnswers) and isinstance(b, LabelAnswers):
        half = _deviations(LEVEL) * label_spread(a, b, groups)
        return math.ceil(len(a.expected) * (half / margin) ** 2) if margin > 0 else None
    return statistics.rows_needed(_numbers(a), _numbers(b), margin, groups)


def detectable_difference(a: Scored, b: Scored, groups: Sequence[str] | None = None) -> float:
    """As `eval.statistics.detectable_difference`, whatever the metric."""
    if isinstance(a, LabelAnswers) and isinstance(b, LabelAnswers):
        return min(1.0, (_deviations(LEVEL) + NormalDist().inv_cdf(POWER)) * label_spread(a, b, groups))
    return statistics.detectable_difference(_numbers(a), _numbers(b), groups)


def _deviations(level: float) -> float:
    """The standard errors either way within which a normal figure lies with this probability."""
    return NormalDist().inv_cdf((1 + level) / 2)


def _numbers(one: Scored) -> NDArray[np.float64]:
    if isinstance(one, LabelAnswers):
        raise TypeError("labels and scores of rows cannot be compared")
    return one
