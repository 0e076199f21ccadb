"""Inputs that hold the passage their answers are taken from, as in SQuAD: which part of them asks, and what an answer
copies from the rest.

A right answer may repeat its question. Of the passage, it may repeat the sentence that answers the question. Whatever
else it copies leaves open which part of it is the answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from eval.scoring.collection import all_values, values_of
from eval.scoring.reading import Fact, FactKind, Said
from eval.scoring.words import folded
from eval.scoring.yes_no import MOST_IN_SENTENCE
from eval.task import Example

_ASKS = re.compile(r"[?？؟՞][\"'”’»)\]*_\s]*$")
_PARAGRAPHS, _LINES = re.compile(r"\n\s*\n"), re.compile(r"\n")
_SENTENCES = re.compile(r"(?<=[.!?؟])\s+|(?<=[。！？])|\n+")
_QUESTION = re.compile(
    r"^[^\w\n]*(?:question|query|q|frage|pregunta|pergunta|domanda|vraag|pytanie|fråga|spørgsmål|soru|вопрос|سؤال|"
    r"问题|問題|質問|질문)[\s*_]*[:：]\s*",
    re.IGNORECASE | re.MULTILINE,
)
_LABEL = re.compile(r"^[ \t#*_]*[^\W\d_][^\n:：.?!]{0,30}[:：]", re.MULTILINE)
_MOSTLY = 0.5
_ROWS_READ = 300
_ALMOST_ALL, _FEWEST_COPIED = 0.8, 6  # of a passage's words and facts; fewer can be one sentence
_FACT_IN_ANSWER, _FACT_APART = 0.1, 1.1  # the cost of another fact; two apart make a short answer wrong
_AFTERWARDS = 0.5  # share of these costs once the answer has been given, as models that run on do
# The cost of each copied word, as a share of the expected facts.
_WORD_IN_ANSWER, _WORD_APART = 0.03, 0.15


def question_of(input: str) -> str:
    """The part of an input that asks: what is headed "Question:", or else the paragraph, line or sentence with the
    question mark, at the end if there are several. Without either, the shortest paragraph or line of a long input."""
    if headed := list(_QUESTION.finditer(input)):
        start = headed[-1].end()
        label = _LABEL.search(input, start)
        return input[start : label.start() if label else len(input)].strip()
    text = input
    for split in (_PARAGRAPHS, _LINES, _SENTENCES):
        parts = [part for part in split.split(text) if part.strip()]
        asking = [part for part in parts if _ASKS.search(part)]
        if len(parts) > 1 and asking:
            text = asking[0] if asking[0] is parts[0] and asking[-1] is not parts[-1] else asking[-1]
    if _ASKS.search(text):
        return text.strip()
    for split in (_PARAGRAPHS, _LINES):
        if len(parts := [part for part in split.split(input) if part.strip()]) > 1:
            return min(parts, key=len)
    return ""


@dataclass(frozen=True, slots=True)
class Copied:
    """What an answer repeats of an input that holds a passage.

    `is_all`: it repeats almost all of it. `words`: the cost of the words it copies besides the expected answer, as a
    share of the expected facts. `in_answer`: what the passage states in the sentence that answers the question.
    `after`: up to where the answer has given what is expected, if it begins with it.
    """

    question: str
    is_all: bool
    words: float
    in_answer: frozenset[Hashable]
    after: int

    def cost(self, fact: Fact, values: Sequence[Hashable]) -> float:
        """The cost of these values of a fact that is neither expected nor asked about."""
        cost = _FACT_IN_ANSWER if self.in_answer.issuperset(values) else _FACT_APART
        return cost * (_AFTERWARDS if fact.span[0] >= self.after else 1.0)


class Passages:
    """How to tell the question from the passage in the inputs of one task. Made by `learn`."""

    def __init__(self, read: Callable[[str], Said]) -> None:
        self._read = read

    @classmethod
    def learn(cls, train: Sequence[Example], read: Callable[[str], Said]) -> Passages | None:
        """None unless most of what training answers add to their questions stands in their inputs."""
        passages = cls(read)
        shares = [share for row in train[:_ROWS_READ] if (share := passages._share_held(row)) is not None]
        return passages if shares and sum(shares) > _MOSTLY * len(shares) else None

    def question(self, input: str) -> str:
        """The part of an input that asks. A short input without a question mark asks as a whole."""
        question = question_of(input)
        is_short = not _ASKS.search(question) and len(self._read(input).facts) <= MOST_IN_SENTENCE
        return input if is_short else question

    def copied(self, answer: Said, text: str, expected: Said, input: str) -> Copied | None:
        """What an answer (`text`, folded) copies; None if the input is only a question."""
        question = self.question(input)
        if question == input:
            return None
        asked, passage, told = self._read(question), self._read(input), self._read(text)
        known = _words(expected) | _words(asked)
        rest = {*all_values(passage)} - known
        answering = self._answering(passage, folded(input), expected, asked)
        after = _given_by(answer, text, _words(expected) - _words(asked) or _words(expected), known)
        words: dict[Hashable, float] = {}
        for fact in answer.facts:
            if fact.kind is FactKind.WORD and (value := fact.values[0]) not in known:
                cost = _WORD_IN_ANSWER if value in answering else _WORD_APART if value in _words(passage) else 0.0
                words.setdefault(value, cost * (_AFTERWARDS if fact.span[0] >= after else 1.0))
        return Copied(
            question,
            is_all=len(rest) >= _FEWEST_COPIED and len(rest & _words(told)) >= _ALMOST_ALL * len(rest),
            words=sum(words.values()),
            in_answer=answering,
            after=after,
        )

    def _answering(self, passage: Said, text: str, expected: Said, asked: Said) -> frozenset[Hashable]:
        """What the sentences state that hold the expected answer and repeat most of the question's words."""
        stated = [{*_within(passage, *span)} for span in _spans(text)]
        meant = _words(expected) - _words(asked) or _words(expected)
        shared = [len(values & asked.stems) + 1 if values & meant else 0 for values in stated]
        best = max(shared)
        found = {one for values, count in zip(stated, shared, strict=True) if count == best > 0 for one in values}
        names = [{*fact.values} for fact in passage.facts if fact.kind is FactKind.NAME]
        longer = [name for name in names if name & asked.stems and not name & meant]  # the National Gallery
        return frozenset(found.union(*longer))

    def _share_held(self, row: Example) -> float | None:
        """The share of what a training answer adds to its question that the rest of the input holds; None if it adds
        nothing."""
        question, expected = self.question(row.input), self._read(row.target)
        asked = self._read(question)
        added = {*all_values(expected)} - _words(asked)
        if not added or expected.refuses:
            return None
        if question == row.input:
            return 0.0
        if folded(row.target).casefold() in folded(row.input).casefold():  # also beyond what is read
            return 1.0
        passage = self._read(row.input)
        return len(added & _words(passage)) / len(added)


def _given_by(answer: Said, text: str, meant: set[Hashable], known: set[Hashable]) -> int:
    """The place in an answer up to which it has given what is `meant`: where it first states it if only `known` words
    come before, or else the end of its first sentence. The answer's length if it gives it later or never."""
    facts = sorted(answer.facts, key=lambda fact: fact.span)
    for fact in facts:
        if meant.intersection(values_of(fact)):
            return fact.span[1]
        if not known.issuperset(values_of(fact)):
            break
    start, end = next((span for span in _spans(text) if text[slice(*span)].strip()), (0, 0))
    return end if meant.intersection(_within(answer, start, end)) else len(text)


def _spans(text: str) -> list[tuple[int, int]]:
    """The sentences of a text."""
    return list(pairwise([0, *(match.end() for match in _SENTENCES.finditer(text)), len(text)]))


def _words(said: Said) -> set[Hashable]:
    """Everything a text states, and the stems of its words, also within names."""
    return {*all_values(said)} | said.stems


def _within(said: Said, start: int, end: int) -> list[Hashable]:
    return [value for fact in said.facts if start <= fact.span[0] < end for value in values_of(fact)]
