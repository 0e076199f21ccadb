"""What a person's clicks on pairs of answers say about the score and the strategies."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from eval.blind.pairs import Answer, Choice, Click, Pair
from eval.statistics.inference import LEVEL, SEED, Interval, interval
from eval.statistics.posterior import DRAWS, IMAGINED_ROWS, Posterior

FEWEST_CLICKS = 5  # fewer clicks say nothing about the score
LEAST_AGREEMENT = 0.8  # if the agreement is surely lower, the score doesn't see what the person sees
_MIRRORED = {Choice.LEFT: Choice.RIGHT, Choice.RIGHT: Choice.LEFT}


@dataclass(frozen=True, slots=True)
class Judged:
    """A pair and the person's choice; `choice` refers to the sides of this pair."""

    pair: Pair
    choice: Choice

    @property
    def preferred(self) -> tuple[Answer, Answer] | None:
        """The preferred answer and the other one; None if the person preferred neither."""
        left, right = self.pair.left, self.pair.right
        return {Choice.LEFT: (left, right), Choice.RIGHT: (right, left)}.get(self.choice)


@dataclass(frozen=True, slots=True)
class MeanScore:
    """The mean over `n` answers."""

    mean: float
    n: int


@dataclass(frozen=True, slots=True)
class ByClicks:
    """One writer's answers that the person saw: the share they found right, and the mean score."""

    writer: str
    right: Interval
    score: float


@dataclass(frozen=True, slots=True)
class Lead:
    """How much larger the share of right answers is for `writer` than for `other`, with its 95 % confidence
    interval."""

    writer: str
    other: str
    difference: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class PersonalVerdict:
    """What `pairs` judged pairs say.

    `agreement` is the share of pairs with a preferred answer in which the score prefers the same one, where a tie of
    scores counts half; None if no answer was preferred. `both` and `neither` are the scores of answers that were right,
    or wrong, on both sides. `by_writer` starts with the writer who has the largest share of right answers. `lead`
    compares it with the choice of the score, or with the next one if it is the choice. `is_blind`: the score surely
    agrees with the person in less than 80 % of the pairs.
    """

    pairs: int
    agreement: Interval | None
    both: MeanScore | None
    neither: MeanScore | None
    by_writer: tuple[ByClicks, ...]
    lead: Lead | None
    is_blind: bool


def judge(pairs: Sequence[Pair], clicks: Sequence[Click]) -> list[Judged]:
    """The pairs that were clicked, in this run or another. The same two texts may come from several writers: each such
    pair counts for its writers. If the same texts were clicked twice, the later click counts."""
    last = {click.key: click for click in clicks}
    return [
        Judged(pair, click.choice if click.left == pair.left.text else _MIRRORED.get(click.choice, click.choice))
        for pair in pairs
        if (click := last.get(pair.key)) is not None
    ]


def agreement(judged: Sequence[Judged]) -> Interval | None:
    """The share of texts with a preference in which the score prefers the same one, as in `PersonalVerdict`."""
    compared = [both for one in _once(judged) if (both := one.preferred) is not None]
    agrees = [(1 + np.sign(preferred.score - other.score)) / 2 for preferred, other in compared]
    return interval(agrees) if agrees else None


def personal_verdict(judged: Sequence[Judged], choice: str | None = None) -> PersonalVerdict:
    """`choice` is the strategy that the score recommends."""
    right: defaultdict[str, defaultdict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    scores: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for one in judged:
        for answer, side in ((one.pair.left, Choice.LEFT), (one.pair.right, Choice.RIGHT)):
            right[answer.writer][one.pair.example_id].append(float(one.choice in (side, Choice.BOTH)))
            scores[answer.writer][one.pair.example_id] = answer.score
    shares = {name: {row: fmean(each) for row, each in rows.items()} for name, rows in right.items()}
    by_writer = [
        ByClicks(name, interval(list(rows.values())), fmean(scores[name].values())) for name, rows in shares.items()
    ]
    by_writer.sort(key=lambda one: (-one.right.mean, one.writer != choice, one.writer))
    found = agreement(judged)
    return PersonalVerdict(
        len(_once(judged)),
        found,
        _mean_score(judged, Choice.BOTH),
        _mean_score(judged, Choice.NEITHER),
        tuple(by_writer),
        _lead(shares, [one.writer for one in by_writer], choice),
        found is not None and found.n >= FEWEST_CLICKS and found.high < LEAST_AGREEMENT,
    )


def _lead(shares: Mapping[str, Mapping[str, float]], best_first: Sequence[str], choice: str | None) -> Lead | None:
    if len(best_first) < 2:
        return None
    first, *others = best_first
    other = choice if choice in others else others[0]
    difference = fmean(shares[first].values()) - fmean(shares[other].values())
    posterior = _posterior(shares)
    draws = posterior.means[:, posterior.names.index(first)] - posterior.means[:, posterior.names.index(other)]
    low, high = (float(each) for each in np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]))
    return Lead(first, other, difference, min(low, difference), max(high, difference))


def _posterior(shares: Mapping[str, Mapping[str, float]]) -> Posterior:
    """The Bayesian bootstrap of `eval.statistics.posterior.believe`, for writers that were each shown on only some
    rows. `shares` maps writer and row to how right they were."""
    names = sorted(shares)
    rows = sorted(set().union(*shares.values()))
    right = np.array([[shares[name].get(row, 0.0) for name in names] for row in rows])
    shown = np.array([[row in shares[name] for name in names] for row in rows], dtype=float)
    imagined = np.eye(len(names))  # on each of these rows only one writer is right
    weights = np.random.default_rng(SEED).dirichlet([1.0] * len(rows) + [IMAGINED_ROWS] * len(names), DRAWS)
    means = weights @ np.vstack([right, imagined]) / (weights @ np.vstack([shown, np.ones_like(imagined)]))
    return Posterior(tuple(names), means)


def _mean_score(judged: Sequence[Judged], choice: Choice) -> MeanScore | None:
    both = [(one.pair.left.score, one.pair.right.score) for one in _once(judged) if one.choice is choice]
    scores = [score for each in both for score in each]
    return MeanScore(fmean(scores), len(scores)) if scores else None


def _once(judged: Sequence[Judged]) -> list[Judged]:
    """Each two texts once, whichever strategies wrote them."""
    return list({one.pair.key: one for one in judged}.values())
