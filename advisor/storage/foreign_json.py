"""JSON in files that other people made: without what Python reads and a page, a chart or the database can't show."""

from __future__ import annotations

import json
from typing import NoReturn

LARGEST = 1e18  # of a number: squares of it are still finite, and SQLite keeps it
DEEPEST = 50  # lists and objects in one another


def read_foreign(content: str | bytes, largest: float = LARGEST) -> object:
    """The value. Raises ValueError if it isn't JSON, if a number in it isn't finite or is beyond `largest`, or if it is
    nested deeper than `DEEPEST`."""

    def whole_number(digits: str) -> int:
        return int(digits) if abs(int(digits)) <= largest else _refuse(digits)

    def number(digits: str) -> float:
        return float(digits) if abs(float(digits)) <= largest else _refuse(digits)  # infinity is larger than any

    try:
        found = json.loads(content, parse_float=number, parse_int=whole_number, parse_constant=_refuse)
    except RecursionError as wrong:
        raise ValueError("the JSON is nested too deeply") from wrong
    level, depth = [found], 0
    while level := [child for each in level for child in _within(each)]:
        depth += 1
        if depth > DEEPEST:
            raise ValueError("the JSON is nested too deeply")
    return found


def check_foreign_lines(content: bytes) -> None:
    """As `read_foreign`, for a file with one JSON value per line."""
    for line in content.decode().splitlines():
        read_foreign(line)


def _within(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _refuse(digits: str) -> NoReturn:
    raise ValueError(f"the number {digits[:20]} is out of range")
