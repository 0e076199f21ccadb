"""What the test rows say about the true scores: the Bayesian bootstrap (Rubin, 1981).

Rows are weighted by draws from a Dirichlet distribution. Rows of one group share a weight, because they aren't
independent evidence. For each candidate an imagined row is added that only it gets right, so that a few rows on which
all agree can't promise certainty. Scores that aren't means: `eval.statistics.label_statistics`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eval.scoring.labels import LabelAnswers
from eval.statistics.grouping import Grouping
from eval.statistics.inference import SEED
from eval.statistics.label_statistics import draw_scores

DRAWS = 4000
WEIGHTS_AT_ONCE = 10_000_000  # 80 MB
IMAGINED_ROWS = 1.0  # per candidate; with half a row, too many strong verdicts on few rows were wrong

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Posterior:
    """Draws of the true scores of the candidates `names`. `means` is [draws, candidates]."""

    names: tuple[str, ...]
    means: Numbers

    def restricted(self, names: Sequence[str], handicaps: Mapping[str, float] | None = None) -> Posterior:
        """The same draws for some of the candidates, minus each one's handicap."""
        columns = self.means[:, [self.names.index(name) for name in names]]
        return Posterior(tuple(names), columns - [(handicaps or {}).get(name, 0.0) for name in names])

    def mean_of(self, name: str) -> float:
        return float(self.means[:, self.names.index(name)].mean())

    def beside(self, name: str, pair: Posterior) -> Posterior:
        """Also for the other candidate of `pair`, which is on fewer rows: as far from `name` as it is there."""
        other = next(one for one in pair.names if one != name)
        distance = pair.means[:, pair.names.index(other)] - pair.means[:, pair.names.index(name)]
        return Posterior(
            (*self.names, other), np.column_stack([self.means, self.means[:, self.names.index(name)] + distance])
        )

    def near_best(self, margin: float) -> NearBest:
        """Which candidates are within `margin` of the best one, in each draw."""
        return NearBest(self.names, self.means >= self.means.max(axis=1, keepdims=True) - margin)

    def probability_near_best(self, margin: float) -> dict[str, float]:
        """For each candidate, the probability that no other scores more than `margin` above it."""
        return self.near_best(margin).probabilities

    def ahead_of(self, name: str) -> Numbers:
        """How far each of the others scores above this candidate, [draws, others]."""
        own = self.names.index(name)
        return np.delete(self.means, own, axis=1) - self.means[:, [own]]

    def margin_near_best(self, name: str, probability: float) -> float:
        """The smallest margin within which the candidate is near the best with this probability."""
        behind = self.means.max(axis=1) - self.means[:, self.names.index(name)]
        return float(np.quantile(behind, probability))


@dataclass(frozen=True, slots=True)
class NearBest:
    """`near` says which of the candidates `names` are near the best one in each draw, [draws, candidates]."""

    names: tuple[str, ...]
    near: NDArray[np.bool_]

    @property
    def probabilities(self) -> dict[str, float]:
        found = np.count_nonzero(self.near, axis=0) / len(self.near)
        return dict(zip(self.names, found.tolist(), strict=True))

    def probability_of_taking(self, name: str, instead_of: Sequence[str]) -> float:
        """The probability that this candidate is near the best and none of `instead_of` is."""
        others = [self.names.index(other) for other in instead_of]
        taken = self.near[:, self.names.index(name)] & ~self.near[:, others].any(axis=1)
        return float(np.count_nonzero(taken) / len(self.near))


def believe(
    scores: Mapping[str, ArrayLike | LabelAnswers | Sequence[Numbers | LabelAnswers]],
    groups: Sequence[str] | None = None,
) -> Posterior:
    """The posterior of the candidates' scores.

    `scores` maps each candidate to its scores in [0, 1] on the same rows in the same order: [rows], or [seeds, rows] if
    it was trained several times. Then it is also unknown which of the trainings one would get. If the score isn't a
    mean over rows, the values are labels, of one training or of each. `groups` names the group of each row. Raises
    ValueError if there are no rows or the numbers of rows differ.
    """
    by_name = dict(sorted(scores.items()))  # the order of the candidates must not change the draws
    random = np.random.default_rng(SEED)
    labels = {name: _trainings(each) for name, each in by_name.items()}
    if labels and all(labels.values()):
        seeds = [len(each) for each in labels.values()]
        means = _draw_of_labels([one for each in labels.values() for one in each], seeds, groups)
    else:
        trained = [np.atleast_2d(np.asarray(each, dtype=np.float64)) for each in by_name.values()]
        seeds = [len(each) for each in trained]
        means = _draw_means(trained, seeds, groups, random)
    starts = np.cumsum([0, *seeds[:-1]])
    had = [start + random.integers(count, size=DRAWS) for start, count in zip(starts, seeds, strict=True)]
    return Posterior(tuple(by_name), means[np.arange(DRAWS)[:, None], np.column_stack(had)])


def _trainings(scores: ArrayLike | LabelAnswers | Sequence[Numbers | LabelAnswers]) -> tuple[LabelAnswers, ...]:
    """The labels of each training; empty if the values are scores."""
    if isinstance(scores, LabelAnswers):
        return (scores,)
    return tuple(one for one in scores if isinstance(one, LabelAnswers)) if isinstance(scores, Sequence) else ()


def _draw_of_labels(trained: Sequence[LabelAnswers], seeds: Sequence[int], groups: Sequence[str] | None) -> Numbers:
    """[draws, trainings of all candidates]"""
    is_own = np.eye(len(seeds), dtype=bool).repeat(seeds, axis=1)
    imagined = tuple(tuple(row) for row in is_own.tolist())
    return draw_scores(tuple(trained), None if groups is None else tuple(groups), imagined, DRAWS)


def _draw_means(
    trained: Sequence[Numbers], seeds: Sequence[int], groups: Sequence[str] | None, random: np.random.Generator
) -> Numbers:
    """[draws, trainings of all candidates]"""
    rows = {each.shape[1] for each in trained} | ({len(groups)} if groups is not None else set())
    if len(rows) != 1 or not min(rows):
        raise ValueError(f"scores must be of the same rows, got {sorted(rows)}")
    columns = np.vstack([np.ones(rows.pop()), *trained])  # the first column counts rows
    grouping = Grouping.of(columns.shape[1], groups)
    columns = np.stack([grouping.sums(column) for column in columns])
    units, counts = np.unique(columns.T, axis=0, return_counts=True)  # merging equal rows keeps the distribution

    imagined = np.eye(len(seeds)).repeat(seeds, axis=1) * columns[0].mean()
    units = np.vstack([units, np.column_stack([np.full(len(seeds), columns[0].mean()), imagined])])
    shares = [*counts, *[IMAGINED_ROWS] * len(seeds)]
    a_batch = max(1, WEIGHTS_AT_ONCE // len(shares))
    batches = [min(a_batch, DRAWS - start) for start in range(0, DRAWS, a_batch)]
    totals = np.vstack([random.dirichlet(shares, draws) @ units for draws in batches])
    return np.asarray(totals[:, 1:] / totals[:, :1])
