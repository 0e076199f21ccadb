"""Whether a text states a fact of another text: numbers, dates and times by value, a name by the share of its words."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from fractions import Fraction

from eval.scoring.dates import Date, TimeOfDay
from eval.scoring.numbers import Quantity
from eval.scoring.reading import Fact, FactKind, Said
from eval.scoring.words import unaccented

_WITHOUT_UNIT = 0.5  # share for a number if only one side writes the unit
_PARTLY_DATED = 0.5  # share for a date that lacks a part


def share_stated(fact: Fact, words: Sequence[Hashable], answer: Said, asked: Said) -> float:
    """How much of a fact an answer states. For names and words: the square of the share of `words` (those that count)
    that it contains, so that half a name is worth little."""
    value = fact.values[0]
    if isinstance(value, Quantity):
        units = {fact.quantity.unit for fact in asked.facts if fact.kind is FactKind.NUMBER} | {
            unit for unit in (value.unit,) if unit and unit[:4] in {stem[:4] for stem in asked.stems}
        }
        shares = [_same_quantity(value, other, units) for other in _quantities(answer)]
        return max(shares, default=0.0)
    if isinstance(value, Date):
        return max((_same_date(value, other) for other in _dates(answer)), default=0.0)
    if isinstance(value, TimeOfDay):
        return float(any(_agree(value, other.values[0]) for other in answer.facts))
    if fact.kind is FactKind.CODE and _states_code(str(value), answer):
        return 1.0
    found = {str(stem) for stem in words if stem in answer.stems or unaccented(str(stem)) in answer.stems}
    if fact.kind is not FactKind.NAME:
        return (len(found) / len(words)) ** 2
    if not found:
        return float(any(is_short_for(other, fact) or is_short_for(fact, other) for other in answer.facts))
    named = {str(value) for value in answer.values(FactKind.NAME)}
    missing = {str(stem) for stem in words} - found
    abbreviated = {one for one in missing if spells_out(one, named)}  # E. Elmley
    if len(str(words[-1])) > 1 and not any(len(one) == 1 and one not in words for one in named):  # no other initials
        abbreviated |= {one for one in missing if len(one) == 1}
    share = 0.0 if _is_split(frozenset(words), answer) else len(found | abbreviated) / len({*words})
    return share**2


def _is_split(words: frozenset[Hashable], answer: Said) -> bool:
    """Whether other names of an answer split these words among them: "Anna Lee and Tom Berg" names no Anna Berg."""
    holders = [names for fact in answer.facts if fact.kind is FactKind.NAME and (names := {*fact.values}) & words]
    return len(holders) > 1 and all(len(names) > 1 and names - words for names in holders)


def is_short_for(short: Fact, name: Fact) -> bool:
    """Whether a name consists of the first letters of another: NYC is New York City."""
    if short.kind is not FactKind.NAME or name.kind is not FactKind.NAME or len(name.values) < 2:
        return False
    is_one = len(short.values) == 1 or all(len(str(letter)) == 1 for letter in short.values)
    return is_one and "".join(map(str, short.values)) == "".join(str(word)[0] for word in name.values)


def spells_out(stem: str, names: Iterable[Hashable]) -> bool:
    """Whether a word of a name is an initial of one of these words, or one of them is its initial."""
    return any(stem[0] == other or stem == str(other)[:1] for other in names)


def names_only_the_last(name: Fact, answer: Said, text: str) -> bool:
    """Whether an answer (`folded`) has the last word of a name of several words, a surname if it is a person's, on its
    own and with a capital."""
    if name.kind is not FactKind.NAME or len(name.values) < 2:
        return False
    return any(fact.values == (name.values[-1],) and text[fact.span[0]].isupper() for fact in answer.facts)


def _states_code(code: str, answer: Said) -> bool:
    """Whether an answer writes a code of digits as numbers: 5550142, or 1 to 4 for 1:4."""
    stated = [str(each.values[0].value) for each in answer.facts if isinstance(each.values[0], Quantity)]
    parts = code.split(":")
    return any(stated[at : at + len(parts)] == parts for at in range(len(stated)))


def _same_quantity(expected: Quantity, stated: Quantity, units_asked: set[str]) -> float:
    if not expected.agrees_with(stated):
        return 0.0
    has_both = bool(expected.unit) == bool(stated.unit)
    return 1.0 if has_both or (expected.unit or stated.unit) in units_asked else _WITHOUT_UNIT


def _same_date(expected: Date, stated: Date) -> float:
    if stated.says_all_of(expected):
        return 1.0
    return _PARTLY_DATED if expected.agrees_with(stated) and any(p is not None for p in stated.parts) else 0.0


def _quantities(said: Said) -> Iterator[Quantity]:
    for fact in said.facts:
        value = fact.values[0]
        if isinstance(value, Quantity):
            yield value
        elif isinstance(value, Date) and value.year is not None:
            yield Quantity(Fraction(value.year))


def _dates(said: Said) -> Iterator[Date]:
    for fact in said.facts:
        value = fact.values[0]
        if isinstance(value, Date):
            yield value
        elif isinstance(value, Quantity) and not value.unit and value.value.denominator == 1 and value.value >= 1000:
            yield Date(int(value.value), None, None)


def agrees_with_any(fact: Fact, others: Sequence[Fact]) -> bool:
    return any(_agree(fact.values[0], other.values[0]) for other in others)


def _agree(ours: Hashable, theirs: Hashable) -> bool:
    """Whether two numbers, dates or times mean the same. A year agrees with a date in that year."""
    if isinstance(ours, Quantity):
        if isinstance(theirs, Date):
            return ours.value == theirs.year
        if isinstance(theirs, TimeOfDay):
            return _as_time(ours) == theirs
        if isinstance(theirs, str):  # a code
            return str(ours.value) in theirs.split(":")
        return isinstance(theirs, Quantity) and ours.agrees_with(theirs)
    if isinstance(ours, Date):
        if isinstance(theirs, Quantity):
            return theirs.value == ours.year
        return isinstance(theirs, Date) and ours.agrees_with(theirs)
    if isinstance(ours, TimeOfDay) and isinstance(theirs, Quantity):
        return _as_time(theirs) == ours
    return isinstance(ours, TimeOfDay) and isinstance(theirs, TimeOfDay) and ours.agrees_with(theirs)


def _as_time(number: Quantity) -> TimeOfDay | None:
    """14.45 as a quarter to three in the afternoon."""
    hour, minute = divmod(number.value * 100, 100)
    is_time = not number.unit and 0 <= hour < 24 and 0 < minute < 60 and minute.denominator == 1
    return TimeOfDay(int(hour) * 60 + int(minute), is_open=False) if is_time else None
