"""How a score grows with the number of training rows: a power law through a few measured points.

score(n) = a - b / n^c with b >= 0 and a <= 1. So more rows never hurt, each adds less than the one before, and no score
exceeds 1. The curve is drawn many times, not fitted once. The test rows are reweighted (the Bayesian bootstrap), with
the same weights for all strategies, so that two of them are compared on the same rows. Each weighting draws one curve
that its points allow (a Bayesian regression over a grid of exponents and of how much luck moves a point). Two imagined
rows, half of them right, keep a few rows that are all right from promising certainty (Agresti and Coull, 1998). The
intervals cover which test rows there were and, by assumption, which rows were trained on: each size is measured once,
and that can't show this second kind of luck.

Limits: three to five points can't check the law. It doesn't predict a new sort of row, or a model that suddenly catches
on. It says nothing beyond four times the available rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from eval.scoring.labels import LabelAnswers
from eval.splitting.stable_order import Unit, places
from eval.splitting.strata import strata_of
from eval.statistics.grouping import Grouping, piece_name
from eval.statistics.inference import SEED
from eval.statistics.label_statistics import OF_ONE, OF_TWO, scores_under
from eval.task import Example, Kind, normalised

MOST_TIMES = 4  # times the available rows
FEWEST_ROWS = 8  # training rows for a point
FEWEST_POINTS = 3  # including the one at all rows
DRAWS = 1000
_EXPONENTS = np.linspace(0.1, 1.2, 6)  # from almost logarithmic to soon flat
# Standard deviation of the score at all rows, depending on which rows they are. At fewer rows it is larger, by the root
# of the ratio, so the curve follows the largest sizes most. The law holds least where few rows show nothing yet.
_LUCK = (0.005, 0.01, 0.02, 0.03)
_ANY_LEVEL = 10.0  # standard deviation: all levels are equally likely
_USUAL_GAIN = 0.3  # standard deviation of the prior for the gain from the fewest measured rows to all rows
_TINY = 1e-300

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Range:
    """A score or a difference of scores, with its probable range."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """Draws of the curve, [draws] each: the score at all `rows`, the gain from `fewest` to `rows`, and the exponent.
    `points` are the measured scores by training rows, with their 95 % confidence intervals."""

    fewest: int
    rows: int
    level: Numbers
    gain: Numbers
    exponent: Numbers
    points: dict[int, Range]

    def at(self, rows: int) -> Numbers:
        """The score at this many rows, [draws]. Raises ValueError outside the range the curve covers."""
        if not self.fewest <= rows <= MOST_TIMES * self.rows:
            raise ValueError(f"{rows} rows are not within {self.fewest} to {MOST_TIMES * self.rows}")
        if not self.gain.any():
            return self.level
        return np.clip(self.level + self.gain * _growth(rows, self.fewest, self.rows, self.exponent), 0.0, 1.0)

    def gain_at(self, rows: int) -> Numbers:
        """The gain from all available rows to this many, [draws]."""
        return self.at(rows) - self.at(self.rows)


def fit_curves(
    scores: Mapping[str, Mapping[int, ArrayLike | LabelAnswers]], groups: Sequence[str] | None = None
) -> dict[str, LearningCurve]:
    """The curve of each strategy, with paired draws.

    `scores` maps strategy and training rows to a score in [0, 1] for each test row, in the same order for all;
    not-a-number if a row was not answered. The largest size answered every row. If the score isn't a mean over rows,
    the values are their labels. Differences use the answered rows, the level uses all. `groups` names the group of each
    test row. A strategy with a single size doesn't learn from rows, so its curve is flat.
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
    """The mean of the draws, and the middle part that holds this share of them."""
    low, high = np.quantile(draws, [(1 - probability) / 2, (1 + probability) / 2])
    return Range(float(draws.mean()), float(low), float(high))


def probability_ahead(one: LearningCurve, other: LearningCurve, rows: int) -> float:
    """The probability that one strategy scores more than another when both train on this many rows."""
    ahead = one.at(rows) - other.at(rows)
    return float(np.mean(ahead > 0) + np.mean(ahead == 0) / 2)


def sizes_of(train_rows: int, shares: Sequence[float]) -> list[int]:
    """The training sizes below all rows; empty if there are too few rows for a curve."""
    sizes = sorted({round(share * train_rows) for share in shares})
    sizes = [size for size in sizes if FEWEST_ROWS <= size < train_rows]
    return sizes if len(sizes) + 1 >= FEWEST_POINTS else []


def fewer_rows(train: Sequence[Example], rows: int, kind: Kind, seed: int) -> tuple[Example, ...]:
    """This many rows to train on, in their original order. A smaller sample is part of every larger one, labels keep
    their shares, and rows of a group stay together as far as they fit. A few rows more or less hardly change the
    choice."""
    names = [piece_name(normalised(row.input), row.group) for row in train]  # a row is identified by its text
    strata = strata_of(train, kind)
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
    """A weight for each test row, [1 + draws, test rows]: first 1 for all, then random, the same for rows of a group.
    And the average number of rows in a group."""
    every = [each for sizes in scores.values() for each in sizes.values()]
    rows = {len(each.expected) if isinstance(each, LabelAnswers) else np.shape(each)[0] for each in every}
    if len(rows) != 1:
        raise ValueError(f"scores must be of the same rows, got {sorted(rows)}")
    (count,) = rows
    grouping = Grouping.of(count, groups)
    drawn = np.random.default_rng(SEED).standard_exponential((DRAWS, grouping.count))  # a Dirichlet's, not yet shares
    return np.vstack([np.ones(grouping.count), drawn])[:, grouping.of_row], count / grouping.count


def _means(sizes: Mapping[int, ArrayLike], weights: Numbers, heavy: float, chance: np.random.Generator) -> Numbers:
    """The mean score at each size, the fewest rows first, under each weighting: [1 + draws, sizes].

    Each random weighting has imagined rows with a total weight of 2 × `heavy` on average. Nobody knows at which size
    they would be right, so they are spread: right after training on one size and wrong otherwise, or the other way
    round.
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
    """Like `_means`, for a score that isn't a mean over rows. Its imagined rows are those of
    `eval.statistics.label_statistics`."""
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
    """`rows` are training sizes, ascending."""
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
    """One curve per weighting that its means allow: level, gain and exponent, [draws] each.

    An exponent and an amount of luck are drawn as often as they explain the points well. Given these, a curve is linear
    in level and gain, so its posterior is a normal distribution, cut off at a gain of 0.
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
    """The log evidence of curves with this growth: any level, a usual gain, not falling."""
    apart = _USUAL_GAIN**2 * growth
    spread = noise + _ANY_LEVEL**2 + np.outer(apart, growth)
    off = observed - observed[-1]
    solved = np.linalg.solve(spread, np.column_stack([off, apart]))
    gain, certainty = apart @ solved[:, 0], np.sqrt(_USUAL_GAIN**2 - apart @ solved[:, 1])
    return float(-np.linalg.slogdet(spread)[1] / 2 - off @ solved[:, 0] / 2 + scipy.special.log_ndtr(gain / certainty))


def _growth(rows: ArrayLike, fewest: float, most: float, exponent: ArrayLike) -> Numbers:
    """How far the curve has come: -1 at the fewest rows, 0 at all available rows, and more beyond."""
    left = (np.asarray(rows) / most) ** -np.asarray(exponent)
    return np.asarray((1 - left) / ((fewest / most) ** -np.asarray(exponent) - 1))
