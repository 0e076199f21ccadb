"""What the test rows let one believe of the true mean scores: the Bayesian bootstrap (Rubin, 1981).

Rows are weighted by draws from a Dirichlet distribution; rows of one group share a weight, because they are not
evidence of their own. An imagined row that it alone gets right is added for each candidate, so that a few rows on
which all agree cannot promise certainty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eval.statistics import SEED

DRAWS = 4000
WEIGHTS_AT_ONCE = 10_000_000  # 80 MB
IMAGINED_ROWS = 1.0  # for each candidate; with half a one, too many strong verdicts on few rows were wrong

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Posterior:
    """Draws of the true mean scores of the candidates `names`; `means` is [draws, candidates]."""

    names: tuple[str, ...]
    means: Numbers

    def restricted(self, names: Sequence[str], handicaps: Mapping[str, float] | None = None) -> Posterior:
        """The same draws of some of the candidates, each less its handicap."""
        columns = self.means[:, [self.names.index(name) for name in names]]
        return Posterior(tuple(names), columns - [(handicaps or {}).get(name, 0.0) for name in names])

    def near_best(self, margin: float) -> NDArray[np.bool_]:
        """In which draws each candidate is within `margin` of the best one, [draws, candidates]."""
        return self.means >= self.means.max(axis=1, keepdims=True) - margin

    def probability_near_best(self, margin: float) -> dict[str, float]:
        """For each candidate, how probable it is that no other scores more than `margin` above it."""
        return dict(zip(self.names, self.near_best(margin).mean(axis=0).tolist(), strict=True))

    def probability_of_taking(self, name: str, instead_of: Sequence[str], margin: float) -> float:
        """How probable it is that a candidate is near the best and none of these others is."""
        near = dict(zip(self.names, self.near_best(margin).T, strict=True))
        return float(np.mean(near[name] & ~np.any([near[other] for other in instead_of], axis=0)))

    def ahead_of(self, name: str) -> Numbers:
        """By how much each of the others scores above one candidate, [draws, others]."""
        own = self.names.index(name)
        return np.delete(self.means, own, axis=1) - self.means[:, [own]]

    def margin_near_best(self, name: str, probability: float) -> float:
        """The least margin within which a candidate is near the best with this probability."""
        behind = self.means.max(axis=1) - self.means[:, self.names.index(name)]
        return float(np.quantile(behind, probability))


def believe(scores: Mapping[str, ArrayLike], groups: Sequence[str] | None = None) -> Posterior:
    """The posterior of the candidates' mean scores.

    `scores` holds, by candidate, the scores in [0, 1] of the same rows in the same order, [rows], or [seeds, rows] of a
    candidate that was trained several times: which of its trainings one would get is then unknown too. `groups` names
    the group of each row. Raises ValueError when there are no rows or not the same number.
    """
    by_name = sorted(scores.items())  # the order in which they come must not change what is drawn
    trained = {name: np.atleast_2d(np.asarray(each, dtype=np.float64)) for name, each in by_name}
    rows = {each.shape[1] for each in trained.values()} | ({len(groups)} if groups is not None else set())
    if len(rows) != 1 or not min(rows):
        raise ValueError(f"scores must be of the same rows, got {sorted(rows)}")
    seeds = [len(each) for each in trained.values()]
    columns = np.vstack([np.ones(rows.pop()), *trained.values()])  # the first counts rows
    if groups is not None:
        _, group_of = np.unique(np.asarray(groups), return_inverse=True)
        columns = np.stack([np.bincount(group_of, weights=column) for column in columns])
    units, counts = np.unique(columns.T, axis=0, return_counts=True)  # like rows share a weight: the same distribution

    random = np.random.default_rng(SEED)
    imagined = np.eye(len(seeds)).repeat(seeds, axis=1) * columns[0].mean()
    units = np.vstack([units, np.column_stack([np.full(len(seeds), columns[0].mean()), imagined])])
    shares = [*counts, *[IMAGINED_ROWS] * len(seeds)]
    a_batch = max(1, WEIGHTS_AT_ONCE // len(shares))
    batches = [min(a_batch, DRAWS - start) for start in range(0, DRAWS, a_batch)]
    totals = np.vstack([random.dirichlet(shares, draws) @ units for draws in batches])
    means = totals[:, 1:] / totals[:, :1]
    starts = np.cumsum([0, *seeds[:-1]])
    had = [start + random.integers(count, size=DRAWS) for start, count in zip(starts, seeds, strict=True)]
    return Posterior(tuple(trained), means[np.arange(DRAWS)[:, None], np.column_stack(had)])
