"""Several right answers in one cell: a list, or texts separated by ||. Any of them counts as right."""

from __future__ import annotations

import ast
import json
from collections.abc import Sequence

from eval.scoring.code import looks_like_code

SEPARATOR = "||"
_MOSTLY = 0.5  # share of rows with a list from which the column counts as holding several answers
_MOST_CHARACTERS = 20_000  # a longer cell isn't read as a list


def accepted_answers(cells: Sequence[str]) -> list[tuple[str, ...]] | None:
    """The right answers of each cell; strategies learn from the first. None if most cells hold a single answer."""
    found = [_answers_in(cell) for cell in cells]
    several = sum(len(answers) > 1 or answers[0] != cell for answers, cell in zip(found, cells, strict=True))
    return found if cells and several >= _MOSTLY * len(cells) else None


def _answers_in(cell: str) -> tuple[str, ...]:
    is_whole = cell.startswith("[") or looks_like_code(cell)
    parts = _list_in(cell) if is_whole else cell.split(SEPARATOR)
    kept = tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))
    return kept or (cell,)


def _list_in(cell: str) -> list[str]:
    """The texts of a JSON or Python list; the cell itself if it isn't a list of texts."""
    items = None
    if len(cell) <= _MOST_CHARACTERS:
        for read in (json.loads, ast.literal_eval):
            try:
                items = read(cell)
                break
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                continue
    is_list = isinstance(items, list) and items and all(isinstance(item, str | int | float) for item in items)
    return [str(item) for item in items] if is_list and items else [cell]
