"""Numbers that follow from those in an input: twice 18 is 36, and 124 less 50 is 74."""

from __future__ import annotations

from collections.abc import Hashable
from fractions import Fraction
from itertools import permutations

from eval.scoring.collection import values_of
from eval.scoring.reading import FactKind, Said

_MOST_NUMBERS = 20  # read of an input


def derived_numbers(said: Said, asked: Said) -> set[Hashable]:
    """The numbers of a text that are the sum, difference or product of two numbers of the input, twice one of them, or
    the sum of all."""
    given = [fact.quantity.value for fact in asked.facts if fact.kind is FactKind.NUMBER][:_MOST_NUMBERS]
    results: set[Fraction] = {2 * one for one in given} | {sum(given, Fraction())}
    for one, other in permutations(given, 2):
        results |= {one + other, one - other, one * other}
    stated = [fact for fact in said.facts if fact.kind is FactKind.NUMBER and fact.is_hard]
    return {value for fact in stated if fact.quantity.value in results for value in values_of(fact)}
