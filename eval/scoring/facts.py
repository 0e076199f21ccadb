"""The facts part of a score: how much of what the expected answer states an answer states too, and what it states that
it should not.

What the field does with a judge (nuggets of TREC, keypoints of RAGEval, atomic facts of FActScore) is done here by
rule, offline: facts are numbers, dates, times, names, yes or no, refusals, and rare words. A fact that the input
already holds need not be known or found; whether it has to be carried over is settled for the task.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from eval.scoring.collection import Collection, all_values, values_of
from eval.scoring.dates import Date, TimeOfDay
from eval.scoring.numbers import Quantity
from eval.scoring.reading import Fact, FactKind, Said
from eval.scoring.words import folded
from eval.scoring.yes_no import MOST_IN_SENTENCE, affirms, is_unanswerable, means_yes_of, says_yes

# What rare words weigh beside numbers, dates, names, yes or no. In an answer that repeats nothing of its question they
# are part of the answer. In a sentence that does they are mostly its scaffolding, so that all together weigh at most as
# much as those times a twentieth of how many words there are: a wrong number shows in a long answer, too.
_WORD_IN_ANSWER, _WORD_IN_SENTENCE, _WORDS_TO_HARD = 0.5, 0.25, 1 / 20
_LONGEST_ABBREVIATION = 4  # letters
_WITHOUT_UNIT = 0.5  # of a number whose unit one side does not write
_PARTLY_DATED = 0.5  # of a date that lacks a part
_IN_CONTEXT = 0.1  # what a further fact costs that stands with the expected ones in a document; any other costs 1
_ANSWER_IS = re.compile(r"^\W*(?:(?:the\s+)?(?:final\s+|correct\s+)?(?:answer|option)(?:\s+is)?\s*:?\s*)?", re.I)
_MOST_SAID = 0.5  # from this share of the rest on, an answer without yes or no means the right one


@dataclass(frozen=True, slots=True)
class FactScore:
    """`value` is the harmonic mean of `recall` and `precision`, all in [0, 1]. `invented` counts what is stated and
    stands nowhere in the task; `dropped` and `distorted` are shares of what was expected: not stated, and stated
    otherwise."""

    value: float
    recall: float
    precision: float
    dropped: float
    distorted: float
    invented: int


@dataclass(frozen=True, slots=True)
class _Wanted:
    fact: Fact
    values: tuple[Hashable, ...]  # those of the fact that count
    weight: float


def score_facts(
    text: str, target: str, input: str, collection: Collection, carries: bool, documents: Sequence[str] = ()
) -> FactScore:
    """How the facts of `text` stand to those of the expected answer `target`. `carries` says that what has to be right
    is what the input holds, so that nothing has to be known or found; `documents` are known to hold the answer."""
    answer, expected, asked = (collection.read(each) for each in (text, target, input))
    if not text.strip():
        return FactScore(0.0, 0.0, 0.0, 1.0, 0.0, 0)
    wrong, invented = _stated_beside(answer, expected, asked, collection, documents)
    if is_unanswerable(expected, asked, input):
        value = float(_bare(text) == _bare(target) or (answer.admits and wrong < 1))
        return FactScore(value, value, value, 0.0, 1.0 - value, invented)
    wanted, means_yes = _wanted(expected, asked, collection, carries), means_yes_of(expected, asked, carries)
    if means_yes is None and (not wanted or not any(map(str.isalnum, folded(target)))):  # nothing but what says little
        value = float(_bare(text) == _bare(target))
        return FactScore(value, value, value, 1.0 - value, 0.0, 0)
    if collection.is_of_another(answer, expected, asked):
        return FactScore(0.0, 0.0, 0.0, 0.0, 1.0, 0)
    total = sum(one.weight for one in wanted)
    matched = distorted = 0.0
    is_denied = not carries and any(fact.is_negated for fact in asked.facts)  # "What is not covered?" needs no "not"
    for one in wanted:
        share = _share_stated(one, answer, asked)
        if share and not is_denied and _is_turned(one, answer):
            distorted += one.weight * share
        else:
            matched += one.weight * share
    if means_yes is not None:
        is_said = bool(wanted) and matched >= _MOST_SAID * total
        total += 1.0
        is_affirmed = not text.rstrip().endswith("?") and affirms(answer, asked, input)
        said = says_yes(answer, expected, asked, means_yes, is_said, is_affirmed=is_affirmed, is_all=not wanted)
        matched += said == means_yes
        distorted += said == (not means_yes)
    wrong += distorted
    recall, precision = matched / total, matched / (matched + wrong) if matched else 0.0
    value = 2 * recall * precision / (recall + precision) if matched else 0.0
    missing = 1.0 - recall
    share_distorted = min(missing, wrong / total)
    return FactScore(value, recall, precision, missing - share_distorted, share_distorted, invented)


def _wanted(expected: Said, asked: Said, collection: Collection, carries: bool) -> list[_Wanted]:
    """What has to be stated, each once. Where the input holds all that is expected (the answer is one of the choices
    of the question), all of it has to be."""
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
        if fact.is_hard and not (collection and _is_title_of_all(fact, collection)):
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


def _is_title_of_all(fact: Fact, collection: Collection) -> bool:
    """Whether it is an abbreviation that says little in this task, such as CEO where every document has one."""
    is_short = (
        fact.kind is FactKind.NAME and len(fact.values) == 1 and len(str(fact.values[0])) <= _LONGEST_ABBREVIATION
    )
    return is_short and collection.is_common(fact.values[0])


def _share_stated(one: _Wanted, answer: Said, asked: Said) -> float:
    """How much of a fact an answer states: of a name the square of the share of its words, so that half a name is worth
    little."""
    value = one.fact.values[0]
    if isinstance(value, Quantity):
        units = {fact.quantity.unit for fact in asked.facts if fact.kind is FactKind.NUMBER} | {
            unit for unit in (value.unit,) if unit and unit[:4] in {stem[:4] for stem in asked.stems}
        }
        shares = [_same_quantity(value, other, units) for other in _quantities(answer)]
        return max(shares, default=0.0)
    if isinstance(value, Date):
        return max((_same_date(value, other) for other in _dates(answer)), default=0.0)
    if isinstance(value, TimeOfDay):
        return float(any(isinstance(v, TimeOfDay) and value.agrees_with(v) for v in answer.values(FactKind.TIME)))
    found = [str(stem) for stem in one.values if stem in answer.stems]
    if found and one.fact.kind is FactKind.NAME:  # E. Elmley
        found += [str(stem) for stem in one.values if stem not in answer.stems and str(stem)[0] in answer.stems]
    return (len(found) / len(one.values)) ** 2


def _same_quantity(expected: Quantity, stated: Quantity, units_asked: set[str]) -> float:
    if not expected.agrees_with(stated):
        return 0.0
    has_both = bool(expected.unit) == bool(stated.unit)
    return 1.0 if has_both or (expected.unit or stated.unit) in units_asked else _WITHOUT_UNIT


def _same_date(expected: Date, stated: Date) -> float:
    if stated.says_all_of(expected):
        return 1.0
    return _PARTLY_DATED if expected.agrees_with(stated) and any(p is not None for p in stated.parts) else 0.0


def _quantities(said: Said) -> Iterator[Quantity]:
    for fact in said.facts:
        value = fact.values[0]
        if isinstance(value, Quantity):
            yield value
        elif isinstance(value, Date) and value.year is not None:
            yield Quantity(Fraction(value.year))


def _dates(said: Said) -> Iterator[Date]:
    for fact in said.facts:
        value = fact.values[0]
        if isinstance(value, Date):
            yield value
        elif isinstance(value, Quantity) and not value.unit and value.value.denominator == 1 and value.value >= 1000:
            yield Date(int(value.value), None, None)


def _is_turned(one: _Wanted, answer: Said) -> bool:
    """Whether it stands only in clauses that say the opposite: "takes cards" where "takes no cards" was expected."""
    there = [fact.is_negated for fact in answer.facts if set(values_of(fact)) & set(one.values)]
    return bool(there) and all(is_negated != one.fact.is_negated for is_negated in there)


def _stated_beside(
    answer: Said, expected: Said, asked: Said, collection: Collection, documents: Sequence[str]
) -> tuple[float, int]:
    """What an answer states besides what is expected and what the input holds: its weight, and how much of it stands
    nowhere in the task. Words are not counted, since they may say the same in another way."""
    known = {value for said in (expected, asked) for fact in said.facts for value in values_of(fact)}
    known |= expected.stems | asked.stems
    weight, invented = 0.0, 0
    contexts: set[str] | None = None
    seen: set[Hashable] = set()
    for fact in answer.facts:
        if not fact.is_hard or fact.is_negated or _agrees_with_any(fact, (*expected.facts, *asked.facts)):
            continue
        beside = [value for value in values_of(fact) if value not in known and value not in seen]
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


def _agrees_with_any(fact: Fact, others: Sequence[Fact]) -> bool:
    return any(_agree(fact.values[0], other.values[0]) for other in others)


def _agree(ours: Hashable, theirs: Hashable) -> bool:
    """Whether two numbers, dates or times say the same; a year agrees with a date in it."""
    if isinstance(ours, Quantity):
        if isinstance(theirs, Date):
            return ours.value == theirs.year
        return isinstance(theirs, Quantity) and ours.agrees_with(theirs)
    if isinstance(ours, Date):
        if isinstance(theirs, Quantity):
            return theirs.value == ours.year
        return isinstance(theirs, Date) and ours.agrees_with(theirs)
    return isinstance(ours, TimeOfDay) and isinstance(theirs, TimeOfDay) and ours.agrees_with(theirs)


def _bare(text: str) -> str:
    """A text without case, blanks, and the marks and words around an answer: "(A)" and "Answer: A." are "a"."""
    plain = " ".join(folded(text).casefold().split()).strip("\"'.!()[]*")
    return _ANSWER_IS.sub("", plain) if any(map(str.isalnum, plain)) else plain
