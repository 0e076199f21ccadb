"""What stands where in a task's texts: whether the words of an answer were there to be read.

Words are compared as scoring does it, and a little more kindly: "twelve" is 12, and endings do not count.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import takewhile

from eval.scoring import answer_words
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
# Scripts that put no spaces between words: every letter counts as a word of its own.
UNSPACED = "\u0590-\u1dff\u2e80-\ud7ff\uf900-\ufaff"
_PIECES = re.compile(f"[{UNSPACED}]|[^{UNSPACED}]+")
_STEM_LETTERS = 5
_ENDING_LETTERS = 3
_SHORTEST_WORD, _SHORTEST_NUMBER = 4, 2  # signs; what is shorter seldom says anything by itself


def words_of(text: str) -> list[str]:
    words = answer_words(text)
    pieces = words if text.isascii() else [piece for word in words for piece in _PIECES.findall(word)]
    return [_NUMBERS.get(piece, piece) for piece in pieces]


def number_of(word: str) -> str:
    """A word for a number in digits; any other word in lower case."""
    return _NUMBERS.get(word.lower(), word.lower())


@lru_cache(maxsize=100_000)
def stem_of(word: str) -> str:
    """A word without its ending; a number as it is."""
    return word if _has_digit(word) else word[:_STEM_LETTERS]


def is_alike(word: str, other: str) -> bool:
    """Whether two words are the same up to their endings: "regulated" and "regulating"; numbers have none."""
    if word == other or _has_digit(word + other):
        return word == other
    shared = sum(1 for _ in takewhile(lambda letters: letters[0] == letters[1], zip(word, other, strict=False)))
    return shared >= max(_SHORTEST_WORD, max(len(word), len(other)) - _ENDING_LETTERS)


def content_of(text: str, question: str) -> list[str]:
    """The stems by which `text` says more than the question: its numbers and longer words that are not asked with."""
    asked = set(map(stem_of, words_of(question)))
    return [stem for word in words_of(text) if _is_telling(word) and (stem := stem_of(word)) not in asked]


def line_of(text: str) -> str:
    """The words of a text as one line, for `stands_in`."""
    return f" {' '.join(words_of(text))} "


def stands_in(value: object, line: str) -> bool:
    """Whether a value's words stand in a line, one after the other; False where it has none."""
    return bool((words := line_of(str(value))).strip()) and words in line


class Evidence:
    """The documents of a task by id, each as a line, and where the stems of some answers stand.

    Only `stems` are looked for, so that a large collection is read once and little of it is kept.
    """

    def __init__(self, task: Task, stems: Iterable[str]) -> None:
        self.lines = {document.id: line_of(f"{document.title}\n{document.text}") for document in task.documents}
        wanted = set(stems)
        self._where: dict[str, list[int]] = {}
        targets = (line_of(target) for target in sorted({example.target for example in task.examples}))
        for at, line in enumerate((*self.lines.values(), *targets)):
            for stem in wanted.intersection(map(stem_of, line.split())):
                self._where.setdefault(stem, []).append(at)

    def is_among(self, target: str, documents: Iterable[str]) -> bool | None:
        """Whether the words of `target` stand in one of these documents; None where they stand in none there is."""
        words = line_of(target)
        if not words.strip():
            return None
        if any(words in self.lines[id] for id in documents if id in self.lines):
            return True
        return False if any(words in line for line in self.lines.values()) else None

    def share_together(self, stems: Sequence[str]) -> float:
        """The largest share of these stems, of which there are some, in one document or one expected answer."""
        found = Counter(at for stem in stems for at in self._where.get(stem, ()))
        return max(found.values(), default=0) / len(stems)


def _has_digit(word: str) -> bool:
    return any(map(str.isdigit, word))


def _is_telling(word: str) -> bool:
    return len(word) >= (_SHORTEST_NUMBER if _has_digit(word) else _SHORTEST_WORD)
