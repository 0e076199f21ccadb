"""Read dates and times of day in many notations as values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from eval.scoring.chinese_numbers import NUMERALS, as_digits
from eval.scoring.numbers import Span

_MONTHS = (
    "january jan januar janvier enero gennaio janeiro januari",
    "february feb februar février febrero febbraio fevereiro februari",
    "march mar märz mars marzo março maart",
    "april apr avril abril aprile",
    "may mai mayo maggio maio mei",
    "june jun juni juin junio giugno junho",
    "july jul juli juillet julio luglio julho",
    "august aug août agosto augustus",
    "september sep sept septembre septiembre settembre setembro",
    "october oct oktober okt octobre octubre ottobre outubro",
    "november nov novembre noviembre novembro",
    "december dec dezember dez décembre diciembre dicembre dezembro",
)
_NUMBER_OF_MONTH = {name: number for number, names in enumerate(_MONTHS, start=1) for name in names.split()}
_ALSO_WORDS = frozenset({"may", "march", "mar", "mai"})  # in small letters: "you may 3 times"
_MONTH = rf"(?P<month>{'|'.join(sorted(_NUMBER_OF_MONTH, key=len, reverse=True))})\b\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th|\.)?"
_YEAR = r"(?P<year>[12]\d{3})"
_NAMED = (
    rf"\b{_DAY}\s+(?:of\s+|de\s+)?{_MONTH},?(?:\s+(?:de\s+)?{_YEAR}\b)?",
    rf"\b{_MONTH}\s+(?:the\s+)?(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?!\d|[.,:]\d)(?:,?\s+{_YEAR}\b)?",
    rf"\b{_MONTH},?\s+(?:of\s+|de\s+)?{_YEAR}\b",
    rf"^\W*{_MONTH}(?=\W*$)",
    rf"\b(?-i:(?=[A-Z])){_MONTH}(?=\s*(?:to|until|till|bis|-|–)\s*(?-i:[A-Z]))",
    rf"\b(?-i:(?=[A-Z]\w\w\w)){_MONTH}(?!\w|\s*\d|\s+(?-i:[A-Z]))",  # not April Smith
    rf"\b(?:in|of|until|till|since|before|after|early|late|mid|im|Anfang|Mitte|Ende|bis|seit|en|de|desde)\s+{_MONTH}(?!\w|\s*\d|\s+(?-i:[A-Z]))",
)
_IN_CHINESE = rf"\d{{1,2}}|[{NUMERALS}]{{1,3}}"
_IN_DIGITS = (
    r"\b(?P<year>[12]\d{3})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})\b(?![-/]\d)",
    rf"(?P<year>[12]\d{{3}}|[{NUMERALS}]{{4}})年(?P<month>{_IN_CHINESE})月(?:(?P<day>{_IN_CHINESE})[日号])?",
    rf"(?P<month>{_IN_CHINESE})月(?P<day>{_IN_CHINESE})[日号]",
)
_PATTERNS = [re.compile(pattern, re.IGNORECASE) for pattern in (*_NAMED, *_IN_DIGITS)]
_THREE_NUMBERS = re.compile(r"(?<![\d./-])(\d{1,2})([./-])(\d{1,2})\2((?:[12]\d)?\d{2})(?![\d/]|[.-]\d)")

_CLOCK = r"o['’]?clock\b"
_HALF_OF_DAY = rf"(?:\s?{_CLOCK}(?=\s?[ap]\.?m\b))?\s?(?P<half>a\.?m\b\.?|p\.?m\b\.?|uhr\b|{_CLOCK})"
_LASTS = r"\s?(?:min(?:ute)?s?|h(?:ou)?rs?|hours?)\b"  # 3:30 minutes is a duration
_TIME = re.compile(
    rf"(?<![\d:.,])(?P<hour>[01]?\d|2[0-4])(?:(?::(?P<minute>[0-5]\d)(?::[0-5]\d)?(?!\d|:|,\d|{_LASTS})(?:{_HALF_OF_DAY})?)"
    rf"|h(?P<after_h>[0-5]\d)\b|(?:\.(?P<dotted>[0-5]\d))?{_HALF_OF_DAY.replace('half', 'half_too')})"
    r"(?:\s+in\s+the\s+(?P<part>morning|afternoon|evening))?|\b(?P<word>noon|midday|midnight)\b"
    rf"|(?<![\d:.,])\b(?P<from>1?\d|2[0-4])(?=\s?(?:[-–]|to|till|until|bis)\s?\d{{1,2}}(?:[.:][0-5]\d)?"
    rf"{_HALF_OF_DAY.replace('half', 'half_of_end')})",
    re.IGNORECASE,
)


_ENGLISH_HOURS = "one two three four five six seven eight nine ten eleven twelve"
_GERMAN_HOURS = "eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf"
_HOURS = {
    word: hour for words in (_ENGLISH_HOURS, _GERMAN_HOURS) for hour, word in enumerate(words.split(), start=1)
} | {"ein": 1}
_SHIFTS = {"half past": 30, "quarter past": 15, "a quarter past": 15, "quarter to": -15, "a quarter to": -15,
           "halb": -30, "viertel nach": 15, "viertel vor": -15}  # fmt: skip
_WRITTEN_HALF = r"(?:a\.m\b\.?|p\.?m\b\.?)"  # "am" is also a word, as in "sechs am Abend"
_SPELLED_TIME = re.compile(
    rf"(?<![\d:.,])\b(?:(?P<shift>{'|'.join(_SHIFTS)})\s+(?P<hour>{'|'.join(_HOURS)}|1[0-2]|[1-9])\b"
    rf"|(?P<whole>{'|'.join(_HOURS)}|1[0-2]|[1-9])(?=\s+(?:uhr\b|{_CLOCK}|{_WRITTEN_HALF}|in\s+the\s+(?:morning|afternoon|evening))))"
    rf"(?:\s+(?:uhr\b|{_CLOCK}))?(?:\s+in\s+the\s+(?P<part>morning|afternoon|evening)|\s+(?P<half>{_WRITTEN_HALF}|(?<=clock\s)am\b))?",
    re.IGNORECASE,
)

_MORNING, _EVENING = "上午|早上|凌晨|午前|朝", "下午|傍晚|晚上|午後|夜"
_IN_CHARACTERS = re.compile(
    rf"(?P<part>{_MORNING}|{_EVENING})?の?(?P<hour>{_IN_CHINESE})(?:[点點]|[时時](?![间間]))(?:钟|鐘)?"
    rf"(?:(?P<half>半)|(?P<minute>{_IN_CHINESE})分)?"
)


@dataclass(frozen=True, slots=True)
class Date:
    """A part that was not written is None."""

    year: int | None
    month: int | None
    day: int | None

    def agrees_with(self, other: Date) -> bool:
        """Whether no part contradicts the other date."""
        pairs = zip(self.parts, other.parts, strict=True)
        return all(ours is None or theirs is None or ours == theirs for ours, theirs in pairs)

    def says_all_of(self, other: Date) -> bool:
        return all(theirs is None or ours == theirs for ours, theirs in zip(self.parts, other.parts, strict=True))

    @property
    def parts(self) -> tuple[int | None, int | None, int | None]:
        return self.year, self.month, self.day


@dataclass(frozen=True, slots=True)
class TimeOfDay:
    """Minutes since midnight. `is_open`: the text didn't say which half of the day."""

    minutes: int
    is_open: bool

    def agrees_with(self, other: TimeOfDay) -> bool:
        return self.minutes == other.minutes or (
            (self.is_open or other.is_open) and self.minutes % 720 == other.minutes % 720
        )


def puts_month_first(texts: Iterable[str]) -> bool:
    """Whether 05/03/2024 means 3 May in these texts, as far as their dates show."""
    month_first = day_first = 0
    for text in texts:
        for found in _THREE_NUMBERS.finditer(text):
            month_first += int(found[3]) > 12 and found[2] != "."
            day_first += int(found[1]) > 12
    return month_first > day_first


def find_dates(text: str, month_first: bool = False) -> Iterator[tuple[Span, Date]]:
    """The dates in a text (NFKC) that name a month, with their spans. A bare year is a number."""
    taken: list[Span] = []
    for pattern in _PATTERNS:
        for found in pattern.finditer(text):
            if any(start < found.end() and found.start() < end for start, end in taken):
                continue
            parts = found.groupdict()
            month = (parts.get("month") or "").rstrip(".")
            if month in _ALSO_WORDS and not parts.get("year"):
                continue
            month = month.lower()
            date = _date(parts.get("year"), _NUMBER_OF_MONTH.get(month) or month or None, parts.get("day"))
            if date is not None:
                taken.append(found.span())
                is_bare = not parts.get("year") and not parts.get("day")
                yield (found.start("month") if is_bare else found.start(), found.end()), date
    for found in _THREE_NUMBERS.finditer(text):
        day, month = (found[3], found[1]) if month_first and found[2] != "." else (found[1], found[3])
        year = found[4] if len(found[4]) == 4 else f"20{found[4]}" if int(found[4]) < 70 else f"19{found[4]}"
        date = _date(year, month, day) or _date(year, day, month)
        if date is not None and not any(start < found.end() and found.start() < end for start, end in taken):
            yield found.span(), date


def find_times(text: str) -> Iterator[tuple[Span, TimeOfDay]]:
    """The times of day in a text (NFKC), with their spans: 18:00, 6 pm, 6 o'clock, noon, 下午六点."""
    for found in _IN_CHARACTERS.finditer(text):
        hour, minute = int(as_digits(found["hour"]) or 24), int(as_digits(found["minute"] or "0") or 60)
        added = 12 if found["part"] and found["part"] in _EVENING and hour < 12 else 0
        is_a_bit = found[0] in ("一点", "一點") and text[found.end() : found.end() + 1] not in ("", *"。,，")
        if hour < 24 and minute < 60 and not is_a_bit:
            time = (hour + added) * 60 + (30 if found["half"] else minute)
            yield found.span(), TimeOfDay(time, is_open=not found["part"] and hour <= 12)
    for found in _SPELLED_TIME.finditer(text):
        name = (found["hour"] or found["whole"]).lower()
        hour = int(name) if name.isdigit() else _HOURS[name]
        shift = _SHIFTS.get((found["shift"] or "").lower(), 0)
        part, half = (found["part"] or "").lower(), (found["half"] or "").lower()
        if half:
            hour %= 12
        added = 12 if (part in ("afternoon", "evening") or half.startswith("p")) and hour < 12 else 0
        yield found.span(), TimeOfDay(((hour + added) * 60 + shift) % 1440, is_open=not (part or half))
    taken = [found.span() for found in _SPELLED_TIME.finditer(text)]
    for found in _TIME.finditer(text):
        if any(start < found.end() and found.start() < end for start, end in taken):
            continue
        if found["word"]:
            yield found.span(), TimeOfDay(0 if found["word"].lower() == "midnight" else 720, is_open=False)
            continue
        if found["from"]:  # 9-17 Uhr
            yield found.span(), TimeOfDay(int(found["from"]) % 24 * 60, is_open=int(found["from"]) <= 12)
            continue
        hour, half = int(found["hour"]), (found["half"] or found["half_too"] or "").lower().replace(".", "")
        minute = int(found["minute"] or found["after_h"] or found["dotted"] or 0)
        half = "am" if found["part"] and found["part"].lower() == "morning" else "pm" if found["part"] else half
        is_open = half in ("", "oclock", "o'clock", "o’clock") and 0 < hour <= 12 and not found["hour"].startswith("0")
        if half in ("am", "pm"):
            hour = hour % 12 + (12 if half == "pm" else 0)
        yield found.span(), TimeOfDay(hour % 24 * 60 + minute, is_open)


def _date(year: str | None, month: str | int | None, day: str | None) -> Date | None:
    values = [
        part if part is None or isinstance(part, int) else int(as_digits(part) or 0) for part in (year, month, day)
    ]
    if (values[1] is not None and not 1 <= values[1] <= 12) or (values[2] is not None and not 1 <= values[2] <= 31):
        return None
    return Date(*values)
