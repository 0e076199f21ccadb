"""Read numbers as people write them: sign, decimal point or comma, thousands, per cent, currency, scale words, units
and words for numbers. "1.5" is not "15", and "$5 million" equals "5,000,000 dollars"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from eval.scoring.chinese_numbers import find_chinese_numbers
from eval.scoring.number_words import CARDINALS, ORDINALS
from eval.scoring.units import CURRENCY_SIGNS, DIMENSIONS, UNITS

Span = tuple[int, int]

_UNITS_IN_WORDS = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
sixteen seventeen eighteen nineteen"""
_TENS_IN_WORDS = "twenty thirty forty fifty sixty seventy eighty ninety"
_WORDS = {word: value for value, word in enumerate(_UNITS_IN_WORDS.split())}
_WORDS |= {word: 10 * value for value, word in enumerate(_TENS_IN_WORDS.split(), start=2)}
_ORDINALS = {
    "first": 1, "second": 2, "third": 3, "fifth": 5, "eighth": 8, "ninth": 9, "twelfth": 12,
} | {f"{word}th": value for word, value in _WORDS.items() if value in (4, 6, 7, 10, 11) or 12 < value < 20} | {
    f"{word[:-1]}ieth": value for word, value in _WORDS.items() if value >= 20
}  # fmt: skip
_WORDS |= CARDINALS
_ORDINALS |= ORDINALS
_MULTIPLES = {"hundred": 10**2, "dozen": 12, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_SCALES = {
    **_MULTIPLES, "mn": 10**6, "mio": 10**6, "million": 10**6, "millionen": 10**6, "millones": 10**6, "bn": 10**9,
    "mrd": 10**9, "milliarde": 10**9, "milliarden": 10**9, "milliard": 10**9, "lakh": 10**5, "crore": 10**7,
}  # fmt: skip
_SHORT_SCALES = {"k": 10**3, "m": 10**6, "b": 10**9, "bn": 10**9, "mn": 10**6, "t": 10**12}
_SOFT_WORDS = frozenset({"one", "first", "half"})  # these rarely count anything: "one of them"

_SCALE = "|".join(sorted(_SCALES, key=len, reverse=True))
_MORE = re.compile(
    r"(?:\b(?:(?<!no )(?<!not )more than|over|above|at least|after|(?:no|not) (?:less|fewer) than|"
    r"(?<!\d )min(?:imum)?(?: of|\.)?|mindestens|au moins|al menos|como mínimo)|[>≥]=?)\s*$",
    re.IGNORECASE,
)
_LESS = re.compile(
    r"(?:\b(?:(?<!no )(?<!not )(?:less|fewer) than|under|below|at most|up to|before|until|within|(?:no|not) more than|"
    r"no later than|max(?:imum)?(?: of|\.)?|höchstens|maximal|au plus|como máximo)|[<≤]=?)\s*$",
    re.IGNORECASE,
)
_OR_MORE = re.compile(
    r"\s*(?:\w{1,40}\s+)?(?:(?:or|and)\s+(?:more|older|over|above|up|later|longer)\b|"
    r"oder mehr\b|ou plus\b|o más\b)|\+(?!\w)"
)
_OR_LESS = re.compile(r"\s*(?:\w{1,40}\s+)?(?:or|and)\s+(?:less|fewer|younger|under|below|earlier|shorter)\b")
_THE, _THING = re.compile(r"\b(?:the|every|each)\s$", re.IGNORECASE), re.compile(r"\s(?!time\b)[^\W\d]")
_LONGEST_BOUND = 20  # characters before a number
_SIGN = r"(?:(?<![\w.,)/%-])(?:[-–](?!\s)|−)|\b(?:minus|negative)\s)"
_DIGITS = r"\d{1,3}(?:[ ’']\d{3})+(?:[.,]\d+)?(?!\d)|\d+(?:[.,]\d+)*(?:e[+-]?\d{1,2})?|(?<![\d.])\.\d+"
_SPELLINGS = sorted(map(re.escape, UNITS), key=len, reverse=True)
_UNSPACED_UNIT = "|".join(each for each in _SPELLINGS if "\u3040" <= each[0] <= "\u9fff")
_UNIT = rf"(?P<unit>(?:{'|'.join(_SPELLINGS)})(?!\w)|{_UNSPACED_UNIT})"
_UNIT_HERE = re.compile(_UNSPACED_UNIT)
_SIGNS = "|".join(sorted((re.escape(sign) for sign in CURRENCY_SIGNS), key=len, reverse=True))
_NUMBER = re.compile(
    rf"(?P<sign>{_SIGN})?\s?(?:(?P<money>{_SIGNS})\s?(?P<inner>[-−])?)?"
    rf"(?<![A-Za-z\u00c0-\u024f\d_])(?<!\d[.,])(?P<digits>{_DIGITS})"
    r"(?:(?:\s?[/⁄]\s?|\s(?=\d+\s?[/⁄]))(?P<part>\d+)(?:\s?[/⁄]\s?(?P<of>\d+))?(?![/⁄\d]))?"
    rf"(?:(?P<ordinal>st|nd|rd|th)\b|(?P<short>[kmbKMBT]|bn|mn)\b(?!/)|\s(?P<spaced>(?-i:[KMB]))\b(?![/.])|\s?-?(?P<scale>{_SCALE})s?\b\.?)?"
    rf"(?:\s?-?{_UNIT})?(?:(?<=[\u3040-\u9fff])|(?![A-Za-z\d]|[.,]\d))",
    re.IGNORECASE,
)
_FRACTIONS = {"half": 2, "quarter": 4, "fourth": 4, **{word: value for word, value in _ORDINALS.items() if value > 2}}
_FRACTION = re.compile(
    rf"\b(?P<part>an?|{'|'.join(_WORDS)})[\s-](?P<of>{'|'.join(_FRACTIONS)})(?P<several>s)?\b(?!\s+(?:floor|time|day))",
    re.IGNORECASE,
)
_WORD_OF_NUMBER = "|".join(sorted([*_WORDS, *_ORDINALS, *_MULTIPLES, "half"], key=len, reverse=True))
_IN_WORDS = re.compile(
    rf"\b(?!(?-i:DOS\b))(?P<minus>(?:minus|negative)\s+)?(?P<words>(?:an?\s+(?=hundred|dozen|thousand|million|billion|half))?(?:{_WORD_OF_NUMBER})"
    rf"(?:(?:\s+(?:and|y)\s+(?:a\s+(?=half\b))?|[\s-]+)(?:{_WORD_OF_NUMBER}))*)\b(?:\s?-?(?:an?\s)?{_UNIT})?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value with its unit, and the unit of time it is per (15 metres per second); each is "" if it wasn't written.
    `is_soft` marks words such as "one" or "first", which may count nothing. `bound` is 1 for "more than", -1 for "less
    than"."""

    value: Fraction
    unit: str = ""
    is_soft: bool = False
    bound: int = 0
    per: str = ""

    def agrees_with(self, other: Quantity) -> bool:
        """Whether both mean the same. A value without a unit agrees with the same value in any unit, one that isn't per
        time with the same value per any time, and one without a bound with the same value as a bound."""
        if self.bound * other.bound < 0:
            return False
        ratio = _ratio(self.unit, other.unit), _ratio(self.per, other.per)
        return ratio[0] is not None and ratio[1] is not None and self.value * ratio[0] == other.value * ratio[1]


def _ratio(unit: str, other: str) -> Fraction | None:
    """How many of the `other` unit one unit is; 1 if either is unknown, None if they measure different things."""
    if not unit or not other:
        return Fraction(1)
    (ours, size), (theirs, other_size) = DIMENSIONS[unit], DIMENSIONS[other]
    return size / other_size if ours == theirs else None


def uses_decimal_comma(texts: Iterable[str]) -> bool:
    """Whether "1,500" means one and a half in these texts: they write more decimal commas than decimal points, as far
    as their numbers show."""
    commas = points = 0
    for text in texts:
        for found in re.finditer(r"(?<![\d.,])\d+(?:[.,]\d+)+(?![\d.,]*\d)", text):
            digits = found[0]
            last = max(digits.rfind(","), digits.rfind("."))
            is_mixed = "," in digits and "." in digits
            groups = re.split("[.,]", digits)
            if is_mixed or (len(groups) == 2 and len(groups[1]) != 3) or digits.startswith("0"):
                commas, points = commas + (digits[last] == ","), points + (digits[last] == ".")
            elif len(groups) > 2 and all(len(group) == 3 for group in groups[1:]):
                commas, points = commas + (digits[last] == "."), points + (digits[last] == ",")
    return commas > points


def find_quantities(text: str, decimal_comma: bool = False) -> Iterator[tuple[Span, Quantity]]:
    """The numbers in a text (NFKC) with their spans. Codes such as 007, 1.2.3 or B2B aren't numbers."""
    for span, quantity in _find(text, decimal_comma):
        before = text[max(0, span[0] - _LONGEST_BOUND) : span[0]]
        bound = 1 if _MORE.search(before) or _OR_MORE.match(text, span[1]) else 0
        bound = -1 if _LESS.search(before) or _OR_LESS.match(text, span[1]) else bound
        yield span, replace(quantity, bound=bound) if bound else quantity


class _Taken:
    """Which characters of a text belong to a number. A long text may hold tens of thousands of them."""

    def __init__(self, text: str) -> None:
        self._is_taken = bytearray(len(text))

    def add(self, span: Span) -> None:
        start, end = span
        self._is_taken[start:end] = b"\1" * (end - start)

    def overlaps(self, span: Span) -> bool:
        return 1 in self._is_taken[slice(*span)]


def _find(text: str, decimal_comma: bool) -> Iterator[tuple[Span, Quantity]]:
    taken = _Taken(text)
    for span, counted, unit in find_chinese_numbers(text):
        taken.add(span)
        yield span, Quantity(counted, unit or _unit_at(text, span[1]))
    for found in _NUMBER.finditer(text):
        for span, quantity in _from_digits(found, decimal_comma):
            if not taken.overlaps(span):
                taken.add(span)
                yield span, quantity
    for found in _FRACTION.finditer(text):
        part, of = _WORDS.get(found["part"].lower(), 1), _FRACTIONS[found["of"].lower()]
        # "two thirds" and "a third", but not "two third"; "half an hour" has its unit further on
        if (part == 1) != bool(found["several"]) and found["of"].lower() != "half":
            taken.add(found.span())
            yield found.span(), Quantity(Fraction(part, of), is_soft=found["part"].lower() in ("a", "an"))
    for found in _IN_WORDS.finditer(text):
        if taken.overlaps(found.span()):
            continue
        words = re.split(r"[\s-]+", found["words"].lower())
        unit, _, per = UNITS.get((found["unit"] or "").lower(), "").partition("/")
        if words == ["one", "second"]:
            words, unit = words[:1], "second"
        value = _value_of_words(words)
        if value is None:  # "three four": two numbers
            values = [each for word in words if (each := _value_of_words([word])) is not None]
            yield from ((found.span(), Quantity(each)) for each in values)
        else:
            is_soft = not unit and len(words) == 1 and words[0] in _SOFT_WORDS and not _is_placed(text, found, words[0])
            value = -value if found["minus"] else value
            unit = "" if words[-1] in _ORDINALS else unit
            end = found.end() if unit else found.end("words")
            yield (found.start(), end), Quantity(value, unit, is_soft, per=per)


def _is_placed(text: str, found: re.Match[str], word: str) -> bool:
    """Whether "first" says which of several: the first Monday, but not "at first" or "for the first time"."""
    return word == "first" and bool(_THE.search(text[: found.start()]) and _THING.match(text, found.end()))


def _unit_at(text: str, place: int) -> str:
    found = _UNIT_HERE.match(text, place)
    return UNITS[found[0]] if found else ""


def _from_digits(found: re.Match[str], decimal_comma: bool) -> Iterator[tuple[Span, Quantity]]:
    digits = found["digits"]
    if re.fullmatch(r"\d{1,2}(,\d{1,2}){2,}", digits):  # a list: 1,2,3
        start = found.start("digits")
        for part in re.finditer(r"\d+", digits):
            yield (start + part.start(), start + part.end()), Quantity(Fraction(part[0]))
        return
    value = _value_of(digits, decimal_comma)
    if value is None:
        return
    if found["of"]:  # 3 1/2
        if not int(found["of"]):
            return
        value += Fraction(int(found["part"]), int(found["of"]))
    elif found["part"]:
        if not int(found["part"]):
            return
        value /= int(found["part"])
    if found["sign"] or found["inner"]:
        value = -value
    money = CURRENCY_SIGNS.get((found["money"] or "").upper(), "")
    unit, _, per = UNITS.get((found["unit"] or "").lower(), "").partition("/")
    short = found["short"]
    if found["spaced"]:
        value *= _SHORT_SCALES[found["spaced"].lower()]
    if short and not (money or (unit in DIMENSIONS and DIMENSIONS[unit][0] == unit)) and short.lower() in ("m", "t"):
        unit, short = ("metre" if short == "m" else unit), (None if short == "m" else short)
    value *= _SHORT_SCALES[short.lower()] if short else 1
    value *= _SCALES[found["scale"].lower()] if found["scale"] else 1
    start, end = found.span()
    if found["ordinal"] and unit:  # in "5th day", as in "fifth day", nothing lasts five days
        unit, end = "", found.end("ordinal")
    yield (start + len(found[0]) - len(found[0].lstrip()), end), Quantity(value, money or unit, per=per)


def _value_of(digits: str, decimal_comma: bool) -> Fraction | None:
    """The value; None for a code: leading zeros, several points that don't separate thousands, twelve digits or
    more."""
    digits = re.sub(r"[ ’']", "", digits.lower())
    if "e" in digits:
        digits, exponent = digits.split("e")
        value = _value_of(digits, decimal_comma)
        return None if value is None else value * Fraction(10) ** int(exponent)
    groups = re.split("[.,]", digits)
    if (len(groups[0]) > 1 and groups[0].startswith("0")) or max(map(len, groups)) > 15 or len(digits) > 60:
        return None
    if len(groups) == 1:
        return Fraction(digits)
    if not groups[0]:
        return Fraction(f"0.{groups[1]}")
    point, thousands = (",", ".") if decimal_comma else (".", ",")
    last = max(digits.rfind(","), digits.rfind("."))
    in_threes = all(len(group) == 3 for group in groups[1:]) and len(groups[0]) <= 3 and groups[0] != "0"
    if "," in digits and "." in digits:
        point = digits[last]
        whole, _, rest = digits.rpartition(point)
        return None if point in whole else Fraction(f"{re.sub('[.,]', '', whole)}.{rest}")
    if len(groups) > 2:
        return Fraction("".join(groups)) if in_threes else None
    if in_threes and digits[last] == thousands:
        return Fraction("".join(groups))
    return Fraction(f"{groups[0]}.{groups[1]}")


def _value_of_words(words: list[str]) -> Fraction | None:
    """The value of words such as "two hundred and five thousand"; None if they aren't a number."""
    total, current, seen = Fraction(0), Fraction(0), False
    for word in words:
        if word in ("a", "an", "and", "y"):
            continue
        if word == "half":
            if seen and words[-3:] != ["and", "a", "half"]:
                return None
            current, seen = current + Fraction(1, 2), True
        elif word in _WORDS or word in _ORDINALS:
            value = _WORDS.get(word, _ORDINALS.get(word, 0))
            if seen and current % 100 and not (current % 100 >= 20 and current % 10 == 0 and value < 10):
                return None  # "three four" are two numbers
            current, seen = current + value, True
        elif word in ("hundred", "dozen"):
            current, seen = max(current, Fraction(1)) * _MULTIPLES[word], True
        else:
            total, current, seen = total + (current if seen else Fraction(1)) * _MULTIPLES[word], Fraction(0), True
    return total + current if seen else None
