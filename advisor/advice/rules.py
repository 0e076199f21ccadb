"""The rules of thumb, as data: when each applies, which way it leans, why, and who says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from advisor.schema import Circumstances

SOURCES = {
    "A": "How Do You Teach a General AI to Do One Specific Job?",
    "B": "What is Fine-Tuning? (Popcorn)",
    "C": "The Big Idea: Teaching an AI a Special Skill",
    "D": "Fine-Tuning: Explain Like I'm 5",
    "E": "The Plain-English Explanation",
}

# Where the sources say "once", "high", "many", "long" or "too large", a number is needed; these are ours.
ONCE, HIGH_VOLUME = 10, 10_000  # requests a month
FEW, MANY, THOUSANDS = 50, 100, 2_000  # examples to learn from
FRESH_FACTS = "fresh-facts"  # the one rule that is judged by other answers than those to the test rows
LONG_INSTRUCTION = 200  # words
LARGE_COLLECTION = 6_000  # words; about 8,000 tokens, all that the embedded model can read at once

Leaning = Literal[
    "prompting",
    "retrieval",
    "finetuning",
    "retrieval_finetuning",
    "simplest first",
    "finetuning possible",
    "not finetuning",
    "clean data",
]
LEANING_WORDS: dict[Leaning, str] = {
    "prompting": "leans to prompting",
    "retrieval": "leans to retrieval",
    "finetuning": "leans to fine-tuning",
    "retrieval_finetuning": "leans to retrieval with fine-tuning",
    "simplest first": "simplest first",
    "finetuning possible": "makes fine-tuning possible",
    "not finetuning": "speaks against fine-tuning",
    "clean data": "clean the data first",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `sources` are letters of SOURCES; `applies` says None where the circumstances leave it open.

    `fact` is what a report says where its data make the rule apply, with fields of Circumstances in braces; "" where
    data alone never do. `is_about_cost` where a rule promises a saving rather than a better score.
    """

    id: str
    when: str
    leans_to: Leaning
    why: str
    sources: str
    applies: Callable[[Circumstances], bool | None]
    fact: str = ""
    is_about_cost: bool = False


def applying(circumstances: Circumstances) -> list[Rule]:
    """The rules known to apply, in the order of the table."""
    return [rule for rule in RULES if rule.applies(circumstances)]


def _is(value: str | None, *wanted: str) -> bool | None:
    return None if value is None else value in wanted


def _at_least(value: int | None, least: int) -> bool | None:
    return None if value is None else value >= least


def _not(value: bool | None) -> bool | None:
    return None if value is None else not value


def _all(*values: bool | None) -> bool | None:
    """False as soon as one is; unknown where the others leave it open."""
    return False if False in values else None if None in values else True


def _any(*values: bool | None) -> bool | None:
    return _not(_all(*map(_not, values)))


RULES = (
    Rule(
        "one-off",
        "The job is done once, or rarely.",
        "prompting",
        "A prompt is quicker than a training run.",
        "C",
        lambda known: _not(_at_least(known.volume, ONCE + 1)),
        "For a job this rare ({volume:,} a month), a prompt should cost less than training.",
        is_about_cost=True,
    ),
    Rule(
        "good-enough",
        "The general model already does it well.",
        "prompting",
        "There is nothing to gain.",
        "AB",
        lambda known: _is(known.tried, "well"),
    ),
    Rule(
        "ladder",
        "Nothing was tried yet.",
        "simplest first",
        "A prompt, then examples in the prompt, then retrieval, then fine-tuning, where much has to come out alike.",
        "C",
        lambda known: _is(known.tried, "no"),
    ),
    Rule(
        FRESH_FACTS,
        "Answers depend on facts that change or are recent.",
        "retrieval",
        "Changed documents are read in without training: a policy that changes monthly should not be trained in.",
        "C",
        lambda known: _is(known.knowledge, "changing"),
        "Facts that change lean to retrieval.",
    ),
    Rule(
        "private-knowledge",
        "Answers are in documents the model never saw.",
        "retrieval",
        "The model can read them when it is asked.",
        "C",
        lambda known: _is(known.knowledge, "documents", "changing"),
        "Answers that stand in documents of your own lean to retrieval.",
    ),
    Rule(
        "large-collection",
        "The knowledge is too large for a prompt.",
        "retrieval",
        "Only the part that matters is handed over.",
        "C",
        lambda known: _at_least(known.document_words, LARGE_COLLECTION + 1),
        "{document_words:,} words of documents, more than fit in a prompt, lean to retrieval.",
    ),
    Rule(
        "style",
        "Answers must keep one tone, house style or terminology.",
        "finetuning",
        "Style is learned from examples.",
        "ABCE",
        lambda known: _is(known.form, "style"),
        "Free text that is judged by its wording leans to fine-tuning.",
    ),
    Rule(
        "format",
        "Answers must follow one exact structure every time.",
        "finetuning",
        "Training is more dependable than instructions alone.",
        "C",
        lambda known: _is(known.form, "structure"),
        "One exact structure in every answer leans to fine-tuning.",
    ),
    Rule(
        "own-categories",
        "There are many labelled examples of your own categories.",
        "finetuning",
        "Training learns exactly those categories.",
        "C",
        lambda known: _all(_is(known.form, "categories"), _at_least(known.examples, MANY)),
        "{examples:,} examples of your own {labels} categories lean to fine-tuning.",
    ),
    Rule(
        "prompt-limit",
        "Prompting was tried and misses the pattern.",
        "finetuning",
        "Some patterns are not picked up from instructions.",
        "A",
        lambda known: _is(known.tried, "misses"),
    ),
    Rule(
        "repeated",
        "The same job runs at high volume.",
        "finetuning",
        "Shorter prompts, or a smaller model, pay back what training costs.",
        "C",
        lambda known: _at_least(known.volume, HIGH_VOLUME),
        "At {volume:,} answers a month, training should pay for itself.",
        is_about_cost=True,
    ),
    Rule(
        "long-instructions",
        "Every question carries a long instruction.",
        "finetuning",
        "What to do moves from the prompt into the model.",
        "C",
        lambda known: _any(_is(known.tried, "long"), _at_least(known.instruction_words, LONG_INSTRUCTION + 1)),
        "With an instruction of {instruction_words:,} words, training should pay for itself.",
        is_about_cost=True,
    ),
    Rule(
        "too-few",
        f"There are fewer than about {FEW} good examples.",
        "not finetuning",
        "20 messy examples do not carry a pattern; 50 to 100 very good ones can.",
        "CE",
        lambda known: _not(_at_least(known.examples, FEW)),
        "Only {examples:,} examples to learn from speak against fine-tuning.",
    ),
    Rule(
        "enough-simple",
        "There are hundreds of good examples of a simple task.",
        "finetuning possible",
        "That is enough to train on.",
        "B",
        lambda known: _all(_is(known.job, "simple"), _at_least(known.examples, MANY)),
        "{examples:,} examples are enough to train on for a simple task.",
    ),
    Rule(
        "enough-complex",
        "There are thousands of good examples of a complex task.",
        "finetuning possible",
        "That can be enough; a very specialised task, or training the whole model, takes tens of thousands.",
        "AB",
        lambda known: _all(_is(known.job, "complex"), _at_least(known.examples, THOUSANDS)),
    ),
    Rule(
        "quality-first",
        "Examples conflict, vary in style or are wrong.",
        "clean data",
        "A model copies bad habits; quality beats quantity.",
        "BCE",
        lambda known: _at_least(known.flawed, 1),
        "Examples that conflict or are spelled in two ways ({flawed:,} found) say: clean the data first.",
    ),
    Rule(
        "too-broad",
        "The task is not settled, or everything must stay good.",
        "not finetuning",
        "Specialising narrows what a model can do.",
        "B",
        lambda known: _is(known.job, "broad"),
    ),
    Rule(
        "combine",
        "Both facts and style matter.",
        "retrieval_finetuning",
        "The two add up.",
        "C",
        lambda known: _all(_is(known.knowledge, "documents", "changing"), _is(known.form, "style")),
        "Facts from documents in one style lean to retrieval with fine-tuning.",
    ),
)
