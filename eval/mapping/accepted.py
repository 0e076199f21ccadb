"""Several right answers in one cell: a list, or texts separated by ||. Any of them counts as right."""

from __future__ import annotations

from collections.abc import Sequence

from eval.reading.question_sets import distinct, parsed
from eval.scoring.code import is_code

SEPARATOR = "||"
_MOSTLY = 0.5  # share of rows with a list from which the column counts as holding several answers
_SOME = 0.02  # || means nothing else, so few rows are enough
_SHOWN = 3


def accepted_answers(cells: Sequence[str]) -> list[tuple[str, ...]] | None:
    """The right answers of each cell, none for an empty list; strategies learn from the first. None if most cells hold
    a single answer."""
    found = [_answers_in(cell) for cell in cells]
    several = sum(answers != (cell,) for answers, cell in zip(found, cells, strict=True))
    is_parted = sum(len(answers) > 1 and cell[:1] != "[" for answers, cell in zip(found, cells, strict=True))
    has_several = any(found) and (several >= _MOSTLY * len(cells) or is_parted > max(1, _SOME * len(cells)))
    return found if has_several else None


def any_of(answers: Sequence[str]) -> str:
    """Right answers for a person to read: the only one, or the first few and how many more there are."""
    if len(answers) < 2:
        return "".join(answers)
    more = f" (and {len(answers) - _SHOWN:,} more)" if len(answers) > _SHOWN else ""
    return f"any of: {f' {SEPARATOR} '.join(answers[:_SHOWN])}{more}"


def _answers_in(cell: str) -> tuple[str, ...]:
    if cell.startswith("["):
        items = parsed(cell)
        if isinstance(items, list) and all(item is None or isinstance(item, str | int | float) for item in items):
            return distinct(["" if item is None else str(item) for item in items])
        return (cell,)
    if SEPARATOR not in cell or is_code(cell):
        return (cell,)
    return distinct(cell.split(SEPARATOR)) or (cell,)
