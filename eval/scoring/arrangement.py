"""What the arrangement of facts in a text says: from one to another, or one or another."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from itertools import pairwise

from eval.scoring.collection import values_of
from eval.scoring.reading import Fact, Said
from eval.scoring.words import folded

_TO = re.compile(r"\s*(?:to|until|till|through|into|→|->|–|—|-)\s*(?:the\s+)?")
_OR = re.compile(r",?\s*\b(?:or|oder|ou)\s+(?:(?:a|an|the|in|on|at|by)\s+)?")

Values = tuple[Hashable, ...]


def turned_round(answer: Said, text: str, expected: Said, target: str) -> set[Hashable]:
    """The values that an answer arranges the other way round than expected: Oslo to Rome instead of Rome to Oslo."""
    ways, wanted = set(_joined(answer, text, _TO)), set(_joined(expected, target, _TO))
    return {value for one, other in wanted - ways if (other, one) in ways for value in (*one, *other)}


def left_open(answer: Said, text: str, expected: Said) -> set[Hashable]:
    """The values an answer offers as alternatives when one of them was not expected: red or blue."""
    known = {value for fact in expected.facts for value in values_of(fact)} | expected.stems
    return {
        value
        for one, other in _joined(answer, text, _OR)
        if not known.issuperset(one) or not known.issuperset(other)
        for value in (*one, *other)
    }


def _joined(said: Said, text: str, by: re.Pattern[str]) -> Iterator[tuple[Values, Values]]:
    """Neighbouring facts of one kind with only the words of `by` between them."""
    text = folded(text)
    facts: list[Fact] = sorted(said.facts, key=lambda fact: fact.span)
    for one, other in pairwise(facts):
        if one.kind is other.kind and by.fullmatch(text, one.span[1], other.span[0]):
            yield tuple(values_of(one)), tuple(values_of(other))
