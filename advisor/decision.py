"""Which strategy to take, and how sure that is.

The rule: leave out what breaks a hard limit; of the rest keep what is not shown to be worse than the best by more
than the margin; of these take the one that costs least over a year. Spending more has to be earned by evidence.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from advisor import caveats, verdict
from advisor.measurement import Measurement, derive, is_judged, paired_scores
from advisor.plan import STRATEGIES, Priorities
from eval.outcomes import Trial
from eval.statistics import SEED, Difference, paired_difference
from eval.task import Kind

Confidence = Literal["strong", "moderate", "weak", "too close to call", "none"]

_DRAWS = 4000
_STRONG, _MODERATE, _WEAK = 0.95, 0.80, 0.60
# Measured times wander by a few percent, so costs this close are the same and the simpler strategy is taken.
_SAME_COST = 1.05


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What to do, for a person to read: all but `choice`, `confidence`, `odds` and `runner_up` are sentences.

    `choice` and `runner_up` are names of strategies; `odds` is the probability that no other strategy within the
    limits is better than the choice by more than the margin, None where there was nothing to compare.
    """

    choice: str | None
    confidence: Confidence
    odds: float | None
    runner_up: str | None
    headline: str
    confidence_line: str
    runner_up_line: str | None
    reasons: tuple[str, ...]
    caveats: tuple[str, ...]
    changes: tuple[str, ...]


def recommend(
    trials: Sequence[Trial], priorities: Priorities, kind: Kind, majority_share: float | None = None
) -> Recommendation:
    """The strategy to take among `trials`, which answered the same test rows.

    `majority_share` is the share of the commonest label among the test rows of a classification.
    """
    measured = [derive(trial, priorities) for trial in trials if is_judged(trial)]
    broken = {one.strategy: limit for one in measured if (limit := verdict.broken_limit(one, priorities)) is not None}
    kept = sorted((one for one in measured if one.strategy not in broken), key=_by_score)
    if not kept:
        return _no_choice(trials, broken)

    scores = paired_scores([one.trial for one in kept])
    best = kept[0]

    @cache  # a comparison of graded scores resamples thousands of times
    def gap(a: str, b: str) -> Difference:
        return paired_difference(scores[a], scores[b])

    near = [one for one in kept if gap(best.strategy, one.strategy).low <= priorities.margin]
    choice = _cheapest(near)
    others = [one for one in kept if one is not choice]
    odds = odds_within(scores, choice.strategy, priorities.margin) if others else None
    rows = len(scores[choice.strategy])
    situation = verdict.Situation(
        priorities,
        kind,
        choice,
        best=choice if choice.score.mean == best.score.mean else best,
        near=near,
        others=others,
        left_out=[one for one in measured if one.strategy in broken],
        scores=scores,
        gap=gap,
    )
    confidence = _confidence(odds, rows)
    return Recommendation(
        choice=choice.strategy,
        confidence=confidence,
        odds=odds,
        runner_up=others[0].strategy if others else None,
        headline=verdict.headline(choice.strategy, rows, too_close=confidence == "too close to call"),
        confidence_line=verdict.confidence_line(situation, confidence, odds),
        runner_up_line=verdict.runner_up_line(situation),
        reasons=verdict.reasons(situation, tuple(broken.values())),
        caveats=caveats.before_you_act(situation, trials, majority_share),
        changes=verdict.changes(situation),
    )


def odds_within(scores: Mapping[str, NDArray[np.float64]], choice: str, margin: float) -> float:
    """The probability that nothing scores more than `margin` above `choice`, from paired scores by strategy.

    Bayesian bootstrap (Rubin, 1981): the test rows are weighted by 4,000 draws from a Dirichlet distribution. Half an
    imagined row that it alone gets right is added for each strategy, so that a few rows cannot promise certainty.
    """
    names = list(scores)
    rows = np.stack([scores[name] for name in names])
    weights_of = [1.0] * rows.shape[1] + [0.5] * len(names)
    weights = np.random.default_rng(SEED).dirichlet(weights_of, _DRAWS)
    means = weights @ np.hstack([rows, np.eye(len(names))]).T
    return float((means[:, names.index(choice)] >= means.max(axis=1) - margin).mean())


def _confidence(odds: float | None, rows: int) -> Confidence:
    if odds is None:
        return "weak"
    if odds >= _STRONG and rows >= verdict.FEW_ROWS:
        return "strong"
    if odds >= _MODERATE:
        return "moderate"
    return "weak" if odds >= _WEAK else "too close to call"


def _by_score(one: Measurement) -> tuple[float, int]:
    return -one.score.mean, _simplicity(one)


def _simplicity(one: Measurement) -> int:
    """Prompting before retrieval before fine-tuning; what is not one of these comes last."""
    return STRATEGIES.index(one.strategy) if one.strategy in STRATEGIES else len(STRATEGIES)


def _cheapest(candidates: Sequence[Measurement]) -> Measurement:
    """The least total over a year; the simplest of those that cost about the same; an unknown cost comes last."""

    def total(one: Measurement) -> float:
        known = one.cost.total_over(verdict.MONTHS)
        return math.inf if known is None else known

    least = min(map(total, candidates))
    return min((one for one in candidates if total(one) <= least * _SAME_COST), key=_simplicity)


def _no_choice(trials: Sequence[Trial], broken: Mapping[str, str]) -> Recommendation:
    """Nothing finished, or nothing is within the limits."""
    return Recommendation(
        choice=None,
        confidence="none",
        odds=None,
        runner_up=None,
        headline="Nothing meets your limits." if broken else "Nothing to recommend yet.",
        confidence_line="Every strategy that finished breaks a limit you set." if broken else "No strategy finished.",
        runner_up_line=None,
        reasons=tuple(broken.values()),
        caveats=caveats.unfinished(trials),
        changes=("Raise the limit and the strategies it left out are judged again.",) if broken else (),
    )
