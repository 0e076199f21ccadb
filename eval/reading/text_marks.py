"""Apostrophes that keep a spreadsheet from running a text as a formula, and taking them away again.

A spreadsheet runs a cell that begins with a sign such as = (https://owasp.org/www-community/attacks/CSV_Injection), in
East Asian locales also a full-width one. Where the list separator is a semicolon or a tab, a cell of a CSV file also
begins behind each of those in a text, and behind its line breaks, because quotes only hold at the beginning of a cell.
"""

from __future__ import annotations

import re

_SIGN = r"[=+\-@＝＋－＠﹢﹣﹦﹫]"
_UNSEEN = r"\x00-\x08\x0b\x0c\x0e-\x20\x7f-\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff\""
_ENDS = r";|\t\r\n"
_FIRST = rf"(?:[\t\r\n]|[{_UNSEEN}]*{_SIGN})"
_INNER = rf"[{_UNSEEN}]*{_SIGN}"
_STARTS_FORMULA = re.compile(f"'*{_FIRST}")
_STARTS_INNER_FORMULA = re.compile(f"'*{_INNER}")
_PARTS = re.compile(f"([{_ENDS}])")
# What begins with a sign and can't call anything: a number, and an item of a list.
_NUMBER = re.compile(r" *[+\-]\d[\d.,]* *%? *", re.ASCII)
_ITEM = re.compile(r"[+\-] [^|!(=@＝＠\r\n]*(?=[\r\n]|\Z)")
_MARK = re.compile(rf"''(?='*{_FIRST})|'(?={_FIRST})(?!.*'\Z)", re.DOTALL)
_INNER_MARK = re.compile(
    rf"(?<=[{_ENDS}])(?:''(?='*{_INNER})|'(?={_INNER})(?![^{_ENDS}]*'(?:[{_ENDS}]|\Z)))",
)


def inert(text: str) -> str:
    """The text, with an apostrophe wherever a spreadsheet would find a formula, which `as_meant` takes away. Two stand
    before what reading would otherwise take for such a text, or for a quoted one."""
    first, *rest = _PARTS.split(text)
    written, at = [first], len(first)
    for end, part in zip(rest[::2], rest[1::2], strict=True):
        at += len(end)
        harmless = _NUMBER.fullmatch(part) or (end in "\r\n" and _ITEM.match(text, at))
        written += [end, part if harmless or not _STARTS_INNER_FORMULA.match(part) else _with_mark(part)]
        at += len(part)
    whole = "".join(written)
    return _with_mark(whole) if _STARTS_FORMULA.match(whole) else whole


def as_meant(cell: str) -> str:
    """The text of a cell without the apostrophes that keep spreadsheets from running it."""
    if "'" not in cell:
        return cell
    return _INNER_MARK.sub("", cell[mark.end() :] if (mark := _MARK.match(cell)) else cell)


def _with_mark(text: str) -> str:
    return f"''{text}" if text.startswith("'") or text.endswith("'") else f"'{text}"
