"""Six plain questions, each about one field of the circumstances, and how answers are read from an address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from advisor.advice.rules import FEW, HIGH_VOLUME, MANY, ONCE, THOUSANDS
from advisor.schema import Circumstances
from advisor.wording import count_text

UNKNOWN = "unknown"  # the answer "I do not know yet", in an address


@dataclass(frozen=True, slots=True)
class Answer:
    """`value` is what the question's field then is; of a number, the least that is meant."""

    value: str | int
    words: str

    @property
    def id(self) -> str:
        return str(self.value)


@dataclass(frozen=True, slots=True)
class Question:
    """`field` names a field of Circumstances, and the parameter of the address."""

    field: str
    words: str
    answers: tuple[Answer, ...]

    def answer_to(self, known: Circumstances) -> str:
        """The id of the answer these circumstances give, UNKNOWN where they leave it open."""
        value = getattr(known, self.field)
        if isinstance(value, int):
            return max((one for one in self.answers if int(one.value) <= value), key=lambda one: int(one.value)).id
        return UNKNOWN if value is None else str(value)


QUESTIONS = (
    Question(
        "volume",
        "How many requests will there be?",
        (
            Answer(0, "Once, or a few times"),
            Answer(ONCE + 1, "Now and then"),
            Answer(HIGH_VOLUME, f"{HIGH_VOLUME:,} times a month or more"),
        ),
    ),
    Question(
        "knowledge",
        "Where do the answers come from?",
        (
            Answer("general", "The request itself, or common knowledge"),
            Answer("documents", "Our own documents"),
            Answer("changing", "Documents or facts that change"),
        ),
    ),
    Question(
        "form",
        "What must every answer look like?",
        (
            Answer("free", "Nothing special, as long as it is right"),
            Answer("categories", "One of our own categories"),
            Answer("structure", "One exact structure, such as a form"),
            Answer("style", "One tone, house style or vocabulary"),
        ),
    ),
    Question(
        "examples",
        "How many examples with right answers could you have?",
        (
            Answer(0, f"Fewer than {FEW}"),
            Answer(FEW, f"{FEW} to {MANY - 1}"),
            Answer(MANY, f"{MANY} to {THOUSANDS - 1:,}"),
            Answer(THOUSANDS, f"{THOUSANDS:,} or more"),
        ),
    ),
    Question(
        "tried",
        "Have you tried a good instruction (a prompt)?",
        (
            Answer("no", "Not yet"),
            Answer("well", "Yes, and it does the job"),
            Answer("misses", "Yes, but it misses the pattern"),
            Answer("long", "Yes, but it has to be very long"),
        ),
    ),
    Question(
        "job",
        "Is it one narrow task, or many?",
        (
            Answer("simple", "One simple task"),
            Answer("complex", "One task that takes expertise"),
            Answer("broad", "Many tasks, or not settled yet"),
        ),
    ),
)


def with_answers(known: Circumstances, address: Mapping[str, str]) -> Circumstances:
    """The circumstances with the answers of an address in place of what was known; what is no answer is passed over."""
    for question in QUESTIONS:
        given = address.get(question.field)
        if given is None or given == question.answer_to(known):
            continue  # an exact number of the data is kept where the answer agrees with it
        values: dict[str, Any] = {answer.id: answer.value for answer in question.answers}
        if given in values or given == UNKNOWN:
            known = replace(known, **{question.field: values.get(given)})
    return known


def seen_in_data(question: Question, known: Circumstances) -> str | None:
    """What the data say to a question, in a few words; None where they say nothing."""
    if getattr(known, question.field) is None:
        return None
    match question.field:
        case "knowledge":
            return f"{known.document_words or 0:,} words of documents"
        case "form":
            return f"answers are {known.labels} labels" if known.labels else _FORMS[known.form or "free"]
        case "examples":
            return count_text(known.examples or 0, "training row")
        case "job":
            return "each answer is one label" if known.labels else "each answer is one record"
    return None


_FORMS = {
    "free": "answers are short facts",
    "categories": "answers are labels",
    "structure": "answers are JSON",
    "style": "answers are free text, judged by wording",
}
