"""The facts part of a score: how many of the expected facts an answer states, and what it states that it shouldn't.

The field uses a language model as judge for this (TREC nuggets, RAGEval keypoints, FActScore atomic facts). Here rules
do it, offline. Facts are numbers, dates, times, names, yes or no, refusals, and rare words. A fact that the input
already holds needs no knowledge; the metric decides per task whether answers must repeat it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Hashable, Sequence
from dataclasses import dataclass

from eval.scoring.arrangement import counted_words, left_open, miscounted, replaced, turned_round
from eval.scoring.beside import stated_beside
from eval.scoring.collection import Collection, all_values, values_of
from eval.scoring.given import GivenFacts
from eval.scoring.listed import Given, listed, without_repeated, without_slashes
from eval.scoring.matching import agrees_with_any, names_only_the_last, share_stated
from eval.scoring.opposites import says_the_opposite
from eval.scoring.passages import Passages
from eval.scoring.reading import FactKind, Said
from eval.scoring.taken_back import last_said, without_rejected
from eval.scoring.wanted import Wanted, wanted_of
from eval.scoring.words import find_words, folded
from eval.scoring.yes_no import MOST_IN_SENTENCE, affirms, is_unanswerable, means_yes_of, says_yes

_ANSWER_IS = re.compile(r"^\W*(?:(?:the\s+)?(?:final\s+|correct\s+)?(?:answer|option)(?:\s+is)?\s*:?\s*)?", re.I)
_WHO = re.compile(r"\b(?:who|whom|whose|wer|wem|wen|wessen|qui|quién|quiénes|chi|quem)\b", re.I)
_NONE = re.compile(r"\W*(?:none|no|nobody|nothing|keine?|niemand|aucune?|ningun[oa]?)\b(?!\s*[,.]\s*\w)", re.I)
_SURNAME = 0.75  # of a person's name
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
class _Sides:
    """An answer, what was expected, and what was asked, as texts and as read."""

    answer: Said
    text: str
    expected: Said
    target: str
    asked: Said
    input: str

    @property
    def is_question(self) -> bool:
        """Whether the input is short enough to hold no passage."""
        return len(self.asked.facts) <= MOST_IN_SENTENCE


def score_facts(
    text: str,
    target: str,
    input: str,
    collection: Collection,
    carries: bool,
    documents: Sequence[str] = (),
    given: GivenFacts | None = None,
    passages: Passages | None = None,
) -> FactScore:
    """Compare the facts of `text` with those of the expected answer `target`. `carries`: the facts that must be right
    come from the input, so nothing has to be known or found. `documents` are known to hold the answer. `given` reads
    inputs that list facts, `passages` those that hold the passage to answer from."""
    if carries:
        text = without_repeated(text, target, input)
    if given:
        text, target, input = map(without_slashes, (text, target, input))
    target = folded(target)
    text = without_rejected(folded(text), target)
    expected, asked = collection.read(target), collection.read(input)
    answer = collection.read(text) if carries else last_said(text, target, collection.read)
    if not text.strip():
        return FactScore(0.0, 0.0, 0.0, 1.0, 0.0, 0)
    if not given and _plain(text) == _plain(target):
        return FactScore(1.0, 1.0, 1.0, 0.0, 0.0, 0)
    wording = given.wording if given else frozenset()
    needed = given.expected(input, target) if given and not expected.refuses else []
    phrases = {one: given.phrase_for(one, text, target, input) for one in needed} if given else {}
    reworded = {one: phrase for one, phrase in phrases.items() if phrase}
    # A name in such a phrase ("dishes from Korea") is not invented.
    wording |= {stem for phrase in reworded.values() for stem in collection.read(phrase).stems}
    copied = passages.copied(answer, text, expected, input) if passages else None
    if copied and copied.is_all:
        return FactScore(0.0, 0.0, 0.0, 0.0, 1.0, 0)
    held = asked
    if copied:  # of such an input, an answer may repeat the question only
        input, asked = copied.question, collection.read(copied.question)
    wrong, invented = stated_beside(
        answer, expected, asked, collection, documents, wording, copied, carries and not given
    )
    if given and needed:
        return _score_listed(text, target, input, given, needed, reworded, wrong, invented)
    if is_unanswerable(expected, asked, input):
        value = float(_bare(text) == _bare(target) or (answer.admits and wrong < 1))
        return FactScore(value, value, value, 0.0, 1.0 - value, invented)
    wanted, means_yes = wanted_of(expected, asked, collection, carries), means_yes_of(expected, asked, carries)
    if means_yes is None and (not wanted or not any(map(str.isalnum, folded(target)))):  # only values that say little
        value = float(_bare(text) == _bare(target) or (bool(_emoji(target)) and _emoji(text) == _emoji(target)))
        return FactScore(value, value, value, 1.0 - value, 0.0, 0)
    if collection.is_of_another(answer, expected, held):
        return FactScore(0.0, 0.0, 0.0, 0.0, 1.0, 0)
    total = sum(one.weight for one in wanted)
    sides = _Sides(answer, text, expected, target, asked, input)
    matched, distorted, affirms_denied = _compared(wanted, sides, carries)
    if means_yes is not None:
        is_said = bool(wanted) and matched >= _MOST_SAID * total
        weight = max(1.0, total)  # a long answer that begins with the wrong one of yes and no is wrong
        total += weight
        is_affirmed = not text.rstrip().endswith("?") and affirms(answer, asked, input)
        said = says_yes(answer, expected, asked, means_yes, is_said, is_affirmed=is_affirmed, is_all=not wanted)
        if sides.is_question and answer.says_yes is None and says_the_opposite(answer, text, asked, folded(input)):
            said = False  # "closed" to "Is it open?"
        matched += weight * (said == means_yes)
        distorted += weight * (said == (not means_yes))
    if not carries and ((affirms_denied and means_yes is None) or says_the_opposite(answer, text, expected, target)):
        weight = max(1.0, total)  # the same facts, but the opposite of what was expected of them
        total, distorted = total + weight, distorted + weight
    wrong += copied.words * total if copied else 0.0
    return _result(matched, total, wrong + distorted, invented)


def _compared(wanted: Sequence[Wanted], sides: _Sides, carries: bool) -> tuple[float, float, bool]:
    """The weight of the wanted facts that the answer states, the weight of those it states wrongly, and whether it
    affirms one that should be denied."""
    answer, text, expected, target, asked = sides.answer, sides.text, sides.expected, sides.target, sides.asked
    is_denied = not carries and any(fact.is_negated for fact in asked.facts)  # "What is not covered?" needs no "not"
    given_values = {*all_values(asked)} | asked.stems
    turned, open_ = turned_round(answer, text, expected, target), left_open(answer, text, expected)
    contradicted = _contradicted(wanted, answer, expected, asked, target)
    replaced_words = set() if carries else replaced(answer, text, expected, target, asked)
    of_others = set() if carries else miscounted(answer, text, expected, target)
    matched = distorted = 0.0
    affirms_denied = False
    for one in wanted:
        is_elsewhere = one.fact in of_others
        share = 0.0 if is_elsewhere or contradicted.issuperset(one.values) else _share(one, sides, carries)
        if offered := max((open_.get(value, 0) for value in one.values), default=0):
            share *= 0.0 if given_values.issuperset(open_) else 1 / offered  # repeating all the choices is no answer
        is_turned = bool(share) and not is_denied and _is_turned(one, answer)
        affirms_denied |= is_turned and one.fact.is_negated
        if is_turned or not turned.isdisjoint(one.values):
            distorted += one.weight * share
        elif is_elsewhere or (not share and one.fact in replaced_words):
            distorted += one.weight
        else:
            matched += one.weight * share
    return matched, distorted, affirms_denied


def _share(one: Wanted, sides: _Sides, carries: bool) -> float:
    """How much of a fact an answer states. "None" states 0, and a surname says who."""
    if one.values == (("number", 0),) and _NONE.match(sides.text) and not sides.answer.values(FactKind.NUMBER):
        return float(not sides.answer.refuses)
    share = share_stated(one.fact, one.values, sides.answer, sides.asked)
    asks_who = not carries and sides.is_question and _WHO.search(sides.input)
    return max(share, _SURNAME) if asks_who and names_only_the_last(one.fact, sides.answer, sides.text) else share


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


def _contradicted(wanted: Sequence[Wanted], answer: Said, expected: Said, asked: Said, target: str) -> set[Hashable]:
    """The words that belong to an expected number where the answer states another number instead: "60 crowns" has
    nothing of "35 crowns"."""
    numbers = (FactKind.NUMBER, FactKind.CODE)
    if not any(fact.kind in numbers and not agrees_with_any(fact, expected.facts) for fact in answer.facts):
        return set()
    missing = [
        one.fact for one in wanted if one.fact.kind in numbers and not share_stated(one.fact, one.values, answer, asked)
    ]
    return {value for value, number in counted_words(expected, target).items() if number in missing}


def _is_turned(one: Wanted, answer: Said) -> bool:
    """Whether it only occurs in clauses that say the opposite: "takes cards" where "takes no cards" was expected."""
    there = [fact.is_negated for fact in answer.facts if set(values_of(fact)) & set(one.values)]
    return bool(there) and all(is_negated != one.fact.is_negated for is_negated in there)


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip(".!")


def _emoji(text: str) -> set[str]:
    """The emoji and other pictures in a text."""
    return {match[0] for match in find_words(text) if unicodedata.category(match[0][0]) == "So"}


def _bare(text: str) -> str:
    """A text without case, blanks, and marks or words around the answer: "(A)" and "Answer: A." become "a"."""
    plain = " ".join(folded(text).casefold().split()).strip("\"'.!()[]*")
    return _ANSWER_IS.sub("", plain) if any(map(str.isalnum, plain)) else plain
