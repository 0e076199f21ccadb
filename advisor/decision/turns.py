"""What would have to be otherwise for something else to be taken: each priority is moved until the choice changes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from advisor.measurement import Measurement
from advisor.plan import COST_BOUNDS, SECONDS_BOUNDS, Priorities
from advisor.schema import Turn

Rule = Callable[[Priorities], str | None]  # what would be taken; None where nothing is within the limits

_MARGINS = [half_points / 200 for half_points in range(101)]
_ASKED_FOR = 0.1  # nobody asks what follows if more did not matter to them
_VOLUMES = [10 ** (step / 4) for step in range(33)]  # one a month to a hundred million
_MONTHS: list[float] = [*range(1, 13), 15, 18, 24, 30, 36, 48, 60]
_DAYS = [1, 2, 3, 5, 7, 10, 14, 21, 30, 45, 60, 90, 120, 180, 365, 730]
_PRICES_AN_HOUR = [10 ** (step / 4) for step in range(-12, 9)]  # a thousandth to a hundred
_PRICES_OF_AN_ERROR = [10 ** (step / 4) for step in range(-32, 13)]  # almost nothing to a thousand
_JUST = 1e-3  # of a limit: what is just beyond
_HALVINGS = 8
_COUNTS = ("monthly_volume", "months")
_SPANS: dict[str, Sequence[float]] = {  # a choice can change between any two of these values
    "months": _MONTHS,
    "monthly_volume": _VOLUMES,
    "machine_per_hour": _PRICES_AN_HOUR,
    "wrong_answer": _PRICES_OF_AN_ERROR,
}


def turns_of(rule: Rule, priorities: Priorities, measured: Sequence[Measurement]) -> list[Turn]:
    """One for each priority that can be moved, with the others as they are."""
    own = rule(priorities)

    def find(name: str, values: Sequence[float], is_continuous: bool) -> Turn:
        def chosen(value: float) -> str | None:
            return rule(_with(priorities, name, value))

        now = getattr(priorities, name)
        return _nearest(chosen, own, name, now, values, is_continuous)

    return [find(name, values, name in _SPANS) for name, values in _values(priorities, measured).items() if values]


def _values(priorities: Priorities, measured: Sequence[Measurement]) -> dict[str, Sequence[float]]:
    """The values that are tried of each priority, in ascending order."""
    slowest = [one.latency.p95 for one in measured if one.latency]
    dearest = [one.cost.per_1000 for one in measured if one.cost.per_1000 and priorities.max_cost_per_1000]
    margins = [margin for margin in _MARGINS if margin <= max(_ASKED_FOR, priorities.margin)]
    return {
        "margin": margins,
        "retrain_days": _DAYS,
        "reindex_days": _DAYS,
        "max_seconds": _limits(slowest, SECONDS_BOUNDS),
        "max_cost_per_1000": _limits(dearest, COST_BOUNDS),
        **_SPANS,
    }


def ends_of(turn: Turn, priorities: Priorities, measured: Sequence[Measurement]) -> tuple[Priorities, Priorities]:
    """The priorities at which the choice turns, and the last ones at which it stays so."""
    values = _values(priorities, measured)[turn.priority]
    last = turn.until if turn.until is not None else max(values) if turn.is_more else min(values)
    return _with(priorities, turn.priority, turn.value or 0.0), _with(priorities, turn.priority, last)


def _with(priorities: Priorities, name: str, value: float) -> Priorities:
    changed: dict[str, Any] = {name: round(value) if name in _COUNTS else value}
    return replace(priorities, **changed)


def _limits(figures: Iterable[float], bounds: tuple[float, float]) -> list[float]:
    """A limit matters where it lets a strategy in, or just not, and can be set; in two digits, as it will be told, so
    that who sets the one that was told finds it true."""
    limits: set[float] = set()
    for figure in (one for one in figures if bounds[0] <= one <= bounds[1]):
        unit = 10.0 ** (math.floor(math.log10(figure)) - 1)
        units = round(figure / unit, 9)
        limits |= {math.floor(units) * unit * (1 - _JUST), round(math.ceil(units) * unit, 9)}
    return sorted(limit for limit in limits if bounds[0] <= limit <= bounds[1])


def _nearest(
    chosen: Callable[[float], str | None],
    own: str | None,
    name: str,
    now: float | None,
    values: Sequence[float],
    is_continuous: bool,
) -> Turn:
    if name == "wrong_answer" and not now:
        return _price_of_an_error(chosen, own, values)

    def first(ordered: Sequence[float], is_more: bool) -> tuple[int, Turn] | None:
        """How many steps away the choice changes, where, and where it does once more."""
        before = now
        for steps, value in enumerate(ordered):
            if chosen(value) not in (own, None):
                at = _between(before, value, lambda one: chosen(one) not in (own, None)) if is_continuous else value
                at = round(at) if name in _COUNTS else at
                taken = chosen(at)
                until = _end_of(chosen, taken, [at, *ordered[steps:]], is_continuous)
                until = round(until) if name in _COUNTS and until is not None else until
                return steps, Turn(name, now, at, taken, is_more, until)
            before = value
        return None

    at = math.inf if now is None else now
    above = first([value for value in values if value > at], is_more=True)
    below = first([value for value in reversed(values) if value < at], is_more=False)
    found = [one for one in (above, below) if one]
    return min(found, key=lambda one: one[0])[1] if found else Turn(name, now)


def _end_of(
    chosen: Callable[[float], str | None], taken: str | None, ordered: Sequence[float], is_continuous: bool
) -> float | None:
    """The last of these values up to which the choice stays as it is at the first; None where nothing else is taken
    beyond."""
    for last, value in pairwise(ordered):
        if chosen(value) not in (taken, None):
            return _between(value, last, lambda one: chosen(one) == taken) if is_continuous else last
    return None


def _price_of_an_error(chosen: Callable[[float], str | None], own: str | None, values: Sequence[float]) -> Turn:
    """Without a price nothing is weighed against money, so the dearest errors come first: they ask for the best answers
    there are. If those are had already, how cheap errors must be for less to do."""
    choices = [chosen(value) for value in values]
    lowest_of_top = next(at for at in range(len(values)) if all(one == choices[-1] for one in choices[at:]))
    if lowest_of_top == 0:
        is_turn = choices[-1] not in (own, None)
        return Turn("wrong_answer", 0.0, values[0], choices[-1], True) if is_turn else Turn("wrong_answer", 0.0)
    is_more = choices[-1] not in (own, None)
    edge = lowest_of_top if is_more else lowest_of_top - 1
    inner = values[lowest_of_top - 1] if is_more else values[lowest_of_top]
    if choices[edge] is None:
        return Turn("wrong_answer", 0.0)
    at = _between(inner, values[edge], lambda one: chosen(one) == choices[edge])
    until = None if is_more else _end_of(chosen, choices[edge], values[edge::-1], is_continuous=True)
    return Turn("wrong_answer", 0.0, at, choices[edge], is_more, until)


def _between(same: float | None, other: float, is_other: Callable[[float], bool]) -> float:
    """Nearer to where it changes, on a logarithmic scale."""
    for _ in range(_HALVINGS if same else 0):
        middle = math.sqrt((same or other) * other)
        same, other = (same, middle) if is_other(middle) else (middle, other)
    return other
