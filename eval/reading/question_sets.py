"""The answers in question sets, such as SQuAD, TriviaQA and Natural Questions, and lists as tables hold them."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from eval.mapping.names import plain

_MOST_CHARACTERS = 100_000  # a longer cell isn't read as a list or object
_POSITIONS = re.compile("start|end|id|offset|token|byte|pos|index|category", re.IGNORECASE)
_ARRAY = re.compile(r"\barray\((\[.*?\])(?:, dtype=[^)]*)?\)", re.DOTALL)  # of pandas
_TEXT = r"(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
_WITHOUT_COMMAS = re.compile(rf"\[\s*{_TEXT}(?:\s+{_TEXT})+\s*\]")  # of NumPy; Python reads one text
_BEGINNING = re.compile(r"[\[\s]*\{['\"](?:text|answer_start|value|aliases)['\"]:", re.IGNORECASE)


def answers_of(column: str, value: Any) -> list[str] | None:
    """The answers in a question set's value: SQuAD's {"text": […], "answer_start": […]} or list of {"text": …,
    "answer_start": …}, TriviaQA's {"value": …, "aliases": […]}. None if it is something else, such as fields to
    extract."""
    if isinstance(value, dict):
        known = {key.casefold(): one for key, one in value.items()}
        if isinstance(known.get("aliases"), list) and isinstance(known.get("value"), str):
            return [known["value"], *map(str, known["aliases"])]
        if isinstance(known.get("text"), list) and "answer_start" in known:
            return [str(text) for text in known["text"]]
        return None
    if not isinstance(value, list) or not all(isinstance(one, dict) and "text" in one for one in value):
        return None
    if not all("answer_start" in one for one in value) and "answer" not in plain(column):
        return None
    if any(key != "text" and not _POSITIONS.search(key) for one in value for key in one):
        return None
    return [str(one["text"]) for one in value]


def with_plain_answers(column: str, cells: Sequence[str]) -> list[str] | None:
    """A column of such values that a table holds as JSON or Python, as JSON lists of texts; an empty text where there
    is no answer. None if it is another column."""
    if not _BEGINNING.match(next((cell for cell in cells if cell.strip()), "")):
        return None
    found = [answers_of(column, parsed(cell)) if cell.strip() else [] for cell in cells]
    if any(answers is None for answers in found):
        return None
    return [json.dumps(distinct(answers), ensure_ascii=False) if answers else "" for answers in found]


def parsed(cell: str) -> Any:
    """The list or object in a cell, as JSON, Python, pandas or NumPy write it; None if it holds none."""
    text = cell.strip()
    if text[:1] not in ("[", "{") or len(text) > _MOST_CHARACTERS:
        return None
    text = _ARRAY.sub(r"\1", text)
    if _WITHOUT_COMMAS.fullmatch(text):
        text = f"[{', '.join(re.findall(_TEXT, text))}]"
    for read in (json.loads, ast.literal_eval):
        with suppress(ValueError, SyntaxError, RecursionError, MemoryError):
            return read(text)
    return None


def distinct(answers: Sequence[str]) -> tuple[str, ...]:
    """The answers without empty ones, and without those that differ from an earlier one only in case or blanks."""
    kept: dict[str, str] = {}
    for answer in answers:
        kept.setdefault(" ".join(answer.casefold().split()), answer.strip())
    return tuple(answer for answer in kept.values() if answer)
