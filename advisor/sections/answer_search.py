"""Finding answers by their text, also with a regular expression.

RE2 matches in time proportional to the text, so no expression can keep a page busy; it comes with pyarrow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from advisor.storage.own_marks import OwnMark
from eval.outcomes import Outcome
from eval.task import BadInput, Example

_REFUSED = "Invalid regular expression: "  # how RE2's own words begin
_LONGEST_SAID = 60  # characters of an expression that an error repeats


class Place(StrEnum):
    """Where to search."""

    EVERYWHERE = "everywhere"
    INPUT = "input"
    EXPECTED = "expected"
    ANSWERS = "answers"
    NOTES = "notes"


@dataclass(frozen=True, slots=True)
class Search:
    """`text` is found in any case; it is a regular expression if `is_pattern`."""

    text: str = ""
    is_pattern: bool = False
    place: Place = Place.EVERYWHERE


class Searchable(Protocol):
    """A row of a test set with answers and the person's marks on them."""

    @property
    def example(self) -> Example: ...
    @property
    def outcomes(self) -> Mapping[str, Outcome]: ...
    @property
    def marks(self) -> Mapping[str, OwnMark]: ...


_Row = TypeVar("_Row", bound=Searchable)


def matching(rows: Sequence[_Row], search: Search) -> list[_Row]:
    """The rows in which the text is found, in their order. Raises BadInput if it isn't a regular expression."""
    wanted = search.text if search.is_pattern else search.text.strip()
    if not wanted:
        return list(rows)
    texts = [_texts(row, search.place) for row in rows]
    if not search.is_pattern:
        folded = wanted.casefold()
        return [row for row, each in zip(rows, texts, strict=True) if any(folded in text.casefold() for text in each)]
    found = iter(_found([_encodable(text) for each in texts for text in each], wanted))
    hits = [[next(found) for _ in each] for each in texts]
    return [row for row, each in zip(rows, hits, strict=True) if any(each)]


def _texts(row: Searchable, place: Place) -> list[str]:
    texts = {
        Place.INPUT: [row.example.input],
        Place.EXPECTED: list(row.example.answers),
        Place.ANSWERS: [outcome.error or outcome.text for outcome in row.outcomes.values()],
        Place.NOTES: [mark.note for mark in row.marks.values() if mark.note],
    }
    return texts[place] if place in texts else [text for each in texts.values() for text in each]


def _found(texts: list[str], pattern: str) -> list[bool]:
    """Where each line of a text is looked at by itself for ^ and $."""
    try:
        matches = pc.match_substring_regex(
            pa.array(texts, pa.large_string()), pattern=f"(?m){_encodable(pattern)}", ignore_case=True
        )
    except pa.ArrowInvalid as wrong:
        raise BadInput(_refusal(str(wrong))) from wrong
    return [bool(one) for one in matches.to_pylist()]


def _refusal(said: str) -> str:
    """What RE2 refuses, as "missing ): (ab", in one sentence."""
    problem, _, part = said.removeprefix(_REFUSED).partition(": ")
    shown = part.removeprefix("(?m)")
    shown = shown if len(shown) <= _LONGEST_SAID else f"{shown[:_LONGEST_SAID]}…"
    match problem:
        case "missing )" | "missing ]":
            return f"A closing “{problem[-1]}” is missing in “{shown}”."
        case "unexpected )":
            return "There is a “)” without a “(” before it. To search for the sign itself, write “\\)”."
        case "no argument for repetition operator":
            return f"“{shown}” has nothing before it to repeat. To search for the sign itself, write “\\{shown}”."
        case "invalid perl operator" | "invalid escape sequence":
            return f"“{shown}” isn't supported: lookarounds and backreferences would make searching slow."
        case "invalid repetition size":
            return f"“{shown}” repeats too often: use at most 1,000 repetitions in all."
        case _:
            return f"This isn't a regular expression we can use ({problem}{f': “{shown}”' if shown else ''})."


def _encodable(text: str) -> str:
    """People's files contain half surrogate pairs, which have no UTF-8."""
    return text.encode(errors="replace").decode()
