"""What a text says of its facts by how it arranges them: from one to another, or one or another."""

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
    """What an answer goes from and to the other way round than the expected one: Oslo to Rome for Rome to Oslo."""
    ways, wanted = set(_joined(answer, text, _TO)), set(_joined(expected, target, _TO))
    return {value for one, other in wanted - ways if (other, one) in ways for value in (*one, *other)}


def left_open(answer: Said, text: str, expected: Said) -> set[Hashable]:
    """What an answer offers beside something that was not expected: red or blue."""
    known = {value for fact in expected.facts for value in values_of(fact)} | expected.stems
    return {
        value
        for one, other in _joined(answer, text, _OR)
        if not known.issuperset(one) or not known.issuperset(other)
        for value in (*one, *other)
    }


def _joined(said: Said, text: str, by: re.Pattern[str]) -> Iterator[tuple[Values, Values]]:
    """Neighbouring facts of one kind with nothing but such words between them."""
    text = folded(text)
    facts: list[Fact] = sorted(said.facts, key=lambda fact: fact.span)
    for one, other in pairwise(facts):
        if one.kind is other.kind and by.fullmatch(text, one.span[1], other.span[0]):
            yield tuple(values_of(one)), tuple(values_of(other))
