"""Compare JSON fields path by path: objects of any depth, lists in any order."""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any

import numpy as np

from eval.scoring.code import unfenced
from eval.scoring.dates import Date, TimeOfDay, find_dates, find_times
from eval.scoring.measures import find_measures
from eval.scoring.numbers import Quantity
from eval.scoring.words import folded
from eval.task import BadInput

_LONGEST_VALUE = 60  # characters; a longer text isn't read as one number or date
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEKDAY = re.compile(rf"({'|'.join(_DAYS)})(?:day|sday|s|nesday|rsday|r|rs|urday)?\b[.,]?(?:\s+|\Z)")
_BEFORE_A_TIME = re.compile(r"(?:on|at|um|am)\s+")  # on Thursday, at 6 pm, am 3. Mai
_MOST_ITEMS = 200  # list items that are paired


def read_json(text: str) -> dict[str, Any] | list[Any] | None:
    """The object or list in `text`; None if it is neither, or is JSON only to Python (NaN)."""

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        value = json.loads(unfenced(text).lstrip("\ufeff"), parse_constant=refuse)
        _count_leaves(value)  # a rambling model can nest deeper than Python can recurse
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) else None


def field_f1(text: str, target: str) -> float | None:
    """The harmonic mean of the shares of given and of expected fields that agree; None if `text` isn't JSON of the same
    outer shape as `target`. Raises BadInput if the target isn't JSON."""
    expected = read_json(target)
    if expected is None:
        raise BadInput(f"The expected answer {target[:60]!r} is not JSON; write it as an object such as {{}}.")
    answer = read_json(text)
    if type(answer) is not type(expected):
        return None
    given, wanted = _count_leaves(answer), _count_leaves(expected)
    return 2 * _shared_leaves(answer, expected) / (given + wanted) if given + wanted else 1.0


def _count_leaves(value: Any) -> int:
    """The number of fields with content. A null or empty field counts as absent."""
    if isinstance(value, dict):
        return sum(map(_count_leaves, value.values()))
    if isinstance(value, list):
        return sum(map(_count_leaves, value))
    return 0 if value is None or value == "" else 1


def _shared_leaves(answer: Any, expected: Any) -> int:
    """The number of fields that agree. The order of a list doesn't matter: its items are paired so that most fields
    agree."""
    if isinstance(answer, dict) and isinstance(expected, dict):
        return sum(_shared_leaves(answer[key], expected[key]) for key in answer.keys() & expected.keys())
    if isinstance(answer, list) and isinstance(expected, list):
        if not answer or not expected:
            return 0
        from scipy.optimize import linear_sum_assignment  # takes half a second, and most processes don't need it

        if _are_rows(answer) and _are_rows(expected):  # subject, verb, object: their places count
            answer, expected = ([dict(enumerate(row)) for row in rows] for rows in (answer, expected))
        rest = sum(map(_shared_leaves, answer[_MOST_ITEMS:], expected[_MOST_ITEMS:]))
        shared = np.array(
            [[_shared_leaves(item, other) for other in expected[:_MOST_ITEMS]] for item in answer[:_MOST_ITEMS]]
        )
        return int(shared[linear_sum_assignment(shared, maximize=True)].sum()) + rest
    if _count_leaves(answer) != 1 or isinstance(answer, dict | list):
        return 0
    return int(leaf_of(answer) == leaf_of(expected))


def _are_rows(items: list[Any]) -> bool:
    """Whether a list holds lists of single values, as rows of a table do."""
    return all(
        isinstance(item, list) and len(item) > 1 and not any(isinstance(value, dict | list) for value in item)
        for item in items
    )


@dataclass(frozen=True, slots=True)
class Leaf:
    """The value of one field, with its type: 2 equals 2.0, but neither equals "2" or true. A text that is one number,
    date or time is compared by value: "1,500 EUR" equals "€1500"."""

    kind: str
    value: Hashable
    text: str = field(compare=False)  # as written


def leaf_of(value: Any) -> Leaf:
    if isinstance(value, str):
        return _leaf_of_text(value)
    if isinstance(value, bool):
        return Leaf("truth", value, str(value))
    if isinstance(value, int | float):
        return Leaf("number", value, str(value))
    return Leaf("nothing", None, "")


@lru_cache(100_000)
def _leaf_of_text(written: str) -> Leaf:
    text = " ".join(folded(written).casefold().split()).rstrip(".,;")
    if len(text) <= _LONGEST_VALUE:
        for kind, value in _whole_values(text):
            return Leaf(kind, value, written)
        if before := _BEFORE_A_TIME.match(text):
            for kind, value in _whole_values(text[before.end() :]):
                if kind != "quantity":
                    return Leaf(kind, value, written)
    return Leaf("text", text, written)


def _whole_values(text: str) -> Iterator[tuple[str, Hashable]]:
    """What the text is if it is nothing but a number, a date, a time or a day of the week, with its kind."""
    day = _WEEKDAY.match(text)
    if day and day.end() == len(text):
        yield "weekday", day[1]
    for name, rest in (("", text), (day[1], text[day.end() :])) if day else (("", text),):
        for start, end, value in _values_in(rest):
            if not (rest[:start] + rest[end:]).strip(" .,"):
                kind = "quantity" if isinstance(value, Quantity) else "time"
                yield kind, value if _is_day(name, value) else (name, value)


def _values_in(text: str) -> Iterator[tuple[int, int, Quantity | Date | TimeOfDay]]:
    for found in (find_dates(text), find_times(text), find_measures(text)):
        for span, value in found:
            yield (*span, value)


def _is_day(name: str, value: Quantity | Date | TimeOfDay) -> bool:
    """Whether the weekday only repeats the date: Tue, Aug 7 2018 was one."""
    if not name:
        return True
    if not isinstance(value, Date) or not (value.year and value.month and value.day):
        return False
    try:
        return _DAYS[date(value.year, value.month, value.day).weekday()] == name
    except ValueError:  # 30 February
        return False
