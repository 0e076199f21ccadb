"""Answers that are wrong in one known way, and right ones in another form, made from expected answers. They show
whether a metric judges like a person."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from fractions import Fraction
from random import Random

from eval.measuring.freshness import shape_of
from eval.measuring.robustness import reworded
from eval.scoring.collection import Collection, all_values, values_of
from eval.scoring.dates import Date
from eval.scoring.numbers import Quantity
from eval.scoring.reading import Fact, FactKind
from eval.scoring.words import folded
from eval.task import Example

REFUSAL = "I don't know."


class Corruption(StrEnum):
    """What was done to an expected answer. `OTHER_WORDS` keeps it right; all others make it wrong."""

    OTHER_WORDS = "other_words"
    CHANGED_NUMBER = "changed_number"
    CHANGED_DATE = "changed_date"
    CHANGED_NAME = "changed_name"
    WITHOUT_FACT = "without_fact"
    OTHER_ANSWER = "other_answer"
    QUESTION = "question"
    REFUSAL = "refusal"


_NUMBERS, _DATES = (FactKind.NUMBER, FactKind.CODE), (FactKind.DATE, FactKind.TIME)
_INSTEAD = {
    FactKind.NUMBER: "some", FactKind.DATE: "some day", FactKind.TIME: "some time", FactKind.CODE: "something",
    FactKind.NAME: "something", FactKind.WORD: "something",
}  # fmt: skip
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


class Corrupter:
    """Replaces facts by facts of the other `rows`, so that nothing looks out of place. `carries`, as in `Metric`: the
    facts that must be right come from the input. `keeps_order`: sentences have fixed places, as in a letter.
    `question` gives the part of an input that asks; the rest is a passage that holds the answer."""

    def __init__(
        self,
        rows: Sequence[Example],
        collection: Collection,
        carries: bool = False,
        keeps_order: bool = False,
        question: Callable[[str], str] = lambda input: input,
    ) -> None:
        self._rows, self._collection, self._question = rows, collection, question
        self._carries, self._keeps_order = carries, keeps_order
        self._stated: dict[FactKind, dict[str, Fact]] = {kind: {} for kind in FactKind}
        for row in rows:
            text = folded(row.target)
            for fact in collection.read(row.target).facts:
                self._stated[fact.kind].setdefault(text[slice(*fact.span)], fact)

    def corruptions(self, example: Example, seed: int) -> Iterator[tuple[Corruption, str]]:
        """The corruptions this answer allows: only an answer with a number can get another number, one that the input
        doesn't contain. Deterministic for a seed."""
        random = Random(f"{seed}-{example.id}")
        text, said = folded(example.target), self._collection.read(example.target)
        asked, told = folded(example.input).casefold(), self.told(example)
        if not said.refuses:
            yield Corruption.OTHER_WORDS, self.in_other_words(example.target, random)
            yield Corruption.REFUSAL, REFUSAL
        for name, kinds in (
            (Corruption.CHANGED_NUMBER, _NUMBERS),
            (Corruption.CHANGED_DATE, _DATES),
            (Corruption.CHANGED_NAME, (FactKind.NAME,)),
        ):
            changed = self._changed(text, [fact for fact in told if fact.kind in kinds], asked, random)
            if changed is not None:
                yield name, changed
        facts = told or [f for f in said.facts if text[slice(*f.span)].casefold() not in asked]
        if facts and not said.refuses:
            yield Corruption.WITHOUT_FACT, _replaced(text, facts, lambda fact: _INSTEAD[fact.kind])
        others = [row.target for row in self._rows if row.target not in example.answers]
        if others:
            yield Corruption.OTHER_ANSWER, random.choice(others)
        yield Corruption.QUESTION, example.input

    def told(self, example: Example) -> list[Fact]:
        """The numbers, dates, names and similar facts that an answer must get right: those the expected answer adds to
        the input or, with `carries`, takes over from it."""
        text, asked = folded(example.target), folded(self._question(example.input)).casefold()
        given = {*all_values(self._collection.read(example.input))}
        stated = self._collection.read(example.target).facts
        facts = [fact for fact in stated if fact.is_hard and not self._collection.says_little(fact)]
        if self._carries:
            return [fact for fact in facts if given.intersection(values_of(fact))]
        return [fact for fact in facts if text[slice(*fact.span)].casefold() not in asked]

    def _changed(self, text: str, facts: Sequence[Fact], asked: str, random: Random) -> str | None:
        if not facts:
            return None
        fact = random.choice(facts)
        old = text[slice(*fact.span)]
        alike = [
            other
            for other, stated in self._stated[fact.kind].items()
            if _is_near_miss(stated, fact)
            and (fact.kind is FactKind.NUMBER or not set(other.casefold().split()) & set(old.casefold().split()))
            and other.casefold() not in asked
            and other.casefold() not in text.casefold()
        ]
        if alike:
            fitting = [other for other in alike if shape_of(other) == shape_of(old)] or alike
            return _replaced(text, [fact], lambda _: random.choice(fitting))
        if fact.kind in (FactKind.NUMBER, FactKind.DATE, FactKind.TIME, FactKind.CODE) and any(map(str.isdigit, old)):
            digits = "".join(str((int(sign) + 3) % 9 + 1) if sign.isdecimal() else sign for sign in old)
            return _replaced(text, [fact], lambda _: digits)
        return None

    def in_other_words(self, text: str, random: Random) -> str:
        """Sentences in another order (if allowed), common words replaced by equivalents, numbers and dates in another
        notation."""
        facts = [f for f in self._collection.read(text).facts if f.kind in (FactKind.NUMBER, FactKind.DATE)]
        written = _replaced(folded(text), facts, _renoted)
        if self._keeps_order:
            return reworded(written, random)
        sentences = [each for each in written.replace("! ", "!\0").replace(". ", ".\0").split("\0") if each.strip()]
        told = " ".join(reversed(sentences))
        return f"As far as I can see: {reworded(told, random)}"


def _is_near_miss(stated: Fact, fact: Fact) -> bool:
    """Whether the one can stand wrongly for the other: the most convincing wrong number has the right unit."""
    if fact.kind is not FactKind.NUMBER:
        return True
    one, other = stated.quantity, fact.quantity
    return (one.unit, one.per) == (other.unit, other.per) and not one.agrees_with(other)


def _replaced(text: str, facts: Sequence[Fact], instead: Callable[[Fact], str]) -> str:
    for fact in sorted(facts, key=lambda fact: -fact.span[0]):
        start, end = fact.span
        text = text[:start] + (instead(fact) or text[start:end]) + text[end:]
    return text


def _renoted(fact: Fact) -> str:
    """A date with its month's name, a plain whole number without thousands separators; "" keeps it as it is."""
    value = fact.values[0]
    if isinstance(value, Date) and value.year and value.month and value.day:
        return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"
    if isinstance(value, Quantity) and not value.unit and not value.is_soft and value.value == value.value // 1:
        return str(int(Fraction(value.value)))
    return ""
