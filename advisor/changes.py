"""What is different between two runs: in the data, and in the result of each strategy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eval.task import Example, normalised


@dataclass(frozen=True, slots=True)
class DataChange:
    """Examples by their normalised input: new ones, gone ones, and (before, after) where the answer is another."""

    added: tuple[Example, ...]
    removed: tuple[Example, ...]
    changed: tuple[tuple[Example, Example], ...]
    unchanged: int


@dataclass(frozen=True, slots=True)
class ResultChange:
    """A strategy's score in two runs; `difference` (after - before) with its 95 % range, None where one has none."""

    strategy: str
    before: float | None
    after: float | None
    difference: float | None
    low: float | None
    high: float | None


def compare_data(before: Sequence[Example], after: Sequence[Example]) -> DataChange:
    """Rows with equal inputs are paired in their order, those with equal answers first."""
    old, new = _by_input(before), _by_input(after)
    added: list[Example] = []
    removed: list[Example] = []
    changed: list[tuple[Example, Example]] = []
    unchanged = 0
    for key in old.keys() | new.keys():
        gone, come = _without_common(old.get(key, []), new.get(key, []))
        unchanged += len(new.get(key, [])) - len(come)
        pairs = min(len(gone), len(come))
        changed += zip(gone[:pairs], come[:pairs], strict=True)
        removed += gone[pairs:]
        added += come[pairs:]
    order_before = {example.id: place for place, example in enumerate(before)}
    order_after = {example.id: place for place, example in enumerate(after)}
    return DataChange(
        tuple(sorted(added, key=lambda example: order_after[example.id])),
        tuple(sorted(removed, key=lambda example: order_before[example.id])),
        tuple(sorted(changed, key=lambda pair: order_after[pair[1].id])),
        unchanged,
    )


def compare_results(before: dict[str, Any], after: dict[str, Any]) -> list[ResultChange]:
    """Every strategy of either report (schema 1), in the order of the later one."""
    old = {one["name"]: one["score"] for one in before["candidates"]}
    new = {one["name"]: one["score"] for one in after["candidates"]}
    return [_result(name, old.get(name), new.get(name)) for name in dict.fromkeys([*new, *old])]


def _result(name: str, before: dict[str, Any] | None, after: dict[str, Any] | None) -> ResultChange:
    """The range is from the two intervals by the method of square and add, for measurements on different rows.

    Newcombe, Interval estimation for the difference between independent proportions, Statistics in Medicine 17 (1998).
    """
    old = before["mean"] if before else None
    new = after["mean"] if after else None
    if before is None or after is None or old is None or new is None:
        return ResultChange(name, old, new, None, None, None)
    down = math.hypot(new - after["low"], before["high"] - old)
    up = math.hypot(after["high"] - new, old - before["low"])
    return ResultChange(name, old, new, new - old, new - old - down, new - old + up)


def _by_input(examples: Sequence[Example]) -> dict[str, list[Example]]:
    found: dict[str, list[Example]] = {}
    for example in examples:
        found.setdefault(normalised(example.input), []).append(example)
    return found


def _without_common(before: Sequence[Example], after: Sequence[Example]) -> tuple[list[Example], list[Example]]:
    """What is left of two lists of examples once those with equal answers are paired off."""
    left = list(after)
    gone = []
    for example in before:
        twin = next((one for one in left if one.target.strip() == example.target.strip()), None)
        if twin is None:
            gone.append(example)
        else:
            left.remove(twin)
    return gone, left
