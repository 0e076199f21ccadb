"""Intervals, tests and posterior draws for scores that weigh every label equally (`LabelAnswers`). Such scores aren't
means over rows.

Rows are reweighted many times (the Bayesian bootstrap; rows of a group share a weight), and each weighting gives one
score. That alone would pretend certainty about a label with few rows: a label with one row is found always or never. So
imagined rows are added in each draw: the ones the caller describes, and some for each label. The latter turn out, for
all candidates, like a random row of any label or like one of the caller's.

In simulated test sets of 30, 100 and 300 rows with 3 and 20 labels, some of them rare, 95 % intervals held the true
score in 88 to 99 % of the sets, and the true difference between two candidates in 91 to 100 %. They did worse if rare
labels are hard and many have no test row, which no interval can know: with 20 labels, 78 % (30 rows) and 86 % (100
rows). A bootstrap over rows, by percentiles or BCa, held the scores in 59 to 97 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from eval.scoring.labels import LabelAnswers, Places, is_label, score_of_counts
from eval.statistics.grouping import Grouping
from eval.statistics.inference import LEVEL, RESAMPLES, SEED, Difference, Interval

REWEIGHTED, SWAPS = "reweighted rows", "swapped answers"  # a method, and a test
IMAGINED_ROWS = 1.0  # for each way the caller describes
IMAGINED_ROWS_A_LABEL = 1.5
_DRAWS = 4000
_WEIGHTS_AT_ONCE = 10_000_000  # 80 MB
_SWAPPED_IN_ALL_WAYS = 12  # rows, or groups: 4,096 ways
_SAME = 1e-12  # a smaller difference is a rounding error

Numbers = NDArray[np.float64]
Imagined = tuple[tuple[bool, ...], ...]  # for each imagined row, which of the candidates get it right

OF_ONE: Imagined = ((True,), (False,))
OF_TWO: Imagined = ((True, False), (False, True))


def label_interval(answers: LabelAnswers, groups: Sequence[str] | None = None) -> Interval:
    """The score with its 95 % confidence interval. Rows of one of `groups` are one piece of evidence."""
    score = answers.score
    low, high = _range(draw_scores((answers,), _hashable(groups), OF_ONE)[:, 0])
    return Interval(score, min(score, low), max(score, high), len(answers.expected), REWEIGHTED)


def label_difference(a: LabelAnswers, b: LabelAnswers, groups: Sequence[str] | None = None) -> Difference:
    """How much better `a` scores than `b` on the same rows, with its 95 % confidence interval and the p-value of a
    paired permutation test: if the two were equal, their answers to a row, or to all rows of a group, could be
    swapped."""
    difference = a.score - b.score
    low, high = _range(_drawn_differences(a, b, groups))
    p_value = _swap_test(a, b, _hashable(groups))
    ends = min(difference, low), max(difference, high)
    return Difference(difference, *ends, p_value, len(a.expected), REWEIGHTED, SWAPS)


def label_spread(a: LabelAnswers, b: LabelAnswers, groups: Sequence[str] | None = None) -> float:
    """The standard error of the difference a - b."""
    return float(_drawn_differences(a, b, groups).std())


@lru_cache(maxsize=64)  # the same answers are used under many priorities
def draw_scores(
    candidates: tuple[LabelAnswers, ...], groups: tuple[str, ...] | None, imagined: Imagined, draws: int = _DRAWS
) -> Numbers:
    """Draws of the true scores of `candidates`, which answered the same rows: [draws, candidates]."""
    rows = _Rows.of(candidates)
    grouping = Grouping.of(rows.count, groups)
    heavy = rows.count / grouping.count
    if not grouping.are_groups:
        rows = rows.merged()
    random, parts = np.random.default_rng(SEED), []
    at_once = max(1, _WEIGHTS_AT_ONCE // len(rows.times))
    for start in range(0, draws, at_once):
        batch = min(at_once, draws - start)
        if grouping.are_groups:
            # Dirichlet weights before division by their sum
            weights = random.standard_exponential((batch, grouping.count))[:, grouping.of_row]
        else:
            weights = random.standard_gamma(rows.times, (batch, len(rows.times)))  # sums of weights
        parts.append(_scores_under(weights, rows, imagined, heavy, random))
    scores = np.vstack(parts)
    scores.setflags(write=False)
    return scores


def scores_under(
    weights: Numbers,
    candidates: Sequence[LabelAnswers],
    imagined: Imagined,
    heavy: float,
    random: np.random.Generator,
) -> Numbers:
    """The scores under these weights of the rows ([draws, rows]), with imagined rows that weigh `heavy` on average:
    [draws, candidates]. Raises ValueError if the candidates answered different rows."""
    return _scores_under(weights, _Rows.of(candidates), imagined, heavy, random)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Labels as numbers: the expected one of each row, [rows], and the one each candidate gave, [candidates, rows]. A
    label that no row expects has the number `labels`. `times` says how many rows each stands for, [rows]."""

    metric: str
    labels: int
    expected: Places
    given: Places
    times: Places

    @staticmethod
    def of(candidates: Sequence[LabelAnswers]) -> _Rows:
        if len({one.expected for one in candidates}) != 1:
            raise ValueError("scores must be of the same rows")
        places = [one.places() for one in candidates]
        expected, labels = places[0][0][0], places[0][1]
        given = np.stack([each[1] for each, _ in places])
        return _Rows(candidates[0].metric, labels, expected, given, np.ones(len(expected), dtype=np.int64))

    @property
    def count(self) -> int:
        return int(self.times.sum())

    def merged(self) -> _Rows:
        """Merge rows with the same expected label and the same answers."""
        (expected, *given), times = np.unique(np.vstack([self.expected, self.given]), axis=1, return_counts=True)
        return _Rows(self.metric, self.labels, expected, np.stack(given), times)


def _scores_under(
    weights: Numbers, rows: _Rows, imagined: Imagined, heavy: float, random: np.random.Generator
) -> Numbers:
    draws, kinds, labels = len(weights), len(rows.times), rows.labels
    counts = _Counts.of(rows, weights)
    in_order = np.repeat(np.arange(kinds), rows.times)
    in_order = in_order[np.argsort(rows.expected[in_order], kind="stable")]
    begins = np.searchsorted(rows.expected[in_order], np.arange(labels + 1))
    fates = np.hstack([rows.given == rows.expected, np.array(imagined, dtype=bool).T])  # [candidates, fates]

    def some_row(label: Places) -> Places:
        """A random row of each of these labels."""
        place = begins[label] + random.random(label.shape) * (begins[label + 1] - begins[label])
        return in_order[place.astype(np.int64)]

    def imagine(label: Places, fate: Places, how_many: float) -> None:
        """Add rows of these labels that turn out like the rows `fate` points to, or as imagined: [draws, more rows]
        each. A candidate that is wrong gives the label it gave there. If that label would be right here, it gives the
        one that was right there."""
        like = np.where(fate < kinds, fate, some_row(random.integers(labels, size=fate.shape)))
        there = rows.expected[like]
        wrong = np.where(fate < kinds, rows.given[:, like], there)
        wrong = np.where(wrong == label, np.where(there == label, labels, there), wrong)
        counts.add(label, np.where(fates[:, fate], label, wrong), heavy * random.standard_gamma(how_many, label.shape))

    as_imagined = np.tile(kinds + np.arange(len(imagined)), (draws, 1))
    imagine(random.integers(labels, size=as_imagined.shape), as_imagined, IMAGINED_ROWS)
    of_each = np.tile(np.arange(labels), (draws, 1))
    like = random.integers(labels + 1, size=of_each.shape)
    any_imagined = kinds + random.integers(len(imagined), size=like.shape)
    imagine(of_each, np.where(like < labels, some_row(like % labels), any_imagined), IMAGINED_ROWS_A_LABEL)
    return np.column_stack([score_of_counts(rows.metric, counts.expected, *both) for both in counts.given_and_right])


@dataclass(frozen=True, slots=True)
class _Counts:
    """Weights of rows in each draw, [draws, labels]: rows that expect a label and, for each candidate, rows it gave the
    label to, and of those the ones where that was right."""

    expected: Numbers
    given_and_right: list[tuple[Numbers, Numbers]]

    @staticmethod
    def of(rows: _Rows, weights: Numbers) -> _Counts:
        """`weights` is [draws, rows]."""
        expected = weights @ is_label(rows.expected, rows.labels)
        both = []
        for given in rows.given:
            is_wrong = given != rows.expected
            of_wrong = weights[:, is_wrong]
            right = expected - of_wrong @ is_label(rows.expected[is_wrong], rows.labels)
            both.append((right + of_wrong @ is_label(given[is_wrong], rows.labels), right))
        return _Counts(expected, both)

    def add(self, expected: Places, given: Places, weights: Numbers) -> None:
        """Add more rows to each draw: [draws, more rows], with `given` [candidates, draws, more rows]."""
        draws, labels = self.expected.shape
        cells = np.arange(draws)[:, None] * (labels + 1)  # the last column counts labels that no row expects

        def by_label(places: Places, weights: Numbers) -> Numbers:
            summed = np.bincount((cells + places).ravel(), weights.ravel(), draws * (labels + 1))
            return np.asarray(summed.reshape(draws, labels + 1)[:, :labels])

        np.add(self.expected, by_label(expected, weights), out=self.expected)
        for (was_given, was_right), each in zip(self.given_and_right, given, strict=True):
            np.add(was_given, by_label(each, weights), out=was_given)
            np.add(was_right, by_label(expected, weights * (each == expected)), out=was_right)


def _drawn_differences(a: LabelAnswers, b: LabelAnswers, groups: Sequence[str] | None) -> Numbers:
    """Draws of the difference a - b, the same draws in either order."""
    first, second = sorted((a, b), key=lambda one: one.given)
    scores = draw_scores((first, second), _hashable(groups), OF_TWO)
    return np.asarray((scores[:, 0] - scores[:, 1]) * (1 if first is a else -1))


@lru_cache(maxsize=256)
def _swap_test(a: LabelAnswers, b: LabelAnswers, groups: tuple[str, ...] | None) -> float:
    """All ways to swap answers if few rows differ, otherwise a random sample."""
    rows = _Rows.of((a, b))
    grouping = Grouping.of(rows.count, groups)
    differs = np.flatnonzero(grouping.sums(rows.given[0] != rows.given[1]))
    are_all = len(differs) <= _SWAPPED_IN_ALL_WAYS
    if are_all:
        swaps = np.array([*product((0.0, 1.0), repeat=len(differs))])
    else:
        swaps = np.random.default_rng(SEED).integers(2, size=(RESAMPLES, len(differs))).astype(np.float64)

    expected = is_label(rows.expected, rows.labels)  # [rows, labels]
    given = np.stack([is_label(each, rows.labels) for each in rows.given])
    counts = np.stack([given, given * expected], axis=1)  # [a and b, given and right, rows, labels]
    by_piece = np.zeros((grouping.count, 2, rows.labels))
    np.add.at(by_piece, grouping.of_row, (counts[1] - counts[0]).swapaxes(0, 1))
    moved = np.tensordot(swaps, by_piece[differs], axes=1).swapaxes(0, 1)  # [given and right, ways, labels]

    def scores(own: Numbers, moved: Numbers) -> Numbers:
        totals = np.broadcast_to(expected.sum(axis=0), moved.shape[1:])
        return score_of_counts(rows.metric, totals, *(own.sum(axis=1)[:, None] + moved))

    differences = scores(counts[0], moved) - scores(counts[1], -moved)
    as_far = np.abs(differences) >= abs(a.score - b.score) - _SAME
    return float(as_far.mean() if are_all else (as_far.sum() + 1) / (len(swaps) + 1))


def _range(draws: Numbers) -> tuple[float, float]:
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]).tolist()
    return low, high


def _hashable(groups: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if groups is None else tuple(groups)
