"""A candidate's results on the test rows, and what they say. Only this module distinguishes scores that are the mean of
their rows from scores that aren't."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from eval.outcomes import Outcome
from eval.scoring.labels import OF_LABELS, LabelAnswers
from eval.statistics import inference
from eval.statistics.inference import LEVEL, POWER, Difference, Interval
from eval.statistics.label_statistics import label_difference, label_interval, label_spread

# Each row's score in [0, 1], if their mean is the candidate's score, [rows]; or labels, which together make one score.
Scored = NDArray[np.float64] | LabelAnswers


def scored(metric: str, outcomes: Sequence[Outcome]) -> Scored:
    """These outcomes as the trial's metric counts them."""
    if metric in OF_LABELS:
        return LabelAnswers.of_outcomes(metric, outcomes)
    return np.array([outcome.score for outcome in outcomes])


def score_of(one: Scored) -> float:
    return one.score if isinstance(one, LabelAnswers) else float(one.mean())


def interval(one: Scored, groups: Sequence[str] | None = None) -> Interval:
    """Like `eval.statistics.inference.interval`, for any metric."""
    return label_interval(one, groups) if isinstance(one, LabelAnswers) else inference.interval(one, groups)


def paired_difference(a: Scored, b: Scored, groups: Sequence[str] | None = None) -> Difference:
    """Like `eval.statistics.inference.paired_difference`, for any metric."""
    if isinstance(a, LabelAnswers) and isinstance(b, LabelAnswers):
        return label_difference(a, b, groups)
    return inference.paired_difference(_numbers(a), _numbers(b), groups)


def rows_needed(a: Scored, b: Scored, margin: float, groups: Sequence[str] | None = None) -> int | None:
    """Like `eval.statistics.inference.rows_needed`. If a score isn't a mean, its standard error is assumed to fall with
    the root of the rows, as that of a mean does."""
    if isinstance(a, LabelAnswers) and isinstance(b, LabelAnswers):
        half = _deviations(LEVEL) * label_spread(a, b, groups)
        return math.ceil(len(a.expected) * (half / margin) ** 2) if margin > 0 else None
    return inference.rows_needed(_numbers(a), _numbers(b), margin, groups)


def detectable_difference(a: Scored, b: Scored, groups: Sequence[str] | None = None) -> float:
    """Like `eval.statistics.inference.detectable_difference`, for any metric."""
    if isinstance(a, LabelAnswers) and isinstance(b, LabelAnswers):
        return min(1.0, (_deviations(LEVEL) + NormalDist().inv_cdf(POWER)) * label_spread(a, b, groups))
    return inference.detectable_difference(_numbers(a), _numbers(b), groups)


def _deviations(level: float) -> float:
    """How many standard errors either way hold a normal variable with this probability."""
    return NormalDist().inv_cdf((1 + level) / 2)


def _numbers(one: Scored) -> NDArray[np.float64]:
    if isinstance(one, LabelAnswers):
        raise TypeError("can't compare labels with scores of rows")
    return one
