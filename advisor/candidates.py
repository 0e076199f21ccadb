"""Which candidates of a report there is something to say of, in the order they are shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, TypeVar

from advisor.schema import Candidate, Comparison, Judgement, NotMeasured
from advisor.wording import margin_text

SIGNIFICANT = 0.05


class OfTwo(Protocol):
    """Something said of two candidates, by their ids."""

    @property
    def a(self) -> str: ...
    @property
    def b(self) -> str: ...


Pair = TypeVar("Pair", bound=OfTwo)


def judged(report: Judgement) -> list[Candidate]:
    """The candidates with a score, best first; of equal ones the strategy taken."""
    choice = report.recommendation.choice
    return sorted(_best_first(report.candidates), key=lambda one: (-one.score.mean, one.id != choice))


def baselines(report: Judgement) -> list[Candidate]:
    """What answered without a language model, best first."""
    return _best_first(report.baselines)


def preferred_baseline(report: Judgement) -> Candidate | None:
    """The baseline that the headline says to be probably as good as the strategies, or better."""
    return next((one for one in baselines(report) if one.id == report.recommendation.level_baseline), None)


def not_measured(given: Sequence[Candidate | NotMeasured]) -> list[NotMeasured]:
    return [one for one in given if isinstance(one, NotMeasured)]


def priced(report: Judgement) -> list[tuple[Candidate, float]]:
    """Those of the judged whose costs are known, each with what 1,000 of its answers cost."""
    return [(one, one.cost.per_1000) for one in judged(report) if one.cost.per_1000 is not None]


def comparison(report: Judgement, a: str, b: str) -> Comparison | None:
    """The paired difference of two candidates, in either order."""
    return next((one for one in report.comparisons if {one.a, one.b} == {a, b}), None)


def is_chance(difference: Comparison) -> bool:
    """Whether chance alone could make a paired difference, all pairs that were tested allowed for."""
    p_value = difference.p_value if difference.p_value_holm is None else difference.p_value_holm
    return difference.low <= 0 <= difference.high or p_value >= SIGNIFICANT


class Sentences(NamedTuple):
    """On pairs of strategies: first to be read are those with the strategy taken."""

    of_choice: list[str]
    others: list[str]


def on_pairs(report: Judgement, pairs: Sequence[Pair], say: Callable[[Pair], str], but: str | None = None) -> Sentences:
    """What `say` says of each of these pairs, without the sentence `but`. All are of the choice where none is taken."""
    choice = report.recommendation.choice
    said = Sentences([], [])
    for pair in pairs:
        if (sentence := say(pair)) != but:
            (said.of_choice if choice in (pair.a, pair.b, None) else said.others).append(sentence)
    return said


def near_best(report: Judgement) -> str:
    """What the chances of a report are chances of. Where a wrong answer has a price, and the costs are known, what is
    paid is taken off the score at that price."""
    priorities, chances = report.priorities, report.recommendation.probabilities
    within = f"within {margin_text(priorities.margin)} of " if priorities.margin else ""
    near = f"{within}the best strategy"
    costs = [one.cost for one in judged(report) if one.id in chances]
    paid = [cost.per_month is not None for cost in costs]
    ready = [[cost.one_off is not None for cost in costs], [cost.upkeep_per_month is not None for cost in costs]]
    are_known = all(paid) and all(all(known) or not any(known) for known in ready)  # not counted where known of none
    return f"{near}, costs counted" if priorities.wrong_answer and are_known else near


def _best_first(given: Sequence[Candidate | NotMeasured]) -> list[Candidate]:
    return sorted((one for one in given if isinstance(one, Candidate)), key=lambda one: -one.score.mean)
