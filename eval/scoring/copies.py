"""Answers that copy their input where the task is to write something of another form, such as a letter from a note."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from eval.scoring.words import find_words, folded
from eval.task import Example

_RUN = 4  # consecutive words; fewer are often the only way to say it
_ALMOST_ALL = 0.8
_FEWEST_ROWS, _FEWEST_FIXED = 5, 2


def have_own_form(train: Sequence[Example]) -> bool:
    """Whether almost all answers share words that their inputs lack, such as a greeting."""
    if len(train) < _FEWEST_ROWS:
        return False
    fixed = Counter(word for row in train for word in {*_words(row.target)} - {*_words(row.input)})
    return sum(count >= _ALMOST_ALL * len(train) for count in fixed.values()) >= _FEWEST_FIXED


def share_copied(text: str, target: str, input: str) -> float:
    """The share of an answer's words in runs that it copies from the input and that the expected answer lacks."""
    words = _words(text)
    copied = {*_runs(_words(input))} - {*_runs(_words(target))}
    places = {at + step for at, run in enumerate(_runs(words)) if run in copied for step in range(_RUN)}
    return len(places) / len(words) if words else 0.0


def _words(text: str) -> list[str]:
    return [match[0].casefold() for match in find_words(folded(text))]


def _runs(words: Sequence[str]) -> Iterator[tuple[str, ...]]:
    return zip(*(words[step:] for step in range(_RUN)), strict=False)
