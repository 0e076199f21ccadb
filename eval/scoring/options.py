"""Questions with their choices in the input ("A) red B) blue"). An answer names one of them, by its letter or its text;
naming several answers nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from eval.scoring.reading import NEGATION
from eval.scoring.words import folded

_LETTERS = "ABCDEFGHIJ"
_MARK = re.compile(
    r"(?:(?:^[ \t]*|(?<=\s))\(?(?P<letter>[A-Ja-j])\)|^[ \t]*(?P<plain>[A-J])\.)[ \t]+(?=\S)", re.MULTILINE
)
_NAMED = re.compile(
    r"(?<!\w)(?:(?i:option|answer|choice|antwort|réponse|respuesta|is|it's|ist|est|es|choose|pick)\s*:?\s*\(?"
    r"(?P<said>[A-J])(?![\w'])|\(?(?P<marked>[A-J])[).:](?=\s|$))"
)
_ONLY_LETTERS = re.compile(r"\W*[A-Ja-j](?:\W+(?:(?:and|or|und|oder|et|ou|y|o)\W+)?[A-J])*\W*")
_REASON = re.compile(r",?\s(?:because|since|as|while|whereas|weil|denn|car|porque)\s", re.IGNORECASE)
_END = re.compile(r"[.;\n]")


def is_chosen(text: str, target: str, input: str) -> bool | None:
    """Whether an answer names the expected choice and no other. None if nothing is to be chosen, or if it names no
    choice."""
    options = options_of(input)
    if not options or (expected := _only(target, options)) is None:
        return None
    named = _named(text, options)
    return named == {expected} if named else None


def spelled_out(target: str, input: str) -> str:
    """The text of the choice if the expected answer is its letter."""
    options = options_of(input)
    return options.get(_plain(target).strip("()").upper(), target)


@lru_cache(4_000)
def options_of(input: str) -> Mapping[str, str]:
    """The text of each choice by its letter. Empty unless the letters follow the alphabet from A on."""
    text = folded(input)
    marks = list(_MARK.finditer(text))
    letters = "".join(mark["letter"] or mark["plain"] for mark in marks).upper()
    if len(letters) < 2 or not _LETTERS.startswith(letters):
        return {}
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    texts = [text[mark.end() : end] for mark, end in zip(marks, ends, strict=True)]
    return {letter: _plain(one.splitlines()[0]) for letter, one in zip(letters, texts, strict=True)}


def _only(target: str, options: Mapping[str, str]) -> str | None:
    """The letter of the choice that an expected answer consists of."""
    plain = _plain(target).removeprefix("(")
    for letter, text in options.items():
        spellings = (text, *(f"{letter.casefold()}{sign} {text}" for sign in ").:"))
        if plain in spellings or plain.rstrip(")").upper() == letter:
            return letter
    return None


def _named(text: str, options: Mapping[str, str]) -> set[str]:
    """The letters of the choices an answer names: by letters, or else by their texts in the first sentence. What
    follows a denial or the word "because" doesn't count."""
    text = _REASON.split(folded(text).strip(), maxsplit=1)[0]
    if _ONLY_LETTERS.fullmatch(text):
        named = {letter.upper() for letter in re.findall(r"(?<!\w)[A-Ja-j](?!\w)", text)}
    else:
        named = {found["said"] or found["marked"] for found in _NAMED.finditer(text)}
    if named := named & options.keys():
        return named
    head = _END.split(text, maxsplit=1)[0]
    denied = NEGATION.search(head)
    head = _plain(head[: denied.start() if denied else None])
    found = {letter: one for letter, one in options.items() if one and _stands_in(one, head)}
    shorter = [one for one in found.values() if any(one != other and one in other for other in found.values())]
    return {letter for letter, one in found.items() if one not in shorter}


def _stands_in(option: str, text: str) -> bool:
    before, after = (r"(?<!\w)", r"(?!\w)") if option.isascii() else ("", "")  # some scripts don't separate words
    return re.search(f"{before}{re.escape(option)}{after}", text) is not None


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).strip(" .,;|*\"'")
