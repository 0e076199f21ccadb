"""What a person's clicks on pairs of answers say of the score, and of the strategies."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from eval.blind_pairs import Answer, Choice, Click, Pair
from eval.posterior import DRAWS, IMAGINED_ROWS, Posterior
from eval.statistics import LEVEL, SEED, Interval, interval

FEWEST_CLICKS = 5  # below which nothing is said
LEAST_AGREEMENT = 0.8  # a score whose agreement is surely below it doesn't see what the person sees
_MIRRORED = {Choice.LEFT: Choice.RIGHT, Choice.RIGHT: Choice.LEFT}


@dataclass(frozen=True, slots=True)
class Judged:
    """A pair with what the person said of it; `choice` names the sides of this pair."""

    pair: Pair
    choice: Choice

    @property
    def preferred(self) -> tuple[Answer, Answer] | None:
        """The answer that was preferred and the other one; None where neither was."""
        left, right = self.pair.left, self.pair.right
        return {Choice.LEFT: (left, right), Choice.RIGHT: (right, left)}.get(self.choice)


@dataclass(frozen=True, slots=True)
class MeanScore:
    """Of `n` answers."""

    mean: float
    n: int


@dataclass(frozen=True, slots=True)
class ByClicks:
    """Of the answers of one writer that the person saw: the share they found right, and the mean score."""

    writer: str
    right: Interval
    score: float


@dataclass(frozen=True, slots=True)
class Lead:
    """How much larger the share of right answers is for `writer` than for `other`, with its 95 % range."""

    writer: str
    other: str
    difference: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class PersonalVerdict:
    """What `pairs` judged pairs say. `agreement` is the share of pairs with a preferred answer in which the score
    prefers it too, where a tie of scores counts half; None where no answer was preferred. `both` and `neither` are the
    scores of answers that were right, or wrong, on both sides. `by_writer` has the writer with the largest share of
    right answers first, and `lead` sets it against the choice of the score, or against the next where it is the choice.
    `is_blind` says that the score surely agrees with the person in less than 80 of 100 pairs.
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
    pair counts for its writers. Of two clicks on the same texts the later one holds."""
    last = {click.key: click for click in clicks}
    return [
        Judged(pair, click.choice if click.left == pair.left.text else _MIRRORED.get(click.choice, click.choice))
        for pair in pairs
        if (click := last.get(pair.key)) is not None
    ]


def agreement(judged: Sequence[Judged]) -> Interval | None:
    """In what share of the texts with a preference the score prefers the same one, as `PersonalVerdict` has it."""
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
    """The Bayesian bootstrap of `eval.posterior.believe`, for writers each of whom was shown on some of the rows only:
    `shares` holds, by writer and row, how right they were."""
    names = sorted(shares)
    rows = sorted(set().union(*shares.values()))
    right = np.array([[shares[name].get(row, 0.0) for name in names] for row in rows])
    shown = np.array([[row in shares[name] for name in names] for row in rows], dtype=float)
    imagined = np.eye(len(names))  # on each of these rows one of them alone is right
    weights = np.random.default_rng(SEED).dirichlet([1.0] * len(rows) + [IMAGINED_ROWS] * len(names), DRAWS)
    means = weights @ np.vstack([right, imagined]) / (weights @ np.vstack([shown, np.ones_like(imagined)]))
    return Posterior(tuple(names), means)


def _mean_score(judged: Sequence[Judged], choice: Choice) -> MeanScore | None:
    both = [(one.pair.left.score, one.pair.right.score) for one in _once(judged) if one.choice is choice]
    scores = [score for each in both for score in each]
    return MeanScore(fmean(scores), len(scores)) if scores else None


def _once(judged: Sequence[Judged]) -> list[Judged]:
    """Each two texts once, whoever wrote them."""
    return list({one.pair.key: one for one in judged}.values())
