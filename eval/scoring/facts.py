"""The facts part of a score: how many of the expected facts an answer states, and what it states that it shouldn't.

The field uses a language model as judge for this (TREC nuggets, RAGEval keypoints, FActScore atomic facts). Here rules
do it, offline. Facts are numbers, dates, times, names, yes or no, refusals, and rare words. A fact that the input
already holds needs no knowledge; the metric decides per task whether answers must repeat it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Hashable, Sequence
from dataclasses import dataclass

from eval.scoring.arrangement import counted_words, left_open, turned_round
from eval.scoring.collection import Collection, all_values, values_of
from eval.scoring.given import GivenFacts
from eval.scoring.listed import Given, listed, without_repeated, without_slashes
from eval.scoring.matching import agrees_with_any, share_stated
from eval.scoring.reading import Fact, FactKind, Said
from eval.scoring.words import folded
from eval.scoring.yes_no import MOST_IN_SENTENCE, affirms, is_unanswerable, means_yes_of, says_yes

# The weight of rare words against numbers, dates, names, yes or no. In an answer that repeats nothing of its question,
# they are part of the answer. In a sentence that does, they are mostly scaffolding: together they weigh at most as much
# as the hard facts times a twentieth of the number of words. So a wrong number shows in a long answer, too.
_WORD_IN_ANSWER, _WORD_IN_SENTENCE, _WORDS_TO_HARD = 0.5, 0.25, 1 / 20
_IN_CONTEXT = 0.1  # cost of an extra fact from the same document as the expected ones; any other costs 1
_ANSWER_IS = re.compile(r"^\W*(?:(?:the\s+)?(?:final\s+|correct\s+)?(?:answer|option)(?:\s+is)?\s*:?\s*)?", re.I)
_MOST_SAID = 0.5  # from this share of the other facts on, an answer without yes or no means the right one


@dataclass(frozen=True, slots=True)
class FactScore:
    """`value` is the harmonic mean of `recall` and `precision`, all in [0, 1]. If inputs list facts, it is right ÷
    (expected + wrong) instead. `invented` counts stated facts that occur nowhere in the task. `dropped` and `distorted`
    are shares of the expected facts: not stated, and stated wrongly."""

    value: float
    recall: float
    precision: float
    dropped: float
    distorted: float
    invented: int


@dataclass(frozen=True, slots=True)
class _Wanted:
    fact: Fact
    values: tuple[Hashable, ...]  # the values of the fact that count
    weight: float


def score_facts(
    text: str,
    target: str,
    input: str,
    collection: Collection,
    carries: bool,
    documents: Sequence[str] = (),
    given: GivenFacts | None = None,
) -> FactScore:
    """Compare the facts of `text` with those of the expected answer `target`. `carries`: the facts that must be right
    come from the input, so nothing has to be known or found. `documents` are known to hold the answer. `given` reads
    inputs that list facts."""
    if carries:
        text = without_repeated(text, target, input)
    if given:
        text, target, input = map(without_slashes, (text, target, input))
    answer, expected, asked = (collection.read(each) for each in (text, target, input))
    if not text.strip():
        return FactScore(0.0, 0.0, 0.0, 1.0, 0.0, 0)
    wording = given.wording if given else frozenset()
    needed = given.expected(input, target) if given and not expected.refuses else []
    phrases = {one: given.phrase_for(one, text, target, input) for one in needed} if given else {}
    reworded = {one: phrase for one, phrase in phrases.items() if phrase}
    # A name in such a phrase ("dishes from Korea") is not invented.
    wording |= {stem for phrase in reworded.values() for stem in collection.read(phrase).stems}
    wrong, invented = _stated_beside(answer, expected, asked, collection, documents, wording)
    if given and needed:
        return _score_listed(text, target, input, given, needed, reworded, wrong, invented)
    if is_unanswerable(expected, asked, input):
        value = float(_bare(text) == _bare(target) or (answer.admits and wrong < 1))
        return FactScore(value, value, value, 0.0, 1.0 - value, invented)
    wanted, means_yes = _wanted(expected, asked, collection, carries), means_yes_of(expected, asked, carries)
    if means_yes is None and (not wanted or not any(map(str.isalnum, folded(target)))):  # only values that say little
        value = float(_bare(text) == _bare(target))
        return FactScore(value, value, value, 1.0 - value, 0.0, 0)
    if collection.is_of_another(answer, expected, asked):
        return FactScore(0.0, 0.0, 0.0, 0.0, 1.0, 0)
    total = sum(one.weight for one in wanted)
    matched = distorted = 0.0
    is_denied = not carries and any(fact.is_negated for fact in asked.facts)  # "What is not covered?" needs no "not"
    given_values = {*all_values(asked)} | asked.stems
    turned, open_ = turned_round(answer, text, expected, target), left_open(answer, text, expected)
    contradicted = _contradicted(wanted, answer, expected, asked, target)
    for one in wanted:
        share = 0.0 if contradicted.issuperset(one.values) else share_stated(one.fact, one.values, answer, asked)
        if offered := max((open_.get(value, 0) for value in one.values), default=0):
            share *= 0.0 if given_values.issuperset(open_) else 1 / offered  # repeating all the choices is no answer
        if share and ((not is_denied and _is_turned(one, answer)) or not turned.isdisjoint(one.values)):
            distorted += one.weight * share
        else:
            matched += one.weight * share
    if means_yes is not None:
        is_said = bool(wanted) and matched >= _MOST_SAID * total
        weight = max(1.0, total)  # a long answer that begins with the wrong one of yes and no is wrong
        total += weight
        is_affirmed = not text.rstrip().endswith("?") and affirms(answer, asked, input)
        said = says_yes(answer, expected, asked, means_yes, is_said, is_affirmed=is_affirmed, is_all=not wanted)
        matched += weight * (said == means_yes)
        distorted += weight * (said == (not means_yes))
    return _result(matched, total, wrong + distorted, invented)


def _score_listed(
    text: str,
    target: str,
    input: str,
    given: GivenFacts,
    needed: Sequence[Given],
    reworded: Container[Given],
    wrong: float,
    invented: int,
) -> FactScore:
    """Each listed value is one fact; `reworded` are those stated in new words, and `wrong` is the weight of other
    statements that shouldn't be there. There are so few facts, and they are so clearly required, that each missing or
    wrong one costs its full share."""
    matched = sum(1.0 if one in reworded else given.share_of_expected(one, text, target, input) for one in needed)
    added = given.added(text, target, input)
    wrong += added + sum(given.is_contradicted(one, text, target, input) for one in listed(input))
    return _result(matched, float(len(needed)), wrong, invented + added, matched / (len(needed) + wrong))


def _result(matched: float, total: float, wrong: float, invented: int, value: float | None = None) -> FactScore:
    """`value` defaults to F1."""
    recall, precision = matched / total, matched / (matched + wrong) if matched else 0.0
    f1 = 2 * recall * precision / (recall + precision) if matched else 0.0
    missing = 1.0 - recall
    distorted = min(missing, wrong / total)
    return FactScore(f1 if value is None else value, recall, precision, missing - distorted, distorted, invented)


def _wanted(expected: Said, asked: Said, collection: Collection, carries: bool) -> list[_Wanted]:
    """The facts to state, each once. If the input already holds everything expected (the answer is one of the
    question's choices), all of it is required."""
    given = {*all_values(asked)} | asked.stems
    wanted = _weighted(expected, lambda value: (value in given) == carries, collection, carries)
    if not wanted and expected.says_yes is None:
        wanted = _weighted(expected, lambda value: True, collection, carries=False)
        return wanted or _weighted(expected, lambda value: True, None, carries=False)
    return wanted


def _weighted(
    expected: Said, counts: Callable[[Hashable], bool], collection: Collection | None, carries: bool
) -> list[_Wanted]:
    seen: set[Hashable] = set()
    hard: list[_Wanted] = []
    soft: list[_Wanted] = []
    for fact in expected.facts:
        values = tuple(value for value in values_of(fact) if counts(value) and value not in seen)
        if not values:
            continue
        seen.update(values)
        if fact.is_hard and not (collection and collection.says_little(fact)):
            hard.append(_Wanted(fact, values, 1.0))
            continue
        if collection is None:
            weight = 1.0
        elif fact.kind is FactKind.NUMBER:
            weight = _WORD_IN_SENTENCE
        else:
            weight = collection.must_be_carried(values[0]) if carries else collection.rarity(values[0])
        soft.append(_Wanted(fact, values, weight))
    beside, words = 1.0, sum(one.weight for one in soft)
    rights = len(hard) + (expected.says_yes is not None)
    if rights and not carries and words:
        is_sentence = len(expected.facts) > MOST_IN_SENTENCE or not all(map(counts, all_values(expected)))
        in_sentence = min(_WORD_IN_SENTENCE, _WORDS_TO_HARD * len(soft) * rights / words)
        beside = in_sentence if is_sentence else _WORD_IN_ANSWER
    soft = [_Wanted(one.fact, one.values, one.weight * beside) for one in soft if one.weight > 0.01]
    return hard + soft


def _contradicted(wanted: Sequence[_Wanted], answer: Said, expected: Said, asked: Said, target: str) -> set[Hashable]:
    """The words that belong to an expected number where the answer states another number instead: "60 crowns" has
    nothing of "35 crowns"."""
    numbers = (FactKind.NUMBER, FactKind.CODE)
    if not any(fact.kind in numbers and not agrees_with_any(fact, expected.facts) for fact in answer.facts):
        return set()
    missing = [
        one.fact for one in wanted if one.fact.kind in numbers and not share_stated(one.fact, one.values, answer, asked)
    ]
    return {value for value, number in counted_words(expected, target).items() if number in missing}


def _is_turned(one: _Wanted, answer: Said) -> bool:
    """Whether it only occurs in clauses that say the opposite: "takes cards" where "takes no cards" was expected."""
    there = [fact.is_negated for fact in answer.facts if set(values_of(fact)) & set(one.values)]
    return bool(there) and all(is_negated != one.fact.is_negated for is_negated in there)


def _stated_beside(
    answer: Said,
    expected: Said,
    asked: Said,
    collection: Collection,
    documents: Sequence[str],
    wording: frozenset[Hashable],
) -> tuple[float, int]:
    """What an answer states besides the expected facts, the input and the `wording` of the task (German capitalises its
    nouns): its weight, and the number of facts that occur nowhere in the task. Ordinary words don't count, because they
    may be another way to say the same."""
    known = {value for said in (expected, asked) for fact in said.facts for value in values_of(fact)}
    known |= expected.stems | asked.stems | wording
    weight, invented = 0.0, 0
    contexts: set[str] | None = None
    seen: set[Hashable] = set()
    for fact in answer.facts:
        if not fact.is_hard or fact.is_negated or agrees_with_any(fact, (*expected.facts, *asked.facts)):
            continue
        is_number = fact.kind is FactKind.NUMBER  # agrees with no expected one, so "two days" isn't "two hours"
        beside = [value for value in values_of(fact) if (is_number or value not in known) and value not in seen]
        seen.update(beside)
        if not beside:
            continue
        if not all(map(collection.supports, beside)):
            invented += 1
        elif contexts is None:
            contexts = collection.contexts(expected, asked, documents)
        is_in_context = contexts is not None and all(collection.stands_in(value, contexts) for value in beside)
        weight += _IN_CONTEXT if is_in_context else 1.0
    return weight, invented


def _bare(text: str) -> str:
    """A text without case, blanks, and marks or words around the answer: "(A)" and "Answer: A." become "a"."""
    plain = " ".join(folded(text).casefold().split()).strip("\"'.!()[]*")
    return _ANSWER_IS.sub("", plain) if any(map(str.isalnum, plain)) else plain
