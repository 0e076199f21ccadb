"""Which of a task's texts contain which words: was an answer there to be read?

Words are compared as in scoring, but a little more leniently: "twelve" is 12, and endings don't count.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import takewhile

import numpy as np
from numpy.typing import NDArray

from eval.scoring.words import ARTICLES, answer_words, unpunctuated
from eval.task import Task

_NUMBER_WORDS = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)
_NUMBERS = {word: str(number) for number, word in enumerate(_NUMBER_WORDS)}
# Scripts whose letters count as a word each: without spaces between words (Thai to Burmese, Khmer, Chinese, Japanese),
# or with particles joined to them (Korean). Hebrew, Arabic and Hindi have spaces.
UNSPACED = "\u0e00-\u109f\u1780-\u17ff\u2e80-\ud7ff\uf900-\ufaff"
_PIECES = re.compile(f"[{UNSPACED}]|[^{UNSPACED}]+")
_STEM_LETTERS = 5
_ENDING_LETTERS = 3
_OTHER = "\0"  # the sign for all words nobody searches for
_NOWHERE = np.array([], dtype=np.int64)
_SHORTEST_WORD, _SHORTEST_NUMBER = 4, 2  # characters; anything shorter rarely carries meaning by itself


Numbers = NDArray[np.int64]


def words_of(text: str) -> list[str]:
    words = answer_words(text)
    pieces = words if text.isascii() else [piece for word in words for piece in _PIECES.findall(word)]
    return [_NUMBERS.get(piece, piece) for piece in pieces]


def number_of(word: str) -> str:
    """A number word in digits; any other word in lower case."""
    return _NUMBERS.get(word.lower(), word.lower())


@lru_cache(maxsize=100_000)
def stem_of(word: str) -> str:
    """A word without its ending; a number as it is."""
    return word if _has_digit(word) else word[:_STEM_LETTERS]


def is_alike(word: str, other: str) -> bool:
    """Whether two words differ only in their endings: "regulated" and "regulating". Numbers must be equal."""
    if word == other or _has_digit(word + other):
        return word == other
    shared = sum(1 for _ in takewhile(lambda letters: letters[0] == letters[1], zip(word, other, strict=False)))
    return shared >= max(_SHORTEST_WORD, max(len(word), len(other)) - _ENDING_LETTERS)


def content_of(text: str, question: str) -> list[str]:
    """The stems that `text` adds to the question: its numbers and longer words that aren't in the question."""
    asked = set(map(stem_of, words_of(question)))
    return [stem for word in words_of(text) if _is_telling(word) and (stem := stem_of(word)) not in asked]


def line_of(text: str) -> str:
    """The words of a text as one line, for `stands_in`."""
    return f" {' '.join(words_of(text))} "


def stands_in(value: object, line: str) -> bool:
    """Whether a line contains a value's words, one after the other; False if the value has none."""
    return bool((words := line_of(str(value))).strip()) and words in line


class Evidence:
    """Which documents and expected answers of a task contain the words of expected answers (`targets`) and the stems of
    given answers.

    Each text is read once and kept as a line of signs, one per word. The signs show where to look closer.
    """

    def __init__(self, task: Task, stems: Iterable[str], targets: Iterable[str]) -> None:
        self._signs = _Signs({word for target in targets for word in words_of(target)}, set(stems))
        self._lines = {one.id: self._signs.line_of(f"{one.title}\n{one.text}") for one in task.documents}
        self._documents = list(self._lines.values())
        expected = sorted({answer for example in task.examples for answer in example.answers})
        self._where = _places([*self._documents, *map(self._signs.line_of, expected)])
        self._of_stem: dict[str, Numbers] = {}

    def is_among(self, target: str, documents: Iterable[str]) -> bool | None:
        """Whether one of these documents contains the words of `target`; None if no document of the task does."""
        line = "".join(self._signs.of_word.get(word, "") or _OTHER for word in words_of(target))
        if not line or _OTHER in line:
            return None
        if any(line in self._lines[id] for id in documents if id in self._lines):
            return True
        rarest = sorted((self._where.get(sign, _NOWHERE) for sign in {*line}), key=len)[:2]
        together = np.intersect1d(rarest[0], rarest[-1], assume_unique=len(rarest) == 2).tolist()
        return False if any(line in self._documents[at] for at in together if at < len(self._documents)) else None

    def share_together(self, stems: Sequence[str]) -> float:
        """The largest share of `stems` (not empty) found together in one document or one expected answer."""
        found = np.concatenate([self._places_of(stem) for stem in stems])
        return float(np.bincount(found).max()) / len(stems) if len(found) else 0.0

    def _places_of(self, stem: str) -> Numbers:
        if stem not in self._of_stem:
            places = [self._where.get(sign, _NOWHERE) for sign in self._signs.of_stem[stem]]
            self._of_stem[stem] = np.unique(np.concatenate([_NOWHERE, *places]))
        return self._of_stem[stem]


class _Signs(dict[str, str]):
    """The signs of the words in a piece of text between spaces, computed when the piece first appears. Each word in
    `words`, or whose stem is in `stems`, has its own sign; all others share one."""

    def __init__(self, words: set[str], stems: set[str]) -> None:
        self._words, self._stems = words, stems
        self.of_word: dict[str, str] = {}
        self.of_stem: defaultdict[str, list[str]] = defaultdict(list)

    def __missing__(self, piece: str) -> str:
        words = () if piece in ARTICLES else words_of(piece)
        return self.setdefault(piece, "".join(map(self._sign, words)))

    def line_of(self, text: str) -> str:
        """The signs of the words of a text."""
        line = "".join(map(self.__getitem__, unpunctuated(text).split()))
        return line or "".join(map(self._sign, words_of(text)))  # the text may consist of articles

    def _sign(self, word: str) -> str:
        stem = stem_of(word)
        if word not in self.of_word and (word in self._words or stem in self._stems):
            self.of_word[word] = chr(ord(_OTHER) + 1 + len(self.of_word))
            self.of_stem[stem].append(self.of_word[word])
        return self.of_word.get(word, _OTHER)


def _places(lines: Sequence[str]) -> dict[str, Numbers]:
    """For each sign, the numbers of the lines that contain it."""
    own = [line.replace(_OTHER, "") for line in lines]
    signs = np.frombuffer("".join(own).encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.int64)
    pairs = np.sort(signs * len(lines) + np.repeat(np.arange(len(lines)), [*map(len, own)]))
    signs, at = np.divmod(pairs[np.diff(pairs, prepend=-1) > 0], max(1, len(lines)))
    first = np.flatnonzero(np.diff(signs, prepend=-1))
    return dict(zip(map(chr, signs[first].tolist()), np.split(at, first[1:]), strict=False))


def _has_digit(word: str) -> bool:
    return any(map(str.isdigit, word))


def _is_telling(word: str) -> bool:
    return len(word) >= (_SHORTEST_NUMBER if _has_digit(word) else _SHORTEST_WORD)
