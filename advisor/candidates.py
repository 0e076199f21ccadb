"""The candidates of a report that a section shows, in display order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, TypeVar

from advisor.schema import Candidate, Comparison, Judgement, NotMeasured
from advisor.wording import margin_text

SIGNIFICANT = 0.05


class OfTwo(Protocol):
    """Something about two candidates, given by their ids."""

    @property
    def a(self) -> str: ...
    @property
    def b(self) -> str: ...


Pair = TypeVar("Pair", bound=OfTwo)


def judged(report: Judgement) -> list[Candidate]:
    """The candidates with a score, best first. If equal, the chosen strategy comes first."""
    choice = report.recommendation.choice
    return sorted(_best_first(report.candidates), key=lambda one: (-one.score.mean, one.id != choice))


def baselines(report: Judgement) -> list[Candidate]:
    """The measured baselines, best first."""
    return _best_first(report.baselines)


def preferred_baseline(report: Judgement) -> Candidate | None:
    """The baseline that, according to the headline, is probably as good as the strategies or better."""
    return next((one for one in baselines(report) if one.id == report.recommendation.level_baseline), None)


def preferred(report: Judgement) -> list[Candidate]:
    """The strategies, and the baseline that the headline prefers, if any: what people look at more closely."""
    baseline = preferred_baseline(report)
    return [*judged(report), *([baseline] if baseline else [])]


def not_measured(given: Sequence[Candidate | NotMeasured]) -> list[NotMeasured]:
    return [one for one in given if isinstance(one, NotMeasured)]


def priced(report: Judgement) -> list[tuple[Candidate, float]]:
    """The judged candidates with known costs, each with its cost per 1,000 requests."""
    return [(one, one.cost.per_1000) for one in judged(report) if one.cost.per_1000 is not None]


def comparison(report: Judgement, a: str, b: str) -> Comparison | None:
    """The paired difference of two candidates, in either order."""
    return next((one for one in report.comparisons if {one.a, one.b} == {a, b}), None)


def is_chance(difference: Comparison) -> bool:
    """Whether chance alone could explain a paired difference, allowing for all pairs tested."""
    p_value = difference.p_value if difference.p_value_holm is None else difference.p_value_holm
    return difference.low <= 0 <= difference.high or p_value >= SIGNIFICANT


class Sentences(NamedTuple):
    """Sentences on pairs of strategies. Those with the chosen strategy come first."""

    of_choice: list[str]
    others: list[str]


def on_pairs(report: Judgement, pairs: Sequence[Pair], say: Callable[[Pair], str], but: str | None = None) -> Sentences:
    """What `say` returns for each pair, without the sentence `but`. If no strategy is chosen, all count as
    `of_choice`."""
    choice = report.recommendation.choice
    said = Sentences([], [])
    for pair in pairs:
        if (sentence := say(pair)) != but:
            (said.of_choice if choice in (pair.a, pair.b, None) else said.others).append(sentence)
    return said


def near_best(report: Judgement) -> str:
    """The event that a report's probabilities refer to. If a wrong answer has a price and the costs are known, costs
    are deducted from the score at that price."""
    priorities, probabilities = report.priorities, report.recommendation.probabilities
    within = f"within {margin_text(priorities.margin)} of " if priorities.margin else ""
    near = f"{within}the best strategy"
    costs = [one.cost for one in judged(report) if one.id in probabilities]
    paid = [cost.per_month is not None for cost in costs]
    ready = [[cost.one_off is not None for cost in costs], [cost.upkeep_per_month is not None for cost in costs]]
    are_known = all(paid) and all(all(known) or not any(known) for known in ready)  # a cost unknown for all is left out
    return f"{near}, costs counted" if priorities.wrong_answer and are_known else near


def _best_first(given: Sequence[Candidate | NotMeasured]) -> list[Candidate]:
    return sorted((one for one in given if isinstance(one, Candidate)), key=lambda one: -one.score.mean)
