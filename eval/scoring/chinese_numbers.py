"""Read numbers in Chinese characters, as Chinese and Japanese texts write them: 三百, 5万, 二〇二四, 百分之五."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

_DIGITS = {sign: value for value, signs in enumerate(("零〇", *"一二三四五六七八九")) for sign in signs}
_DIGITS |= {"两": 2, "兩": 2}
_TENS = {"十": 10, "百": 100, "千": 1000}
_MYRIADS = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8, "兆": 10**12}
NUMERALS = "".join((*_DIGITS, *_TENS, *_MYRIADS))
_MYRIAD = "".join(_MYRIADS)
_NO_NUMBERS = (
    "万一",
    "千万",
    "十分",
    "一一",
    "三三两两",
)  # in case, by all means, very, one by one, in twos and threes
_COUNTED = "年月日号號天个個名人位岁歲次米点點分秒小时時元块塊円家间間公只隻本张張条條枚台件杯层層页頁倍匹辆輛％%"
_NUMBER = re.compile(
    rf"百分之(?P<percent>[{NUMERALS}]+|\d+(?:\.\d+)?)"
    rf"|(?<!\d)(?P<mixed>\d++(?:,\d{{3}})*(?:\.\d+)?)\s?(?P<scale>[百千]?[{_MYRIAD}]+)"
    rf"|(?P<ordinal>第)?(?P<plain>[{NUMERALS}]+)(?=(?P<counted>[{_COUNTED}])?)"
)


def find_chinese_numbers(text: str) -> Iterator[tuple[tuple[int, int], Fraction, str]]:
    """The numbers in Chinese characters in a text (NFKC): their span, value, and "%" or "" as unit. A single character
    is a number only if something is counted or numbered; a single 一 is mostly an article."""
    for found in _NUMBER.finditer(text):
        if found["percent"]:
            share = found["percent"]
            value = Fraction(share) if share[0].isdigit() and share.isascii() else _value_of(share)
            if value is not None:
                yield found.span(), Fraction(value), "%"
        elif found["mixed"]:
            scale = _value_of(f"一{found['scale']}")
            if scale is not None:
                yield found.span(), Fraction(found["mixed"].replace(",", "")) * scale, ""
        else:
            plain = found["plain"]
            is_counted = bool(found["counted"] or found["ordinal"]) and plain != "一"
            value = _value_of(plain)
            end = found.end("plain")
            if value is None or text[found.start("plain") : end + 1].startswith(_NO_NUMBERS):
                continue
            if len(plain) > 1 or is_counted or (plain == "一" and found["ordinal"]):
                yield found.span("plain"), Fraction(value), ""


def _value_of(numerals: str) -> int | None:
    """The value; None if the characters are no number: 万千."""
    if all(sign in _DIGITS for sign in numerals):
        return int("".join(str(_DIGITS[sign]) for sign in numerals))
    total = section = digit = 0
    smallest = 10**16
    for sign in numerals:
        if sign in _DIGITS:
            digit = _DIGITS[sign]
        elif sign in _TENS:
            section += (digit or 1) * _TENS[sign]
            digit = 0
        else:
            if not section + digit or _MYRIADS[sign] >= smallest:
                return None
            smallest = _MYRIADS[sign]
            total += (section + digit) * smallest
            section = digit = 0
    return total + section + digit


def as_digits(numerals: str) -> str:
    """二〇二四 becomes 2024. Text that is already in digits stays."""
    if numerals.isascii():
        return numerals
    value = _value_of(numerals)
    return "" if value is None else str(value)
