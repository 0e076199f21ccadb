"""Which candidates of a report (schema 1) there is something to say of, in the order they are shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from advisor.wording import margin_text

SIGNIFICANT = 0.05
_PAID = ("per_month", "one_off", "upkeep_per_month")
Report = dict[str, Any]
Candidate = dict[str, Any]


def judged(report: Report) -> list[Candidate]:
    """The candidates with a score, best first."""
    return _scored(report["candidates"])


def floors(report: Report) -> list[Candidate]:
    """What answered without a language model, best first; a run of an earlier version has none."""
    return _scored(report.get("floors", []))


def priced(report: Report) -> list[Candidate]:
    """Those of the judged whose answers are known to cost something or nothing."""
    return [one for one in judged(report) if one["cost"]["per_1000"] is not None]


def comparison(report: Report, a: str, b: str) -> dict[str, Any] | None:
    """The paired difference of two strategies, in either order."""
    return next((one for one in report["comparisons"] if {one["a"], one["b"]} == {a, b}), None)


def is_chance(difference: dict[str, Any]) -> bool:
    """Whether chance alone could make a paired difference, all pairs that were tested allowed for."""
    p_value = difference.get("p_value_holm", difference["p_value"])
    return bool(difference["low"] <= 0 <= difference["high"] or p_value >= SIGNIFICANT)


class Sentences(NamedTuple):
    """On pairs of strategies: first to be read are those with the strategy taken."""

    of_choice: list[str]
    others: list[str]


def on_pairs(
    report: Report, pairs: Sequence[dict[str, Any]], say: Callable[[dict[str, Any]], str], but: str | None = None
) -> Sentences:
    """What `say` says of each of these pairs (`a` and `b`), without the sentence `but`. All are of the choice where
    none is taken."""
    choice = report.get("recommendation", {}).get("choice")
    said = Sentences([], [])
    for pair in pairs:
        if (sentence := say(pair)) != but:
            (said.of_choice if choice in (pair["a"], pair["b"], None) else said.others).append(sentence)
    return said


def near_best(report: Report) -> str:
    """What the chances of a report are chances of. Where a wrong answer has a price, and the costs are known, what is
    paid is taken off the score at that price."""
    priorities, chances = report["priorities"], report["recommendation"].get("probabilities", {})
    within = f"within {margin_text(priorities['margin'])} of " if priorities["margin"] else ""
    near = f"{within}the best strategy"
    costs = [one["cost"] for one in judged(report) if one["name"] in chances]
    paid, *ready = ([cost.get(part, 0) is not None for cost in costs] for part in _PAID)
    are_known = all(paid) and all(all(known) or not any(known) for known in ready)  # not counted where known of none
    return f"{near}, costs counted" if priorities.get("wrong_answer") and are_known else near


def _scored(candidates: Sequence[Candidate]) -> list[Candidate]:
    scored = [one for one in candidates if one["status"] == "done" and one["score"]["mean"] is not None]
    return sorted(scored, key=lambda one: -one["score"]["mean"])
