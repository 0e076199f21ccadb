"""The rule that takes a strategy, on what is believed of the scores and known of the costs; nothing is measured here.

Of what is probably within the margin of the best, take what costs least. Spending more has to be earned by evidence:
where something cheaper may well be as good, the simplest that may be is taken for now.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from eval.posterior import Posterior

Confidence = Literal["strong", "moderate", "weak", "too close to call", "none"]

PROBABLE = 0.80  # a strategy that is near the best with this probability is taken for it
STRONG, WEAK = 0.95, 0.60
FEW_ROWS = 30  # below this a verdict is a first guess, whatever the numbers say
# Measured times wander by a few percent, so costs this close are the same and the simpler strategy is taken.
SAME_COST = 1.05


@dataclass(frozen=True, slots=True)
class Option:
    """A strategy that can be taken: its total cost (None is unknown), and its place from the simplest on."""

    name: str
    total_cost: float | None
    place: int


@dataclass(frozen=True, slots=True)
class Choice:
    """What is taken. `probabilities` says of each option how probable it is that no other is better by more than the
    margin; `odds` is the probability that this holds for the choice and for nothing in `cheaper`, which are the options
    that would be taken instead."""

    name: str
    confidence: Confidence
    odds: float
    probabilities: dict[str, float]
    cheaper: tuple[str, ...]


def choose(options: Sequence[Option], posterior: Posterior, margin: float, rows: float) -> Choice:
    """Take one of `options`, of which there is at least one, by the scores of so many test rows (groups of one size,
    where rows come in groups)."""
    probabilities = posterior.probability_near_best(margin)

    def cheaper(than: Option) -> list[str]:
        """What would be taken instead, cost and simplicity being all that counts; of two that tie neither would."""
        return [one.name for one in options if _cheapest([one, than]) is _cheapest([than, one]) is one is not than]

    def odds_of(one: Option) -> float:
        return posterior.probability_of_taking(one.name, cheaper(one), margin)

    near = [one for one in options if probabilities[one.name] >= PROBABLE]
    taken = _cheapest(near) if near else max(options, key=lambda one: probabilities[one.name])
    if odds_of(taken) < WEAK:
        possible = [one for one in options if probabilities[one.name] > 1 - PROBABLE]
        taken = min(possible, key=lambda one: (one.place, _total(one))) if possible else taken
    odds = odds_of(taken)
    confidence = "weak" if len(options) == 1 else _in_words(odds, rows)
    return Choice(taken.name, confidence, odds, probabilities, tuple(cheaper(taken)))


def _in_words(odds: float, rows: float) -> Confidence:
    if odds >= STRONG and rows >= FEW_ROWS:
        return "strong"
    if odds >= PROBABLE:
        return "moderate"
    return "weak" if odds >= WEAK else "too close to call"


def _cheapest(options: Sequence[Option]) -> Option:
    """The least total; the simplest of those that cost about the same; an unknown cost comes last."""
    least = min(_total(one) for one in options)
    return min((one for one in options if _total(one) <= least * SAME_COST), key=lambda one: (one.place, _total(one)))


def _total(one: Option) -> float:
    return math.inf if one.total_cost is None else one.total_cost
