"""Count and split words in any script: by spaces, or by letters in scripts without spaces."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from math import ceil
from statistics import median
from typing import Literal

import regex

# Letters of scripts without spaces between words, as a set for the `regex` library. Hangul, Hebrew, Arabic and
# Devanagari do have spaces.
UNSPACED = (
    r"[[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Bopo}"
    r"\p{scx=Thai}\p{scx=Lao}\p{scx=Khmer}\p{scx=Mymr}\p{scx=Tibt}]&&[\p{L}\p{N}--\p{Nd}]]"
)
LETTERS_A_WORD = 2  # letters of an unspaced script say about as much as a word (nearer three in Thai and Lao)

_LETTER = regex.compile(rf"{UNSPACED}\p{{M}}*", regex.V1)
_PIECE = regex.compile(rf"{UNSPACED}\p{{M}}*|[^\s{UNSPACED}]+", regex.V1)
_BARE = regex.compile(rf"{UNSPACED}\p{{M}}*|[\w--_--{UNSPACED}]+", regex.V1)
_SAYS = regex.compile(r"\w")


def is_unspaced(text: str) -> bool:
    """Whether any part of the text is in a script without spaces."""
    return not text.isascii() and _LETTER.search(text) is not None


def words_of(text: str) -> list[str]:
    """The words between spaces. In scripts without spaces: each letter with its marks, without punctuation."""
    if not is_unspaced(text):
        return text.split()
    return [piece for piece in _PIECE.findall(text) if _SAYS.search(piece)]


def count_words(text: str) -> int:
    """The number of words. In unspaced scripts, `LETTERS_A_WORD` letters count as one word."""
    words, letters = _count(text)
    return words + ceil(letters / LETTERS_A_WORD)


def usual_length(texts: Sequence[str]) -> tuple[float, Literal["word", "character"]]:
    """The median length of `texts`: in characters if most of them are in a script without spaces, else in words."""
    if sum(map(_is_mostly_unspaced, texts)) * 2 > len(texts):
        return median(map(len, texts)), "character"
    return median(map(count_words, texts)), "word"


def bare_words(text: str) -> str:
    """Only the words, in lower case and one space apart, to search for one text within another."""
    return " ".join(_BARE.findall(unicodedata.normalize("NFKC", text).casefold()))


def _is_mostly_unspaced(text: str) -> bool:
    words, letters = _count(text)
    return letters > words


def _count(text: str) -> tuple[int, int]:
    """The number of words between spaces, and of letters in unspaced scripts."""
    if not is_unspaced(text):
        return len(text.split()), 0
    rest, letters = _LETTER.subn(" ", text)
    return sum(1 for word in rest.split() if _SAYS.search(word)), letters
