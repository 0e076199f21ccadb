"""Intervals for figures that aren't the mean of a row's score, from random weights of the rows (Bayesian bootstrap)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.statistics.grouping import Grouping
from eval.statistics.inference import LEVEL, SEED

DRAWS = 4000

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Average:
    """A figure over `n` rows with its 95 % interval."""

    mean: float
    low: float
    high: float
    n: int


def averages(figures: Callable[[Numbers], Numbers], rows: int, groups: Sequence[str] | None = None) -> list[Average]:
    """Figures of these rows, and the middle 95 % of what they are under random weights. Rows of one of `groups` share
    theirs. `figures` makes [draws, figures] of the weights, [draws, rows]."""
    grouping = Grouping.of(rows, groups)
    weights = np.random.default_rng(SEED).standard_exponential((DRAWS, grouping.count))[:, grouping.of_row]
    means = figures(np.ones((1, rows)))[0]
    low, high = np.quantile(figures(weights), [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return [Average(float(mean), float(a), float(b), rows) for mean, a, b in zip(means, low, high, strict=True)]
