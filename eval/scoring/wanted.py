"""The facts an answer must state, each with its weight."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass

from eval.scoring.collection import Collection, all_values, values_of
from eval.scoring.derived import derived_numbers
from eval.scoring.reading import Fact, FactKind, Said
from eval.scoring.yes_no import MOST_IN_SENTENCE

# The weight of rare words against numbers, dates, names, yes or no. In an answer that repeats nothing of its question,
# they are part of the answer. In a sentence that does, they are mostly scaffolding: together they weigh at most as much
# as the hard facts times a twentieth of the number of words. So a wrong number shows in a long answer, too.
_WORD_IN_ANSWER, _WORD_IN_SENTENCE, _WORDS_TO_HARD = 0.5, 0.25, 1 / 20


@dataclass(frozen=True, slots=True)
class Wanted:
    fact: Fact
    values: tuple[Hashable, ...]  # the values of the fact that count
    weight: float


def wanted_of(expected: Said, asked: Said, collection: Collection, carries: bool) -> list[Wanted]:
    """The facts to state, each once. If the input already holds everything expected (the answer is one of the
    question's choices), all of it is required."""
    given = {*all_values(asked)} | asked.stems
    if carries:
        given |= derived_numbers(expected, asked)
    wanted = _weighted(expected, lambda value: (value in given) == carries, collection, carries)
    if not wanted and expected.says_yes is None:
        wanted = _weighted(expected, lambda value: True, collection, carries=False)
        return wanted or _weighted(expected, lambda value: True, None, carries=False)
    return wanted


def _weighted(
    expected: Said, counts: Callable[[Hashable], bool], collection: Collection | None, carries: bool
) -> list[Wanted]:
    seen: set[Hashable] = set()
    hard: list[Wanted] = []
    soft: list[Wanted] = []
    for fact in expected.facts:
        values = tuple(value for value in values_of(fact) if counts(value) and value not in seen)
        if not values:
            continue
        seen.update(values)
        if fact.is_hard and not (collection and collection.says_little(fact)):
            hard.append(Wanted(fact, values, 1.0))
            continue
        if collection is None:
            weight = 1.0
        elif fact.kind is FactKind.NUMBER:
            weight = _WORD_IN_SENTENCE
        else:
            weight = collection.must_be_carried(values[0]) if carries else collection.rarity(values[0])
        soft.append(Wanted(fact, values, weight))
    beside, words = 1.0, sum(one.weight for one in soft)
    rights = len(hard) + (expected.says_yes is not None)
    if rights and not carries and words:
        is_sentence = len(expected.facts) > MOST_IN_SENTENCE or not all(map(counts, all_values(expected)))
        in_sentence = min(_WORD_IN_SENTENCE, _WORDS_TO_HARD * len(soft) * rights / words)
        beside = in_sentence if is_sentence else _WORD_IN_ANSWER
    soft = [Wanted(one.fact, one.values, one.weight * beside) for one in soft if one.weight > 0.01]
    return hard + soft
