"""How a score grows with the rows that were learned from: a power law through a few measured points.

score(n) = a - b / n^c with b >= 0 and a <= 1: more rows never hurt, each brings less than the one before, and no score
passes 1. Where the curve lies is drawn, not fitted once. The test rows are weighted anew (the Bayesian bootstrap), the
same for all strategies, so that two of them are compared on the same rows; for each weighting one curve is drawn from
what its points allow (a Bayesian regression over a grid of exponents and of how much luck moves a point). Two imagined
rows, half of them right, keep a few rows that are all right from promising certainty (Agresti and Coull, 1998). So the
ranges hold the luck of which test rows there were and, by assumption, that of which rows were learned from: each size
is measured once, which cannot tell this luck by itself.

Limits: three to five points cannot check that the law holds. Rows of a new sort, or a model that suddenly catches on,
are not foreseen. Nothing is said beyond four times the rows there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from eval.grouping import Grouping, piece_name
from eval.label_statistics import OF_ONE, OF_TWO, scores_under
from eval.scoring.labels import LabelAnswers
from eval.stable_order import Unit, places
from eval.statistics import SEED
from eval.task import Example, Kind, normalised

MOST_TIMES = 4  # the rows there are
FEWEST_ROWS = 8  # to learn from, for a point
FEWEST_POINTS = 3  # all rows among them
DRAWS = 1000
_EXPONENTS = np.linspace(0.1, 1.2, 6)  # from nearly a straight line over the logarithm to soon over
# By which the score at all rows may move with which rows they were, one standard deviation. It falls with the root of
# the rows, so that the curve follows the largest sizes most: where few rows show nothing yet, the law holds least.
_LUCK = (0.005, 0.01, 0.02, 0.03)
_ANY_LEVEL = 10.0  # one standard deviation: all levels are as likely
_USUAL_GAIN = 0.3  # from the fewest rows measured to all of them, one standard deviation of what is thought likely
_TINY = 1e-300

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Range:
    """A score or a difference of scores, and between what it probably lies."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """Draws of where the curve lies, [draws] each: the score at all `rows`, what it gained from the `fewest` to there,
    and the exponent. `points` are the measured scores by rows learned from, with their 95 % range."""

    fewest: int
    rows: int
    level: Numbers
    gain: Numbers
    exponent: Numbers
    points: dict[int, Range]

    def at(self, rows: int) -> Numbers:
        """The score at so many rows, [draws]. Raises ValueError beyond what the curve says anything of."""
        if not self.fewest <= rows <= MOST_TIMES * self.rows:
            raise ValueError(f"{rows} rows are not within {self.fewest} to {MOST_TIMES * self.rows}")
        if not self.gain.any():
            return self.level
        return np.clip(self.level + self.gain * _growth(rows, self.fewest, self.rows, self.exponent), 0.0, 1.0)

    def gain_at(self, rows: int) -> Numbers:
        """By how much the score at so many rows is above the one at all rows there are, [draws]."""
        return self.at(rows) - self.at(self.rows)


def fit_curves(
    scores: Mapping[str, Mapping[int, ArrayLike | LabelAnswers]], groups: Sequence[str] | None = None
) -> dict[str, LearningCurve]:
    """The curve of each strategy, their draws paired.

    `scores` holds, by strategy and by rows learned from, a score in [0, 1] for each of the same test rows in the same
    order, not-a-number where a row was not answered; after learning from all rows every row was. Where a score is no
    mean over rows it holds their labels. Differences are taken on the rows that were answered, the level is that of
    all. `groups` names the group of each test row. A strategy with a single size learns nothing from rows: its curve is
    flat.
    """
    weights, heavy = _weights(scores, groups)
    curves = {}
    for at, (name, sizes) in enumerate(scores.items()):
        chance = np.random.default_rng([SEED, at])
        labels = {size: each for size, each in sizes.items() if isinstance(each, LabelAnswers)}
        rows = {size: each for size, each in sizes.items() if not isinstance(each, LabelAnswers)}
        drawn = _of_labels(labels, weights, heavy, chance) if labels else _means(rows, weights, heavy, chance)
        curves[name] = _fit(sorted(sizes), drawn, chance)
    return curves


def range_of(draws: Numbers, probability: float = 0.8) -> Range:
    """The mean of draws, and the middle part that holds this share of them."""
    low, high = np.quantile(draws, [(1 - probability) / 2, (1 + probability) / 2])
    return Range(float(draws.mean()), float(low), float(high))


def probability_ahead(one: LearningCurve, other: LearningCurve, rows: int) -> float:
    """How probable it is that one strategy scores more than another, both learning from so many rows."""
    ahead = one.at(rows) - other.at(rows)
    return float(np.mean(ahead > 0) + np.mean(ahead == 0) / 2)


def sizes_of(train_rows: int, shares: Sequence[float]) -> list[int]:
    """The numbers of rows to learn from, all rows left out; none where they are too few for a curve."""
    sizes = sorted({round(share * train_rows) for share in shares})
    sizes = [size for size in sizes if FEWEST_ROWS <= size < train_rows]
    return sizes if len(sizes) + 1 >= FEWEST_POINTS else []


def fewer_rows(train: Sequence[Example], rows: int, kind: Kind, seed: int) -> tuple[Example, ...]:
    """So many rows to learn from, in their own order: the fewer are always among the more, labels keep their shares,
    rows of a group come together as far as they fit, and other rows more or less hardly change which are taken."""
    names = [piece_name(normalised(row.input), row.group) for row in train]  # a row is known by what it says
    strata = [row.target if kind is Kind.CLASSIFICATION else "" for row in train]
    sizes = Counter(zip(strata, names, strict=True))
    units = [Unit(stratum, name, size) for (stratum, name), size in sorted(sizes.items())]
    place_of: dict[str | int, float] = {}
    for unit, place in zip(units, places(units, seed, "fewer"), strict=True):
        place_of.setdefault(unit.key, place)
    taken = sorted(range(len(train)), key=lambda at: (place_of[names[at]], at))[:rows]
    return tuple(train[at] for at in sorted(taken))


def _weights(
    scores: Mapping[str, Mapping[int, ArrayLike | LabelAnswers]], groups: Sequence[str] | None
) -> tuple[Numbers, float]:
    """A weight for each test row, [1 + draws, test rows]: first 1 for all, then drawn anew, the same for rows of a
    group; and the rows of a group, on average."""
    every = [each for sizes in scores.values() for each in sizes.values()]
    rows = {len(each.expected) if isinstance(each, LabelAnswers) else np.shape(each)[0] for each in every}
    if len(rows) != 1:
        raise ValueError(f"scores must be of the same rows, got {sorted(rows)}")
    (count,) = rows
    grouping = Grouping.of(count, groups)
    drawn = np.random.default_rng(SEED).standard_exponential((DRAWS, grouping.count))  # a Dirichlet's, not yet shares
    return np.vstack([np.ones(grouping.count), drawn])[:, grouping.of_row], count / grouping.count


def _means(sizes: Mapping[int, ArrayLike], weights: Numbers, heavy: float, chance: np.random.Generator) -> Numbers:
    """The mean score at each size, the fewest rows first, under each weighting, [1 + draws, sizes].

    Each drawn weighting has two imagined rows, which weigh `heavy` on average. At which size they would be right is not
    known, so they are spread: right after learning from that many and wrong otherwise, or the other way round.
    """
    ordered, full = sorted(sizes), np.asarray(sizes[max(sizes)], dtype=np.float64)
    right = np.eye(len(sizes))
    imagined = np.vstack([right, 1 - right])  # [imagined rows, sizes]
    drawn = heavy * chance.standard_gamma(1 / len(sizes), (len(weights) - 1, len(imagined)))
    beside = np.vstack([np.zeros(len(imagined)), drawn])
    level = (weights @ full + beside @ imagined[:, -1]) / (weights.sum(axis=1) + beside.sum(axis=1))
    means = []
    for at, size in enumerate(ordered):
        scores = np.asarray(sizes[size], dtype=np.float64)
        answered = ~np.isnan(scores)
        gained = weights @ np.where(answered, scores - full, 0.0) + beside @ (imagined[:, at] - imagined[:, -1])
        means.append(level + gained / (weights @ answered + beside.sum(axis=1)))
    return np.column_stack(means)


def _of_labels(
    sizes: Mapping[int, LabelAnswers], weights: Numbers, heavy: float, chance: np.random.Generator
) -> Numbers:
    """As `_means`, of a score that is no mean over rows; its imagined rows are those of `eval.label_statistics`."""
    full, drawn = sizes[max(sizes)], weights[1:]
    level = np.append(full.score, scores_under(drawn, [full], OF_ONE, heavy, chance)[:, 0])
    columns = []
    for _, each in sorted(sizes.items())[:-1]:
        asked = each.asked
        pair = each.on(asked), full.on(asked)
        scores = scores_under(drawn[:, asked], pair, OF_TWO, heavy, chance)
        columns.append(level + np.append(pair[0].score - pair[1].score, scores[:, 0] - scores[:, 1]))
    return np.column_stack([*columns, level])


def _fit(rows: Sequence[int], means: Numbers, chance: np.random.Generator) -> LearningCurve:
    """`rows` learned from, ascending."""
    observed, drawn = means[0], means[1:]
    spread = np.clip(np.quantile(drawn, [0.025, 0.975], axis=0), 0.0, 1.0)
    points = {
        size: Range(mean, min(mean, float(low)), max(mean, float(high)))
        for size, mean, low, high in zip(rows, np.clip(observed, 0.0, 1.0).tolist(), *spread, strict=True)
    }
    if len(rows) == 1:
        nothing = np.zeros(DRAWS)
        return LearningCurve(1, rows[0], drawn[:, 0], nothing, nothing + 1, points)
    level, gain, exponent = _draw(np.array(rows, dtype=np.float64), drawn, chance)
    return LearningCurve(rows[0], rows[-1], level, gain, exponent, points)


def _draw(rows: Numbers, means: Numbers, chance: np.random.Generator) -> tuple[Numbers, Numbers, Numbers]:
    """For each weighting one curve that its means allow: level, gain and exponent, [draws] each.

    How well an exponent and an amount of luck explain the points decides how often they are drawn. Given these, a curve
    is linear in level and gain, so what is known of them is a normal distribution, cut off where the gain would be
    negative.
    """
    draws, observed, noise = len(means), means.mean(axis=0), np.cov(means.T)
    more_luck = np.sqrt(rows[-1] / rows)
    levels, gains, exponents, weights = [], [], [], []
    for exponent, luck in product(_EXPONENTS, _LUCK):
        growth = _growth(rows, rows[0], rows[-1], exponent)
        design = np.column_stack([np.ones(len(rows)), growth])
        noise_of_luck = (luck * more_luck) ** 2
        weights.append(_evidence(observed, noise + np.diag(noise_of_luck), growth))
        heeded = design / noise_of_luck[:, None]
        covariance = np.linalg.inv(design.T @ heeded + np.diag([0.0, _USUAL_GAIN**-2]))
        centre = means @ heeded @ covariance
        width = np.sqrt(covariance[1, 1])
        chances = np.maximum(chance.random(draws) * scipy.special.ndtr(centre[:, 1] / width), _TINY)
        gain = centre[:, 1] - width * scipy.special.ndtri(chances)
        tilt = covariance[0, 1] / covariance[1, 1]
        rest = np.sqrt(covariance[0, 0] - tilt * covariance[0, 1])
        levels.append(centre[:, 0] + tilt * (gain - centre[:, 1]) + rest * chance.standard_normal(draws))
        gains.append(gain)
        exponents.append(np.full(draws, exponent))
    most = np.array(levels) + np.array(gains) / ((rows[0] / rows[-1]) ** -np.array(exponents) - 1)
    likely = np.where(most <= 1, 0.0, -1e9) + np.array(weights)[:, None] + chance.gumbel(size=most.shape)
    at = likely.argmax(axis=0), np.arange(draws)
    return np.array(levels)[at], np.array(gains)[at], np.array(exponents)[at]


def _evidence(observed: Numbers, noise: Numbers, growth: Numbers) -> float:
    """How well curves of this growth explain the points, as a logarithm: of any level, of a usual gain, not falling."""
    apart = _USUAL_GAIN**2 * growth
    spread = noise + _ANY_LEVEL**2 + np.outer(apart, growth)
    off = observed - observed[-1]
    solved = np.linalg.solve(spread, np.column_stack([off, apart]))
    gain, certainty = apart @ solved[:, 0], np.sqrt(_USUAL_GAIN**2 - apart @ solved[:, 1])
    return float(-np.linalg.slogdet(spread)[1] / 2 - off @ solved[:, 0] / 2 + scipy.special.log_ndtr(gain / certainty))


def _growth(rows: ArrayLike, fewest: float, most: float, exponent: ArrayLike) -> Numbers:
    """How far the curve has come: -1 at the fewest rows, 0 at all there are, and more beyond."""
    left = (np.asarray(rows) / most) ** -np.asarray(exponent)
    return np.asarray((1 - left) / ((fewest / most) ** -np.asarray(exponent) - 1))
