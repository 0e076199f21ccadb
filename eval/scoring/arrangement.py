"""What the arrangement of facts in a text says: from one to another, or one or another."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from difflib import SequenceMatcher
from itertools import chain, pairwise

from eval.scoring.collection import values_of
from eval.scoring.reading import Fact, FactKind, Said
from eval.scoring.units import DIMENSIONS
from eval.scoring.words import ARTICLES, folded, is_function_word, letters_of

_TO = re.compile(r"\s*(?:to|until|till|through|into|→|->|–|—|-)\s*(?:the\s+)?")
_OR = re.compile(r",?\s*\b(?:or|oder|ou)\s+(?:(?:a|an|the|in|on|at|by)\s+)?")
_OR_LISTED = re.compile(rf"(?:{_OR.pattern}|,\s*(?:(?:a|an|the|in|on|at|by)\s+)?)")
_FEWEST_IN_LIST = 3  # a bare list this long names choices even without "or"
_SPELLED_ALIKE = 0.75  # the share of letters that gray and grey have in common
_MOST_COUNTED = 2  # words after a number that say what it counts: five brass tokens

Values = tuple[Hashable, ...]


def turned_round(answer: Said, text: str, expected: Said, target: str) -> set[Hashable]:
    """The values that an answer arranges the other way round than expected: Oslo to Rome instead of Rome to Oslo."""
    ways, wanted = set(_joined(answer, text, _TO)), set(_joined(expected, target, _TO))
    return {value for one, other in wanted - ways if (other, one) in ways for value in (*one, *other)}


def left_open(answer: Said, text: str, expected: Said) -> dict[Hashable, int]:
    """The values an answer offers as alternatives when one of them was not expected (red, blue or green), and how many
    there are to choose from. A text that is nothing but a list, without "and", offers them, too."""
    known = {value for fact in expected.facts for value in values_of(fact)} | expected.stems
    text = folded(text)
    found: dict[Hashable, int] = {}
    for offered in _chains(answer, text):
        between = [text[one.span[1] : other.span[0]] for one, other in pairwise(offered)]
        is_bare = len(offered) == len(answer.facts) >= _FEWEST_IN_LIST
        if not is_bare and not any(map(_OR.fullmatch, between)):
            continue
        values = [values_of(fact) for fact in offered]
        if not all(map(known.issuperset, values)):
            found |= dict.fromkeys(chain.from_iterable(values), len(offered))
    return found


def counted_words(said: Said, text: str) -> dict[Hashable, Fact]:
    """The words and names that belong to a number, with that number: up to two words after it (five brass tokens) and
    one before it (Room 12). Where the number is wrong, they say nothing right."""
    return {value: number for number, value in _counted(said, text)}


def miscounted(answer: Said, text: str, expected: Said, target: str) -> set[Fact]:
    """The expected numbers that an answer gives to something else: 3 books for 6 weeks instead of 6 books for 3
    weeks. It states another number of the same things, or of the same kind of unit, one that isn't expected of them."""
    theirs, wanted = _by_thing(answer, text), _by_thing(expected, target)
    found: set[Fact] = set()
    for thing in theirs.keys() & wanted.keys():
        stated, numbers = ([fact.quantity for fact in facts] for facts in (theirs[thing], wanted[thing]))
        if any(not any(map(one.agrees_with, numbers)) for one in stated):
            found.update(fact for fact in wanted[thing] if not any(map(fact.quantity.agrees_with, stated)))
    return found


def _by_thing(said: Said, text: str) -> dict[Hashable, list[Fact]]:
    """The numbers by what they count, a word or the dimension of their unit."""
    found: dict[Hashable, list[Fact]] = {}
    for number, value in _counted(said, text):
        if number.kind is FactKind.NUMBER and not number.quantity.unit:
            found.setdefault(value, []).append(number)
    for fact in said.facts:
        if fact.kind is FactKind.NUMBER and fact.quantity.unit:
            found.setdefault(("dimension", DIMENSIONS[fact.quantity.unit][0]), []).append(fact)
    return found


def _counted(said: Said, text: str) -> Iterator[tuple[Fact, Hashable]]:
    text = folded(text)
    facts = sorted(said.facts, key=lambda fact: fact.span)
    for at, number in enumerate(facts):
        if number.kind not in (FactKind.NUMBER, FactKind.CODE) or not number.is_hard:
            continue
        before = facts[at - 1] if at else None
        if before and _is_word(before) and text[before.span[1] : number.span[0]] == " ":
            yield from ((number, value) for value in values_of(before))
        end = number.span[1]
        for fact in facts[at + 1 : at + 1 + _MOST_COUNTED]:
            between = text[end : fact.span[0]]
            is_next = not between.strip(" -") or (
                fact.kind is FactKind.WORD and all(map(is_function_word, between.split()))
            )
            if not _is_word(fact) or not is_next:
                break
            yield from ((number, value) for value in values_of(fact))
            end = fact.span[1]


def replaced(answer: Said, text: str, expected: Said, target: str, asked: Said) -> set[Fact]:
    """The expected words in whose place an answer has another one, beside the same word: a red pass instead of a green
    pass. Another spelling (gray, grey) is no other word. Scripts without spaces have no such places."""
    known = expected.stems | asked.stems
    others = {place: word for word, place in _places(answer, text) if word.values[0] not in known}
    found: set[Fact] = set()
    for word, place in _places(expected, target):
        other = others.get(place)
        if word.values[0] not in answer.stems and other and not _is_spelled_alike(word, other):
            found.add(word)
    return found


def _places(said: Said, text: str) -> Iterator[tuple[Fact, tuple[str, Values, str]]]:
    """Each word with the fact before or after it and what joins the two, without articles."""
    text = folded(text).casefold()
    for one, other in pairwise(sorted(said.facts, key=lambda fact: fact.span)):
        joint = " ".join(word for word in text[one.span[1] : other.span[0]].split() if word not in ARTICLES)
        if one.kind is FactKind.WORD and not letters_of(str(one.values[0])):
            yield one, ("before", tuple(values_of(other)), joint)
        if other.kind is FactKind.WORD and not letters_of(str(other.values[0])):
            yield other, ("after", tuple(values_of(one)), joint)


def _is_spelled_alike(one: Fact, other: Fact) -> bool:
    return SequenceMatcher(None, str(one.values[0]), str(other.values[0])).ratio() >= _SPELLED_ALIKE


def _is_word(fact: Fact) -> bool:
    """Whether it is a word, a name or a weekday: the third Wednesday."""
    is_weekday = fact.kind is FactKind.TIME and isinstance(fact.values[0], str)
    return is_weekday or fact.kind in (FactKind.WORD, FactKind.NAME)


def _chains(said: Said, text: str) -> Iterator[list[Fact]]:
    """Runs of two or more facts of one kind with only commas and "or" between them."""
    run: list[Fact] = []
    for fact in sorted(said.facts, key=lambda fact: fact.span):
        if run and (fact.kind is not run[-1].kind or not _OR_LISTED.fullmatch(text, run[-1].span[1], fact.span[0])):
            if len(run) > 1:
                yield run
            run = []
        run.append(fact)
    if len(run) > 1:
        yield run


def _joined(said: Said, text: str, by: re.Pattern[str]) -> Iterator[tuple[Values, Values]]:
    """Neighbouring facts of one kind with only the words of `by` between them."""
    text = folded(text)
    facts: list[Fact] = sorted(said.facts, key=lambda fact: fact.span)
    for one, other in pairwise(facts):
        if one.kind is other.kind and by.fullmatch(text, one.span[1], other.span[0]):
            yield tuple(values_of(one)), tuple(values_of(other))
