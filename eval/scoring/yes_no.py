"""Yes, no, and "that isn't known": what an answer means by them, and what the expected one does."""

from __future__ import annotations

import re

from eval.scoring.collection import all_values, values_of
from eval.scoring.reading import Said
from eval.scoring.words import stem_of

MOST_IN_SENTENCE = 20  # words and facts; a longer text says more than "no" or "not known"
_MOST_ASKED = 0.6  # share of a question's words; an answer that states this much affirms it
# Stems without content in an expected answer that says something isn't known.
_OF_REFUSALS = frozenset(
    stem_of(word)
    for word in (
        "text", "passage", "document", "context", "source", "information", "say", "said", "state", "stated", "mention",
        "mentioned", "specify", "give", "given", "know", "known", "unknown", "unclear", "tell", "available", "number",
        "answer", "find", "found", "disclosed", "unsure", "sure", "data", "record",
    )
)  # fmt: skip
_ASKS_YES_OR_NO = re.compile(r"\W*(?:is|are|was|were|do|does|did|can|could|may|will|would|has|have|had|should)\b", re.I)


def is_unanswerable(expected: Said, asked: Said, input: str) -> bool:
    """Whether the expected answer says that nothing is known: with a refusal or, unless the question asks yes or no,
    with words that can be a refusal and state nothing else."""
    if expected.says_yes is not None or len(expected.facts) > MOST_IN_SENTENCE:
        return False
    if expected.refuses:
        return True
    states_more = {*all_values(expected)} - {*all_values(asked)} - asked.stems - _OF_REFUSALS
    return expected.admits and not states_more and not _ASKS_YES_OR_NO.match(input)


def means_yes_of(expected: Said, asked: Said, carries: bool) -> bool | None:
    """Whether the expected answer says yes or no. Denying most of what it states counts as no. None if it does none of
    these. With `carries`, negation is compared word by word instead."""
    is_short = len(expected.facts) <= MOST_IN_SENTENCE
    is_denied = any(fact.is_negated for fact in asked.facts)
    if expected.says_yes is None and not carries and is_short and not is_denied:
        denied = sum(fact.is_negated for fact in expected.facts)
        return False if denied and 2 * denied >= len(expected.facts) else None
    return expected.says_yes


def affirms(answer: Said, asked: Said, input: str) -> bool:
    """Whether an answer to a yes-or-no question states most of what was asked."""
    shared = len(answer.stems & asked.stems)
    return bool(_ASKS_YES_OR_NO.match(input)) and shared >= _MOST_ASKED * len(asked.stems)


def says_yes(
    answer: Said, expected: Said, asked: Said, means_yes: bool, is_said: bool, *, is_affirmed: bool, is_all: bool
) -> bool | None:
    """What an answer says to a yes-or-no question. Without yes, no or "not", it means what was expected if it states
    most of the rest (`is_said`), unless it affirms something that should be denied. It means yes if it states what was
    asked (`is_affirmed`) or if nothing else is expected (`is_all`)."""
    if answer.says_yes is not None or answer.refuses:
        return answer.says_yes
    meant = asked.stems | expected.stems | {*all_values(asked)} | {*all_values(expected)}
    if any(fact.is_negated and meant.intersection(values_of(fact)) for fact in answer.facts):
        return False
    if answer.stems and all(fact.is_negated for fact in answer.facts):
        return False
    denied = {value for fact in expected.facts if fact.is_negated for value in values_of(fact)} - {*all_values(asked)}
    if denied & {*all_values(answer)}:
        return True
    if is_affirmed and not is_said:
        return True
    if is_all:
        return True if answer.stems & (asked.stems | expected.stems) else None
    return means_yes if is_said and answer.facts else None
