"""Whether a text states a fact of another text: numbers, dates and times by value, a name by the share of its words."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
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
        return float(any(isinstance(v, TimeOfDay) and value.agrees_with(v) for v in answer.values(FactKind.TIME)))
    found = [str(stem) for stem in words if stem in answer.stems or unaccented(str(stem)) in answer.stems]
    if found and fact.kind is FactKind.NAME:  # E. Elmley
        found += [str(stem) for stem in words if str(stem) not in found and str(stem)[0] in answer.stems]
    return (len(found) / len(words)) ** 2


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
        return isinstance(theirs, Quantity) and ours.agrees_with(theirs)
    if isinstance(ours, Date):
        if isinstance(theirs, Quantity):
            return theirs.value == ours.year
        return isinstance(theirs, Date) and ours.agrees_with(theirs)
    return isinstance(ours, TimeOfDay) and isinstance(theirs, TimeOfDay) and ours.agrees_with(theirs)
