"""What a text states, piece by piece: numbers, dates, times of day, names, yes or no, refusals, and its other words."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from eval.refusals import refuses
from eval.scoring.dates import Date, TimeOfDay, find_dates, find_times
from eval.scoring.numbers import Quantity, Span, find_quantities
from eval.scoring.units import CURRENCY_SIGNS
from eval.scoring.words import find_words, folded, is_function_word, stem_of

_MOST_CHARACTERS = 20_000  # of a text that are read; an answer is never as long
_ALONE = r"(?=\s*(?:[^\w\s]|$)|\s+(?:it|they|he|she|there|you|the|this|that|we|i)\b)"  # "No cards" answers nothing
_YES = re.compile(rf"\W*(?:(?:yes|yeah|yep|correct|true|ja|oui|sí|si){_ALONE}|はい|是的|对)", re.I)
_NO = re.compile(rf"\W*(?:(?:no|nope|false|incorrect|nein|non){_ALONE}|いいえ|不是|否)", re.I)
_NEGATION = re.compile(
    r"\b(?:not|no|never|none|neither|nor|nobody|nothing|without|cannot|lacks?|lacking|refuses?|bans?|banned|prohibit\w*|"
    r"forbid\w*|closed to|nicht|kein\w*|nie|ohne|ne|pas|jamais|nunca)\b|n't\b",
    re.IGNORECASE,
)
_NO_NEGATION = re.compile(
    r"\b(?:no|nobody|nothing|none) (?:other|else|better)\b|\bno\. ?(?=\d)|"
    r"\b(?:no|not) (?:later|more|less|fewer|longer|earlier|only|just|merely|to mention)\b",
    re.IGNORECASE,
)
_CLAUSE_END = re.compile(r"[.!?;:,\n]+(?=\s|$)|\s+(?:but|and|while|whereas|although)\s+", re.I)
_CODE = re.compile(r"(?<![\w-])(?:[A-Z]{1,3}-?|[A-Z]{2,4}[ -])\d{1,6}[A-Za-z]?(?![\w-]|[.,]\d)")
_DAYS = {day[:3]: day for day in ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")}
_DAYS |= {day: day for day in _DAYS.values()} | {"tues": "tuesday", "thur": "thursday", "thurs": "thursday"}
_SENTENCE_END = re.compile(r"[.!?:\n]\s*[\"'“”(]*\s*$")


class FactKind(StrEnum):
    NUMBER = "number"
    DATE = "date"
    TIME = "time"
    CODE = "code"
    NAME = "name"
    WORD = "word"


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing stated. `values` are the stems of a name (one or more words) or of a word (one), or the one number,
    date, time (or day of the week) or code (L-02, B2B, 007); `is_negated` says that it stands in a clause with "not".
    It stands at `span` of the `folded` text."""

    kind: FactKind
    values: tuple[Hashable, ...]
    is_negated: bool = False
    span: Span = (0, 0)

    @property
    def is_hard(self) -> bool:
        """Whether it is right or wrong whatever words stand around it."""
        if self.kind is FactKind.NUMBER:
            return not self.quantity.is_soft
        return self.kind is not FactKind.WORD

    @property
    def quantity(self) -> Quantity:
        (value,) = self.values
        assert isinstance(value, Quantity)
        return value


@dataclass(frozen=True, slots=True)
class Said:
    """All that a text states. `stems` are those of all its words but function words, in any role; `says_yes` is None
    where it neither begins with yes nor with no; `refuses` where it says that it does not know or cannot answer."""

    facts: tuple[Fact, ...]
    stems: frozenset[str]
    says_yes: bool | None
    refuses: bool

    def values(self, kind: FactKind) -> list[Hashable]:
        return [value for fact in self.facts if fact.kind is kind for value in fact.values]


@dataclass(frozen=True, slots=True)
class Notation:
    """How a task writes what can be read in two ways: 1,500 and 05/03/2024."""

    decimal_comma: bool = False
    month_first: bool = False


def read(text: str, notation: Notation = Notation(), is_name: Callable[[str], bool] = lambda stem: False) -> Said:
    """`is_name` says of a stem that it is known to be a name, where the capitals here do not tell."""
    text = folded(text[:_MOST_CHARACTERS])
    found: list[tuple[Span, FactKind, Hashable]] = []
    for kind, spans in (
        (FactKind.DATE, find_dates(text, notation.month_first)),
        (FactKind.TIME, find_times(text)),
        (FactKind.CODE, _find_codes(text)),
        (FactKind.NUMBER, find_quantities(text, notation.decimal_comma)),
    ):
        found += [(span, kind, value) for span, value in spans if not _overlaps(span, found)]
    found.sort(key=lambda each: each[0])
    negated = _negated_clauses(text)
    answered = max((match.end() for match in (_YES.match(text), _NO.match(text)) if match), default=0)
    facts = [Fact(kind, (value,), negated(span[0]), span) for span, kind, value in found]
    starts = [span[0] for span, _, _ in found]
    has_no_capitals = not any(map(str.isupper, text[1:]))
    stems: set[str] = {str(value) for _, kind, value in found if kind is FactKind.CODE}
    name: list[str] = []
    name_start = name_end = -1

    def end_name() -> None:
        if name:
            facts.append(Fact(FactKind.NAME, tuple(name), negated(name_start), (name_start, name_end)))
            name.clear()

    for match in find_words(text):
        at = bisect_right(starts, match.start()) - 1
        if at >= 0 and match.start() < found[at][0][1]:
            continue
        word = match[0]
        is_initial = len(word) == 1 and word.isupper() and text[match.end() : match.end() + 1] == "."
        if (is_function_word(word) and not is_initial) or _NEGATION.search(word) or match.end() <= answered:
            continue
        if (day := _day_of(word)) is not None:
            stems.add(day)
            facts.append(Fact(FactKind.TIME, (day,), negated(match.start()), match.span()))
            continue
        stem = stem_of(word)
        stems.add(stem)
        if _looks_like_name(text, match.start(), word) or (is_name(stem) and (word[0].isupper() or has_no_capitals)):
            if name and text[name_end : match.start()].strip(" -&") == "":
                name.append(stem)
            else:
                end_name()
                name[:], name_start = [stem], match.start()
            name_end = match.end()
        else:
            kind = FactKind.CODE if any(map(str.isdigit, word)) else FactKind.WORD
            facts.append(Fact(kind, (stem,), negated(match.start()), match.span()))
    end_name()
    return Said(tuple(facts), frozenset(stems), _says_yes(text), refuses(text))


def _day_of(word: str) -> str | None:
    """Monday of Mon, Mondays and Monday; in small letters sun and wed are other words."""
    if not word[0].isupper():
        return None
    plain = word.casefold()
    return _DAYS.get(plain) or _DAYS.get(plain.removesuffix("s"))


def _find_codes(text: str) -> Iterator[tuple[Span, str]]:
    """What is a few capitals and digits: L-02, B12, ISO 9001; an amount of money is none."""
    for match in _CODE.finditer(text):
        code = match[0].replace("-", "").replace(" ", "")
        if code.rstrip("0123456789") not in CURRENCY_SIGNS:
            yield match.span(), code.casefold()


def _looks_like_name(text: str, start: int, word: str) -> bool:
    """Capitals within a sentence; at the beginning of one they tell nothing, unless there are two."""
    if not any(letter.isupper() for letter in word):
        return False
    return sum(letter.isupper() for letter in word) > 1 or not _begins_sentence(text, start)


def _begins_sentence(text: str, start: int) -> bool:
    before = text[max(0, start - 4) : start]
    return not before.strip(" \"'“”(") or bool(_SENTENCE_END.search(before))


def _says_yes(text: str) -> bool | None:
    if text.strip(" .!").casefold() in ("not", "never"):
        return False
    return True if _YES.match(text) else False if _NO.match(text) else None


def _negated_clauses(text: str) -> Callable[[int], bool]:
    """Whether what stands at a place is in a clause with a negation. A "no" that answers is none."""
    answered = _NO.match(text)
    kept = _NO_NEGATION.sub(lambda match: " " * len(match[0]), text)
    if answered:
        kept = " " * answered.end() + kept[answered.end() :]
    if not _NEGATION.search(kept):
        return lambda place: False
    ends = [match.end() for match in _CLAUSE_END.finditer(kept)]
    bounds = [0, *ends, len(kept) + 1]
    flags = [bool(_NEGATION.search(kept[a:b])) for a, b in pairwise(bounds)]
    return lambda place: flags[min(bisect_right(bounds, place) - 1, len(flags) - 1)]


def _overlaps(span: Span, found: Sequence[tuple[Span, FactKind, Hashable]]) -> bool:
    return any(start < span[1] and span[0] < end for (start, end), _, _ in found)


__all__ = ["Date", "Fact", "FactKind", "Notation", "Said", "TimeOfDay", "read"]
