"""Yes, no, and "that is not known": what an answer means by them, and what the expected one does."""

from __future__ import annotations

import re

from eval.scoring.collection import all_values, values_of
from eval.scoring.reading import Said
from eval.scoring.words import stem_of

MOST_IN_SENTENCE = 20  # words and facts; a longer text says more than no, or that something is not known
_MOST_ASKED = 0.6  # of the words of a question: an answer that states so much of it affirms it
# Stems that say nothing in an expected answer which says that something is not known.
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
    """Whether the expected answer says that nothing is known: in the words of a refusal, or, to a question that is none
    of yes or no, in words that may be one and state nothing else."""
    if expected.says_yes is not None or len(expected.facts) > MOST_IN_SENTENCE:
        return False
    if expected.refuses:
        return True
    states_more = {*all_values(expected)} - {*all_values(asked)} - asked.stems - _OF_REFUSALS
    return expected.admits and not states_more and not _ASKS_YES_OR_NO.match(input)


def means_yes_of(expected: Said, asked: Said, carries: bool) -> bool | None:
    """Whether the expected answer says yes or no, or denies something, which is as good as a no; None where it does
    none of these. What is carried over is denied word by word instead."""
    is_short = len(expected.facts) <= MOST_IN_SENTENCE
    is_denied = any(fact.is_negated for fact in asked.facts)
    if expected.says_yes is None and not carries and is_short and not is_denied:
        return False if any(fact.is_negated for fact in expected.facts) else None
    return expected.says_yes


def affirms(answer: Said, asked: Said, input: str) -> bool:
    """Whether an answer to a question of yes or no states most of what was asked."""
    shared = len(answer.stems & asked.stems)
    return bool(_ASKS_YES_OR_NO.match(input)) and shared >= _MOST_ASKED * len(asked.stems)


def says_yes(
    answer: Said, expected: Said, asked: Said, means_yes: bool, is_said: bool, *, is_affirmed: bool, is_all: bool
) -> bool | None:
    """What an answer says to the same question. One without yes, no or "not" means what was expected where it states
    most of the rest (`is_said`), unless it affirms what was to be denied; where it states what was asked
    (`is_affirmed`), or nothing else is expected (`is_all`), it means yes."""
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
