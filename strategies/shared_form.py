"""What most answers of a task share: how they begin and end, phrases that all contain, their lines and their length.

`MOST` of the answers must share it, so that an instruction that demands it is true of them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from eval.words import count_words, usual_length

MOST = 2 / 3
_ROWS_READ = 2_000  # what most answers share shows in fewer than a million of them
_LONGEST_PART = 40  # words of a shared beginning or ending
_PHRASE_WORDS = range(8, 2, -1)  # a shared phrase has 3 to 8 words; two words may be chance
_MOST_PHRASES = 2
_NAME_CHARACTERS = 40
_ABOUT = 0.3  # "about 40 words" is from 28 to 52
_BULLET = re.compile(r"\s*(?:[-*•]|\d{1,2}[.)])\s")
_SIGNS = {",": "a comma", "，": "a comma", ":": "a colon", "：": "a colon", "!": "an exclamation mark"}


def sample_of(answers: Iterable[str]) -> list[str]:
    """Some of the answers, spread evenly over all of them."""
    answers = [answer for answer in answers if answer.strip()]
    return answers[:: -(-len(answers) // _ROWS_READ)] if answers else []


def opening_of(answers: Sequence[str]) -> str:
    """The words that most answers begin with, or ""."""
    return " ".join(_shared_start([answer.split() for answer in answers]))


def ending_of(answers: Sequence[str]) -> str:
    """The words that most answers end with, or ""."""
    return " ".join(_shared_start([answer.split()[::-1] for answer in answers])[::-1])


def sign_after_name(answers: Sequence[str], opening: str) -> str:
    """What follows the name, where most answers open with a greeting: "a comma" for "Dear Ann,"; "" if most don't."""
    starts = [" ".join(answer[: len(opening) + 2 * _NAME_CHARACTERS].split()) for answer in answers]
    after = [start[len(opening) :][:_NAME_CHARACTERS] for start in starts if start.startswith(f"{opening} ")]
    signs = Counter(next((sign for sign in text if sign in _SIGNS or sign in ".?"), "") for text in after)
    sign, count = signs.most_common(1)[0] if signs else ("", 0)
    return _SIGNS.get(sign, "") if count >= MOST * len(answers) else ""


def phrases_in(answers: Sequence[str], known: Sequence[str]) -> list[str]:
    """Phrases of 3 to 8 words that most answers contain, the longest first, without what is in `known`."""
    found: list[str] = []
    words = [answer.split() for answer in answers]
    for size in _PHRASE_WORDS:
        counts = Counter(
            phrase
            for each in words
            for phrase in {" ".join(each[at : at + size]) for at in range(len(each) - size + 1)}
        )
        for phrase, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
            if count < MOST * len(answers) or len(found) == _MOST_PHRASES:
                break
            if not any(_overlap(phrase, other) for other in (*known, *found)):
                found.append(phrase)
    return found


def lines_in(answers: Sequence[str]) -> str:
    """How most answers are divided into lines, as the end of "Write it …", or ""."""

    def most(is_so: Callable[[str], bool]) -> bool:
        return sum(map(is_so, answers)) >= MOST * len(answers)

    if most(lambda answer: sum(map(bool, map(_BULLET.match, answer.splitlines()))) >= 2):
        return "as a list, one point a line"
    counts = Counter(sum(bool(line.strip()) for line in answer.splitlines()) for answer in answers)
    lines, count = counts.most_common(1)[0]
    if lines > 1 and count >= MOST * len(answers):
        return f"in {lines} lines"
    if most(lambda answer: "\n" in answer.strip()):
        return "in several lines"
    return ""


def length_of(answers: Sequence[str]) -> str:
    """The length of most answers, such as "about 40 words" or "2 to 30 words"."""
    usual, unit = usual_length(answers or ["word"])
    lengths = sorted(len(answer) if unit == "character" else count_words(answer) for answer in answers) or [1]
    whole = max(1, round(usual))
    near = sum(abs(length - usual) <= max(1, _ABOUT * usual) for length in lengths)
    if near >= MOST * len(lengths):
        return f"about {whole} {unit if whole == 1 else f'{unit}s'}"
    cut = int((1 - MOST) / 2 * (len(lengths) - 1))
    return f"{max(1, lengths[cut])} to {lengths[-1 - cut]} {unit}s"


def _shared_start(answers: Sequence[Sequence[str]]) -> list[str]:
    """The longest list of first words that `MOST` of the answers begin with."""
    shared: list[str] = []
    still = answers
    while len(shared) < _LONGEST_PART:
        at = len(shared)
        nexts = Counter(words[at] for words in still if len(words) > at)
        if not nexts:
            break
        word, count = nexts.most_common(1)[0]
        if count < MOST * len(answers):
            break
        shared.append(word)
        still = [words for words in still if len(words) > at and words[at] == word]
    return shared


def _overlap(phrase: str, other: str) -> bool:
    """Whether one holds the other, or one goes on where the other ends."""
    if phrase in other or other in phrase:
        return True
    first, second = phrase.split(), other.split()
    return any(
        first[-size:] == second[:size] or second[-size:] == first[:size]
        for size in range(2, min(len(first), len(second)))
    )
