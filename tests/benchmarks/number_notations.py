"""Numbers, sums of money, dates, times and periods in English texts, whatever the notation."""

from __future__ import annotations

import re
from calendar import month_name
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

_SMALL = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_WORDS = {word: at for at, word in enumerate(_SMALL)} | {word: 10 * at for at, word in enumerate(_TENS, start=2)}
_WORDS |= {"hundred": 100, "thousand": 1_000}
_SCALES = {"k": 1e3, "thousand": 1e3, "m": 1e6, "mn": 1e6, "mln": 1e6, "million": 1e6, "bn": 1e9, "billion": 1e9}
_WORD = "|".join(sorted(_WORDS, key=len, reverse=True))
_NUMERAL = re.compile(
    rf"""(?<![\w.,/])(?:
        (?P<digits>\d{{1,3}}(?:[,\u202f\u00a0 ]\d{{3}})+(?:\.\d+)?|\d+(?:\.\d+)?)
        | (?P<words>(?:{_WORD})(?:[\s-](?:and\s)?(?:{_WORD}))*)
    )(?P<half>\sand\sa\shalf)?(?:[\s\u00a0-]?(?P<scale>{"|".join(_SCALES)})\b)?""",
    re.IGNORECASE | re.VERBOSE,
)

_CURRENCIES = {
    "USD": r"US\$|\$|\bUSD|(?:US )?dollars?\b",
    "EUR": r"€|\bEUR\b|euros?\b",
    "GBP": r"£|\bGBP\b|pounds?(?: sterling)?\b",
    "CHF": r"\bCHF\b|(?:Swiss )?francs?\b",
    "SEK": r"\bSEK\b|(?:Swedish )?kron(?:or|a)\b",
}
_BEFORE = {code: re.compile(rf"(?:{form})\s?$", re.IGNORECASE) for code, form in _CURRENCIES.items()}
_AFTER = {code: re.compile(rf"\s?(?:{form})", re.IGNORECASE) for code, form in _CURRENCIES.items()}
_PERCENT = re.compile(r"\s?(?:%|per\s?cent\b|percent\b)", re.IGNORECASE)
_YEARS = re.compile(r"[\s-]?years?\b", re.IGNORECASE)
_MONTHS = re.compile(r"[\s-]?months?\b", re.IGNORECASE)
_A_COUNT = re.compile(r"\s(?:\w+\s)?(?:people|employees|staff|units|workers|patents)\b", re.IGNORECASE)

_MONTH_NAMES = tuple(month_name)[1:]
_MONTH = "|".join(f"{name}|{name[:3]}" for name in _MONTH_NAMES)
_DATES = (
    re.compile(rf"(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?P<m>{_MONTH})\b\.?,? (?P<y>\d{{4}})"),
    re.compile(rf"\b(?P<m>{_MONTH})\b\.? (?P<d>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<y>\d{{4}})"),
    re.compile(r"\b(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})\b"),
    re.compile(r"\b(?P<d>\d{1,2})[./](?P<m>\d{1,2})[./](?P<y>\d{4})\b"),
    re.compile(rf"\b(?P<m>{_MONTH})\b,? (?P<y>\d{{4}})"),
)
_HALF_DAY = r"(?P<half>a\.m\.|p\.m\.|am\b|pm\b|in the morning|in the afternoon|in the evening)"
_CLOCKS = (
    re.compile(rf"\b(?P<h>\d{{1,2}})(?:[:.](?P<min>\d{{2}}))?\s?{_HALF_DAY}", re.IGNORECASE),
    re.compile(rf"\b(?P<past>half past )?(?P<word>{_WORD})(?: o['’]clock)? {_HALF_DAY}", re.IGNORECASE),
    re.compile(r"\b(?P<h>\d{1,2}):(?P<min>\d{2})\b"),
    re.compile(rf"\b(?P<past>half past )?(?P<word>{_WORD}) o['’]clock\b", re.IGNORECASE),
    re.compile(
        rf"\b(?P<h>\d{{1,2}})(?=\s?(?:to|until|till|and|-|–)\s?\d{{1,2}}(?::\d\d)?\s?{_HALF_DAY})", re.IGNORECASE
    ),
    re.compile(r"\b(?P<noon>noon)\b", re.IGNORECASE),
)


class Day(NamedTuple):
    """A date, or only its year, or only its month and year."""

    year: int
    month: int | None = None
    day: int | None = None


class Money(NamedTuple):
    amount: float
    currency: str | None  # None where the text names none


Quantity = Day | Money | float


@dataclass(frozen=True, slots=True)
class Found:
    """A number, what it measures ("money", "date", "clock", "months", "percent" or "count") and its possible values:
    times in minutes after midnight, periods in months."""

    dimension: str
    values: tuple[Quantity, ...]
    start: int
    end: int


def numbers_in(text: str) -> Iterator[Found]:
    """Every number in a text, once: the parts of a date or a time are not numbers of their own."""
    for dimension, forms, read in (("date", _DATES, _read_date), ("clock", _CLOCKS, _read_clock)):
        for form in forms:
            for match in list(form.finditer(text)):
                if values := read(match):
                    yield Found(dimension, values, *match.span())
                    text = text[: match.start()] + "_" * (match.end() - match.start()) + text[match.end() :]
    for match in _NUMERAL.finditer(text):
        yield from _read_numeral(match, text)


def _read_date(match: re.Match[str]) -> tuple[Quantity, ...]:
    parts = match.groupdict()
    year, day = int(parts["y"]), int(parts["d"]) if parts.get("d") else None
    if not parts["m"].isdigit():
        month = 1 + next(at for at, name in enumerate(_MONTH_NAMES) if name.startswith(parts["m"][:3]))
        return (Day(year, month, day),)
    assert day is not None
    readings = {(int(parts["m"]), day)}
    if "-" not in match[0]:  # 3/4/2011 is a day in March or in April
        readings.add((day, int(parts["m"])))
    return tuple(Day(year, *each) for each in sorted(readings) if each[0] <= 12 and each[1] <= 31)


def _read_clock(match: re.Match[str]) -> tuple[Quantity, ...]:
    parts = match.groupdict()
    if parts.get("noon"):
        return (720,)
    hour = int(parts["h"]) if parts.get("h") else _WORDS[parts["word"].lower()]
    minutes = int(parts.get("min") or 0) or (30 if parts.get("past") else 0)
    if hour > 24 or minutes > 59:
        return ()
    half = (parts.get("half") or "").lower()
    if half:
        hour = hour % 12 + (0 if half.startswith("a") or "morning" in half else 12)
        return (60 * hour + minutes,)
    at = 60 * hour + minutes
    return (at, at + 720) if parts.get("word") and hour <= 12 else (at,)


def _read_numeral(match: re.Match[str], text: str) -> Iterator[Found]:
    value, before, after = _value(match), text[: match.start()], text[match.end() :]
    currency = next((code for code, form in _BEFORE.items() if form.search(before)), None) or next(
        (code for code, form in _AFTER.items() if form.match(after)), None
    )
    if currency:
        yield Found("money", (Money(value, currency),), *match.span())
    elif _PERCENT.match(after):
        yield Found("percent", (value,), *match.span())
    elif _YEARS.match(after):
        yield Found("months", (12 * value,), *match.span())
    elif _MONTHS.match(after):
        yield Found("months", (value,), *match.span())
    elif re.fullmatch(r"1[89]\d\d|20\d\d", match[0]) and not _A_COUNT.match(after):
        yield Found("date", (Day(int(value)),), *match.span())
    elif value >= 10:  # "one of the 3 oldest" counts nothing that is asked for
        yield Found("count", (value,), *match.span())


def _value(match: re.Match[str]) -> float:
    value = float(re.sub(r"[^\d.]", "", match["digits"])) if match["digits"] else _value_of_words(match["words"])
    return (value + (0.5 if match["half"] else 0)) * (_SCALES[match["scale"].lower()] if match["scale"] else 1)


def _value_of_words(words: str) -> float:
    total = part = 0
    for word in re.findall(r"[a-z]+", words.lower()):
        if word == "and":
            continue
        if word == "hundred":
            part = (part or 1) * 100
        elif word == "thousand":
            total, part = total + (part or 1) * 1_000, 0
        else:
            part += _WORDS[word]
    return float(total + part)
