"""Fields of JSON, compared path by path: objects in any depth, lists in any order."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import numpy as np

from eval.scoring.code import unfenced
from eval.scoring.dates import Date, find_dates
from eval.scoring.numbers import Quantity, find_quantities
from eval.scoring.words import folded
from eval.task import BadInput

_LONGEST_VALUE = 60  # characters of a text that may be one number or date
_MOST_ITEMS = 200  # of a list that are paired with one another


def read_json(text: str) -> dict[str, Any] | list[Any] | None:
    """The object or list that `text` is, which can be scored; None when it is neither, or JSON only to Python (NaN)."""

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        value = json.loads(unfenced(text).lstrip("\ufeff"), parse_constant=refuse)
        _count_leaves(value)  # a babbling model can nest deeper than the comparison may recurse
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) else None


def field_f1(text: str, target: str) -> float | None:
    """The harmonic mean of the shares of given and of expected fields that agree; None where `text` is not JSON of the
    outer shape of `target`. Raises BadInput when the target is not JSON."""
    expected = read_json(target)
    if expected is None:
        raise BadInput(f"The expected answer {target[:60]!r} is not JSON; write it as an object such as {{}}.")
    answer = read_json(text)
    if type(answer) is not type(expected):
        return None
    given, wanted = _count_leaves(answer), _count_leaves(expected)
    return 2 * _shared_leaves(answer, expected) / (given + wanted) if given + wanted else 1.0


def _count_leaves(value: Any) -> int:
    """How many fields say something. One that is null or empty says nothing, as if it were absent."""
    if isinstance(value, dict):
        return sum(map(_count_leaves, value.values()))
    if isinstance(value, list):
        return sum(map(_count_leaves, value))
    return 0 if value is None or value == "" else 1


def _shared_leaves(answer: Any, expected: Any) -> int:
    """How many fields agree. The order of a list does not count: its items are paired so that most fields agree."""
    if isinstance(answer, dict) and isinstance(expected, dict):
        return sum(_shared_leaves(answer[key], expected[key]) for key in answer.keys() & expected.keys())
    if isinstance(answer, list) and isinstance(expected, list):
        if not answer or not expected:
            return 0
        from scipy.optimize import linear_sum_assignment  # half a second, which most processes can do without

        rest = sum(map(_shared_leaves, answer[_MOST_ITEMS:], expected[_MOST_ITEMS:]))
        shared = np.array(
            [[_shared_leaves(item, other) for other in expected[:_MOST_ITEMS]] for item in answer[:_MOST_ITEMS]]
        )
        return int(shared[linear_sum_assignment(shared, maximize=True)].sum()) + rest
    if _count_leaves(answer) != 1 or isinstance(answer, dict | list):
        return 0
    return int(comparable(answer) == comparable(expected))


def text_of(value: Any) -> str:
    """A value that `comparable` gave, as a person would write it; units are left out, since they are written in many
    ways."""
    if isinstance(value, Quantity):
        whole = value.value.denominator == 1
        return str(value.value.numerator if whole else float(value.value))
    if isinstance(value, Date):
        return " ".join(str(part) for part in value.parts if part is not None)
    return str(value)


def comparable(leaf: Any) -> tuple[str, Any]:
    """A value with its type: 2 equals 2.0, but neither equals "2" or true. A text that is one number or date is
    compared by its value: "1,500 EUR" equals "€1500"."""
    if isinstance(leaf, str):
        return _comparable_text(leaf)
    if isinstance(leaf, bool):
        return "truth", leaf
    if isinstance(leaf, int | float):
        return "number", leaf
    return "nothing", None


@lru_cache(100_000)
def _comparable_text(leaf: str) -> tuple[str, Any]:
    text = " ".join(folded(leaf).casefold().split())
    if len(text) <= _LONGEST_VALUE:
        for found in (find_dates(text), find_quantities(text)):
            for (start, end), value in found:
                if not (text[:start] + text[end:]).strip():
                    return "value", value
    return "text", text
