"""The rule that takes a strategy, on what is believed of the scores and known of the costs; nothing is measured here.

Of what is probably within the margin of the best, take what costs least. Spending more has to be earned by evidence:
where something cheaper may well be as good, the simplest that may be is taken for now.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from advisor.schema import Confidence
from eval.statistics.posterior import Posterior

PROBABLE = 0.80  # a strategy that is near the best with this probability is taken for it
STRONG, WEAK = 0.95, 0.60
FEW_ROWS = 30  # below this a verdict is a first guess, whatever the numbers say
VERY_FEW_ROWS = 10  # below this it is weak at most, and how many more would settle it cannot be foreseen
# Measured times wander by a few percent, so costs this close are the same and the simpler strategy is taken.
SAME_COST = 1.05
SAME_PROBABILITY = 0.02  # what differs by less may differ by the draws alone


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
    that would be taken instead; nothing but their scores tells the choice from what is `alike`."""

    name: str
    confidence: Confidence
    odds: float
    probabilities: dict[str, float]
    cheaper: tuple[str, ...]
    alike: tuple[str, ...]


def choose(options: Sequence[Option], posterior: Posterior, margin: float, rows: float) -> Choice:
    """Take one of `options`, of which there is at least one, the best score first, by the scores of so many test rows
    (groups of one size, where rows come in groups)."""
    near_best = posterior.near_best(margin)
    probabilities = near_best.probabilities
    ranks = _ranks(options)
    likeliest = max(probabilities.values()) - SAME_PROBABILITY

    def cheaper(than: Option) -> list[str]:
        return [one.name for one in options if ranks[one] < ranks[than]]

    def odds_of(one: Option) -> float:
        return near_best.probability_of_taking(one.name, cheaper(one))

    near = [one for one in options if probabilities[one.name] >= PROBABLE]
    taken = min(near or [one for one in options if probabilities[one.name] > likeliest], key=ranks.__getitem__)
    if odds_of(taken) < WEAK:
        possible = [one for one in options if probabilities[one.name] > 1 - PROBABLE]
        taken = min(possible, key=lambda one: (one.place, ranks[one])) if possible else taken
    odds = odds_of(taken)
    confidence = "weak" if len(options) == 1 else in_words(odds, rows)
    alike = [one.name for one in options if ranks[one] == ranks[taken] and one is not taken]
    return Choice(taken.name, confidence, odds, probabilities, tuple(cheaper(taken)), tuple(alike))


def in_words(odds: float, rows: float) -> Confidence:
    """The word for such odds, from so many test rows."""
    if odds >= STRONG and rows >= FEW_ROWS:
        return "strong"
    if odds >= PROBABLE and rows >= VERY_FEW_ROWS:
        return "moderate"
    return "weak" if odds >= WEAK else "too close to call"


def _ranks(options: Sequence[Option]) -> dict[Option, tuple[int, int]]:
    """Which of two would be taken if both were near the best: what costs less, the simpler of those that cost about the
    same; an unknown cost comes last.

    What costs about the same is what lies so near the least cost, then near the least of the rest: whether two do must
    not depend on which two are looked at, or of three each might be taken instead of the next.
    """
    ranks: dict[Option, tuple[int, int]] = {}
    band, least = 0, min(map(_total, options))
    for one in sorted(options, key=_total):
        if _total(one) > least * SAME_COST:
            band, least = band + 1, _total(one)
        ranks[one] = band, one.place
    return ranks


def _total(one: Option) -> float:
    return math.inf if one.total_cost is None else one.total_cost
