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
LETTERS_A_TOKEN = 4.2  # of English, with a vocabulary of about 50,000; German and Spanish need up to half as many again
BYTES_A_TOKEN = 2.0  # of letters outside ASCII: between 1.1 for Korean and 2.6 for Hindi with SmolLM2
LETTERS_A_WORD = 2  # letters of an unspaced script say about as much as a word
LETTERS_A_THAI_WORD = 3  # in Thai, Lao, Khmer and Burmese, whose letters are sounds

_LETTER = regex.compile(rf"{UNSPACED}\p{{M}}*", regex.V1)
_THAI = regex.compile(r"[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}&&[\p{L}]]\p{M}*", regex.V1)
_KATAKANA = regex.compile(r"[\p{Katakana}ー]+")  # one foreign word
_BETWEEN = regex.compile(r"[\s\u1361\u200b]+")  # also the Ethiopic word mark, and the invisible one of Thai and Khmer
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
    """The number of words. In unspaced scripts, two or three letters count as one word."""
    words, letters = _count(text)
    return ceil(words + letters) or bool(text.strip())


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
    return letters * LETTERS_A_WORD > words


def _count(text: str) -> tuple[int, float]:
    """The number of words between spaces, and of those that the letters of unspaced scripts make. An emoji or a dash is
    no word; in ASCII, where tables and prompts have always been counted, all between two spaces is one."""
    if text.isascii():
        return len(text.split()), 0.0
    rest, foreign = _KATAKANA.subn(" ", text)
    rest, thai = _THAI.subn(" ", rest)
    rest, letters = _LETTER.subn(" ", rest)
    words = sum(1 for word in _BETWEEN.split(rest) if _SAYS.search(word))
    return words, foreign + thai / LETTERS_A_THAI_WORD + letters / LETTERS_A_WORD


def about_tokens(text: str) -> float:
    """About how many tokens of a model a text is, from its letters, where no tokenizer is known."""
    if text.isascii():
        return len(text) / LETTERS_A_TOKEN
    ascii_letters = len(text.encode("ascii", "ignore"))
    others = len(text.encode("utf-8", "replace")) - ascii_letters
    return ascii_letters / LETTERS_A_TOKEN + others / BYTES_A_TOKEN
