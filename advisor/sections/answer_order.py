"""The order in which rows of answers are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from advisor.sections.answers import AnsweredRow
from advisor.wording import in_sentence

WORST, DISAGREEMENT, LONGEST, FILE = "worst", "disagreement", "longest", "file"
_OF_ONE = "worst-"  # followed by the strategy
_WORDS = {
    WORST: "Lowest scores first",
    DISAGREEMENT: "Largest disagreement first",
    LONGEST: "Longest answers first",
    FILE: "Order of your file",
}


def orders(strategies: Sequence[str]) -> dict[str, str]:
    """The words of each order by its name."""
    of_one = {f"{_OF_ONE}{one}": f"Lowest scores of {in_sentence(one)} first" for one in strategies}
    return {WORST: _WORDS[WORST], **(of_one if len(of_one) > 1 else {}), **_WORDS}


def in_order(rows: Sequence[AnsweredRow], order: str) -> list[AnsweredRow]:
    """Rows that are level stay in the order of the file."""
    return sorted(rows, key=_KEYS.get(order) or _worst_of(order.removeprefix(_OF_ONE)))


def _worst(row: AnsweredRow) -> float:
    scores = [outcome.score for outcome in row.outcomes.values()]
    return sum(scores) / len(scores)


def _worst_of(strategy: str) -> Callable[[AnsweredRow], tuple[float, float]]:
    """One that gave no answer to a row comes last; where it is level, the scores of the others decide."""

    def key(row: AnsweredRow) -> tuple[float, float]:
        outcome = row.outcomes.get(strategy)
        return 2.0 if outcome is None else outcome.score, _worst(row)

    return key


def _agreement(row: AnsweredRow) -> tuple[float, int]:
    """The smallest where scores differ most and, where they are level, where the most different texts were given."""
    scores = [outcome.score for outcome in row.outcomes.values()]
    return min(scores) - max(scores), -len({outcome.text for outcome in row.outcomes.values()})


def _shortness(row: AnsweredRow) -> int:
    return -max(len(outcome.text) for outcome in row.outcomes.values())


_KEYS: dict[str, Callable[[AnsweredRow], float | tuple[float, float]]] = {
    WORST: _worst,
    DISAGREEMENT: _agreement,
    LONGEST: _shortness,
    FILE: lambda row: 0.0,
}
