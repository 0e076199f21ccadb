"""What other evaluation tools recorded: answers with their scores, and what tells the strategies apart."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal

from eval.reading.decoding import number

# A value from 0 to 1 if the tool scores like that; None where it has no score; a text that is no number as it stands.
Score = float | str | None
Better = Literal["higher", "lower"]

_WORDS = MappingProxyType(
    {"true": 1.0, "yes": 1.0, "pass": 1.0, "passed": 1.0, "correct": 1.0}
    | {"false": 0.0, "no": 0.0, "fail": 0.0, "failed": 0.0, "incorrect": 0.0}
)
_NOTHING = ("", "nan", "none", "null", "n/a")
_DECIMAL_COMMA = re.compile(r"([+-]?\d*),(\d+)", re.ASCII)
_LONGEST = 60  # signs of a value that is shown


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """One answer as a tool recorded it. `place` says where in its file. `example` is the same in every file of the same
    test set, and `repeat` counts the answers of one strategy to it, from 1. `scores` are by metric. `error` is a
    sentence or more of the tool if there is no answer. `cost` is in USD. None: the tool didn't record it."""

    place: str
    example: str
    scores: dict[str, Score]
    repeat: int = 1
    error: str = ""
    seconds: float | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class AnswerSet:
    """The answers of one strategy in one file. `facets` say how it differs from others ("model", "task", "prompt"),
    what matters most first; each value can be read without its key."""

    facets: dict[str, str]
    answers: tuple[ToolAnswer, ...]


@dataclass(frozen=True, slots=True)
class ToolResults:
    """What one file of a tool holds. `main_metric` is the tool's own verdict on an answer, "" if it has none.
    `better` says which values are better, for metrics of which the file shows it. `notes` are sentences on how it was
    read."""

    tool: str
    sets: tuple[AnswerSet, ...]
    main_metric: str = ""
    better: dict[str, Better] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def score_in(value: Any) -> Score:
    """A score as tools and people write it: 0.87, "0,87", "87 %", true or "pass"."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool | int | float):
        return float(value) if abs(value) < math.inf and abs(value) < 1e300 else str(value)[:_LONGEST]
    if not isinstance(value, str):
        return cut(json.dumps(value, ensure_ascii=False, default=str))
    text = value.strip()
    if (word := text.casefold()) in _NOTHING:
        return None
    if word in _WORDS:
        return _WORDS[word]
    share = text.removesuffix("%").rstrip()
    found = number(_DECIMAL_COMMA.sub(r"\1.\2", share) if _DECIMAL_COMMA.fullmatch(share) else share)
    if found is None:
        return cut(text)
    return found / 100 if share != text else found


def content_id(*parts: Any) -> str:
    """The same for the same content, in whatever file it stands."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:16]


def numbered(answers: Iterable[ToolAnswer]) -> Iterator[ToolAnswer]:
    """The answers of one strategy where what was asked is all that identifies an example: what comes again is a
    repeat."""
    seen: dict[str, int] = {}
    for answer in answers:
        seen[answer.example] = seen.get(answer.example, 0) + 1
        yield replace(answer, repeat=seen[answer.example])


def cut(text: str) -> str:
    """A text on one line that can be shown; a terminal would obey what cannot be printed."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text[: 4 * _LONGEST]).split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
