"""Numbers with all that belongs to them: 3 minutes 30 seconds is one duration, 15 metres per second one speed, and
twice a year means every six months."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from eval.scoring.numbers import Quantity, Span, find_quantities
from eval.scoring.units import CURRENCY_SIGNS, DIMENSIONS, TIMES, UNITS

_SPELLINGS = sorted((re.escape(each) for each, unit in UNITS.items() if unit in TIMES), key=len, reverse=True)
_TIME = rf"(?P<time>{'|'.join(_SPELLINGS)})(?!\w)(?!\s+(?:ago|later|earlier|before)\b)"
_PER = rf"(?:\s?/\s?|\s+(?:per|pro|par|por|an?|each|every)\s+){_TIME}"
_PER_TIME = re.compile(_PER, re.IGNORECASE)
_COUNTED_PER_TIME = re.compile(
    rf"(?:[\s-]+(?!(?:and|or|but|to|in|on|at|of|for|from|than|times)\b)[^\W\d_]+){{1,2}}{_PER}", re.IGNORECASE
)
_TIMES_PER = re.compile(rf"\s+times{_PER}", re.IGNORECASE)
_CURRENCIES = frozenset(CURRENCY_SIGNS.values())
_HOW_OFTEN = {"once": 1, "twice": 2, "thrice": 3}
_OFTEN = re.compile(rf"\b(?P<often>{'|'.join(_HOW_OFTEN)})\b(?:{_PER})?", re.IGNORECASE)
_ADVERBS = {"hourly": "hour", "daily": "day", "weekly": "week", "monthly": "month", "yearly": "year",
            "annually": "year"}  # fmt: skip
_EVERY = re.compile(
    rf"\b(?:(?P<adverb>{'|'.join(_ADVERBS)})\b|(?:an?|each|every)\s+(?P<other>other\s+)?{_TIME})", re.IGNORECASE
)
_DURATION = re.compile(r"(?<![\w:.,])(\d{1,3}):([0-5]\d)\s?(minutes|minute|mins|min|hours|hour|hrs|h)\b", re.IGNORECASE)
_AND = re.compile(r"\s*,?\s*(?:(?:and|und|et|y)\s+)?")
_AND_A_HALF = re.compile(r"\s+and\s+a\s+half\b")
_TO = re.compile(r"\s*(?:to|and|or|bis|und|à|et|y|a|-|–|—)\s*")
_INCHES = re.compile(r"\s?(?:in\b|\"|'')")


def find_measures(text: str, decimal_comma: bool = False) -> Iterator[tuple[Span, Quantity]]:
    """The numbers in a text (NFKC), in order, each with its unit, the smaller units that follow it and the time it is
    per. How often something happens is the time from once to the next, so that weekly equals every seven days."""
    found: list[tuple[Span, Quantity]] = []
    taken: list[Span] = []

    def take(span: Span, quantity: Quantity) -> None:
        found.append((span, quantity))
        taken.append(span)

    for match in _DURATION.finditer(text):
        larger = Quantity(Fraction(int(match[1])), UNITS[match[3].lower()])
        parts = Fraction(int(match[2]), 60)
        take(match.span(), replace(larger, value=larger.value + parts))
    for match in _OFTEN.finditer(text):
        count = _HOW_OFTEN[match["often"].lower()]
        take(match.span(), _period(count, match["time"]) if match["time"] else Quantity(Fraction(count), is_soft=True))
    for span, quantity in sorted(find_quantities(text, decimal_comma), key=lambda each: each[0]):
        if any(start < span[1] and span[0] < end for start, end in taken):
            continue
        if times := _TIMES_PER.match(text, span[1]):
            take((span[0], times.end()), _period(quantity.value, times["time"]))
        elif per := _PER_TIME.match(text, span[1]):
            take((span[0], per.end()), replace(quantity, per=_unit_of(per["time"])))
        elif per := _COUNTED_PER_TIME.match(text, span[1]):
            found.append((span, replace(quantity, per=_unit_of(per["time"]))))
            taken.append((span[0], per.end()))  # but the words between are read
        else:
            found.append((span, quantity))
    taken += [span for span, _ in found]
    for match in _EVERY.finditer(text):
        if not any(start < match.end() and match.start() < end for start, end in taken):
            unit = _ADVERBS[match["adverb"].lower()] if match["adverb"] else _unit_of(match["time"])
            is_counted = not match["other"]
            found.append((match.span(), Quantity(Fraction(1 if is_counted else 2), unit, is_soft=is_counted)))
    yield from _with_units(text, list(_joined(text, sorted(found, key=lambda each: each[0]))))


def _unit_of(spelling: str) -> str:
    return UNITS[spelling.lower()]


def _period(count: int | Fraction, time: str) -> Quantity:
    return Quantity(Fraction(1) / (count or 1), _unit_of(time))


def _with_units(text: str, found: list[tuple[Span, Quantity]]) -> Iterator[tuple[Span, Quantity]]:
    """Both ends of a range have the unit that is written once: 3 to 5 days, $10-20."""
    for at, (span, quantity) in enumerate(found):
        before, after = found[at - 1] if at else None, found[at + 1] if at + 1 < len(found) else None
        if not quantity.unit and after and after[1].unit and _TO.fullmatch(text, span[1], after[0][0]):
            quantity = replace(quantity, unit=after[1].unit)
        elif (
            not quantity.unit
            and before
            and before[1].unit in _CURRENCIES
            and _TO.fullmatch(text, before[0][1], span[0])
        ):
            quantity = replace(quantity, unit=before[1].unit if not re.match(r"\s?\w", text[span[1] :]) else "")
        yield span, quantity


def _joined(text: str, found: list[tuple[Span, Quantity]]) -> Iterator[tuple[Span, Quantity]]:
    """One quantity for 3 minutes 30 seconds, 5 dollars and 20 cents, an hour and a half."""
    at = 0
    while at < len(found):
        span, quantity = found[at]
        at += 1
        while at < len(found):
            next_span, smaller = found[at]
            whole = _whole(quantity, smaller, text, span, next_span)
            if whole is None:
                break
            end = next_span[1]
            if quantity.unit == "foot" and not smaller.unit and (inches := _INCHES.match(text, end)):
                end = inches.end()
            span, quantity = (span[0], end), whole
            at += 1
        yield span, quantity


def _whole(larger: Quantity, smaller: Quantity, text: str, span: Span, next_span: Span) -> Quantity | None:
    """Both as one quantity; None if the second doesn't continue the first."""
    if smaller.value < 0 or smaller.bound or larger.per or span[1] > next_span[0]:
        return None
    if smaller.value == Fraction(1, 2) and _AND_A_HALF.match(text, span[1]) and not (larger.unit and smaller.unit):
        unit = larger.unit or smaller.unit
        return replace(larger, value=larger.value + smaller.value, unit=unit, is_soft=False)
    if not larger.unit or not _AND.fullmatch(text, span[1], next_span[0]):
        return None
    if "," in text[span[1] : next_span[0]] and larger.unit not in (*TIMES, "foot"):  # 7 km, 450 m
        return None
    unit = smaller.unit
    if larger.unit == "foot" and not unit and _INCHES.match(text, next_span[1]):
        unit = "inch"
    if not unit:
        return None
    (dimension, size), (other, part) = DIMENSIONS[larger.unit], DIMENSIONS[unit]
    if dimension != other or smaller.value * part >= size:
        return None
    return replace(larger, value=larger.value * size / part + smaller.value, unit=unit, is_soft=False, per=smaller.per)
