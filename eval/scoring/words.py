"""The words of a text as scoring compares them: NFKC, case-folded, without endings. In scripts without spaces, every
two neighbouring letters are a word. Symbols count (C++ is not C, 👍 is not 👎); punctuation doesn't."""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

import regex
import snowballstemmer

from eval.words import UNSPACED

_LETTERS = rf"[\p{{L}}\p{{M}}\p{{N}}--{UNSPACED}]"
WORD = regex.compile(
    rf"(?V1)(?:{UNSPACED}\p{{M}}*)+|\.?{_LETTERS}+(?:['’]{_LETTERS}+|[&_.]{_LETTERS}+)*(?:[+#]+(?!{_LETTERS}))?"
    r"|[\p{So}\p{Sm}\p{Sk}]\p{M}*(?:\u200d[\p{So}]\p{M}*)*"
)
_INVISIBLE = regex.compile("[\u00ad\u200b\u2060\ufeff]")
_RUN = regex.compile(rf"(?V1){UNSPACED}\p{{M}}*")
_FRACTION_SIGN = regex.compile(r"(?<=\d)[¼½¾⅐-⅞]")
_STEM = snowballstemmer.stemmer("english").stemWord
_MOST_CACHED = 200_000
# Words without content. Other words that say little are found by how often they occur in a task.
_SAY_NOTHING = """
a an the and or but nor so if then than that this these those there here it its itself he him his she her hers they them
their theirs we us our ours you your yours i me my mine who whom whose which what where when why how is are was were be
been being am do does did done doing has have had having will would shall should can could may might must of in on at by
for with from to into onto upon about as per via over under between during through also just only very too such some any
much each every both all more most less least fewer other another own same up down out off again further once because
while until within s t
"""
_LETTERS_OF_THEIR_OWN = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe", "ß": "ss", "þ": "th"}
)
FUNCTION_WORDS = frozenset(_SAY_NOTHING.split())


def folded(text: str) -> str:
    """A text in its compatibility form, with plain quotes; letters keep their case."""
    text = _INVISIBLE.sub("", text)
    spaced = _FRACTION_SIGN.sub(r" \g<0>", text)  # or 1½ would become 11⁄2
    return unicodedata.normalize("NFKC", spaced).replace("’", "'").replace("‘", "'")


def find_words(text: str) -> Iterator[regex.Match[str]]:
    """The words and symbols of a text (`folded`)."""
    found: Iterator[regex.Match[str]] = WORD.finditer(text)
    return found


def letters_of(word: str) -> list[str]:
    """The letters, with their marks, of a word in a script without spaces; empty for other words."""
    return [] if word.isascii() else _RUN.findall(word)


@lru_cache(_MOST_CACHED)
def stem_of(word: str) -> str:
    """A word without its case and ending, possessives too. A word of one or two letters stays whole."""
    plain = word.casefold().removesuffix("'s").rstrip("'")
    return _STEM(plain) if len(plain) > 2 and plain.isascii() else plain


@lru_cache(_MOST_CACHED)
def unaccented(word: str) -> str:
    """A Latin word without accents, as names are often typed: Müller becomes Muller, Łódź becomes Lodz."""
    if word.isascii() or not unicodedata.name(word[0], "").startswith("LATIN"):
        return word
    return "".join(
        sign
        for sign in unicodedata.normalize("NFD", word.translate(_LETTERS_OF_THEIR_OWN))
        if not unicodedata.combining(sign)
    )


def is_function_word(word: str) -> bool:
    return word.casefold() in FUNCTION_WORDS


class _WithoutPunctuation(dict[int, int | None]):
    """For `str.translate`: computes the replacement of a sign when it first occurs."""

    def __missing__(self, code: int) -> int | None:
        is_punctuation = chr(code) in string.punctuation or unicodedata.category(chr(code)).startswith("P")
        return self.setdefault(code, None if is_punctuation else code)


_NO_PUNCTUATION = _WithoutPunctuation()
ARTICLES = ("a", "an", "the")
_ARTICLES = re.compile(rf"\b({'|'.join(ARTICLES)})\b")


def unpunctuated(text: str) -> str:
    """A text in lower case, without the punctuation of any script."""
    return text.lower().translate(_NO_PUNCTUATION)


def answer_words(text: str) -> list[str]:
    """The normalisation of SQuAD (Rajpurkar et al., 2016), with the punctuation of every script, as in MLQA."""
    kept = unpunctuated(text)
    return _ARTICLES.sub(" ", kept).split() or kept.split()  # keep the answer "A"
