"""The rules of thumb, as data: when each applies, which way it leans, why, and who says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from string import Formatter
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
    "prompting": "favours prompting",
    "retrieval": "favours retrieval",
    "finetuning": "favours fine-tuning",
    "retrieval_finetuning": "favours retrieval with fine-tuning",
    "simplest first": "favours the simplest first",
    "finetuning possible": "makes fine-tuning possible",
    "not finetuning": "speaks against fine-tuning",
    "clean data": "favours cleaning the data first",
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

    def fact_of(self, known: Circumstances) -> str:
        """`fact` with the numbers of these circumstances; `when` if it has none, or if a number isn't known."""
        numbers = asdict(known)
        named = [name for _, name, _, _ in Formatter().parse(self.fact) if name]
        if not self.fact or any(numbers[name] is None for name in named):
            return self.when
        return self.fact.format(**numbers)


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
        "The task is done once, or rarely.",
        "prompting",
        "A prompt is quicker than a training run.",
        "C",
        lambda known: _not(_at_least(known.volume, ONCE + 1)),
        "For a task as rare as this ({volume:,} requests a month), a prompt should cost less than training.",
        is_about_cost=True,
    ),
    Rule(
        "good-enough",
        "A prompt already does the task well.",
        "prompting",
        "There is nothing to gain.",
        "AB",
        lambda known: _is(known.tried, "well"),
    ),
    Rule(
        "ladder",
        "You haven't tried anything yet.",
        "simplest first",
        "Start with a prompt, then add examples, then retrieval. Fine-tune when many answers must follow one pattern.",
        "C",
        lambda known: _is(known.tried, "no"),
    ),
    Rule(
        FRESH_FACTS,
        "Answers depend on facts that change or are recent.",
        "retrieval",
        "New documents need no training. Retrieve a policy that changes every month instead of training on it.",
        "C",
        lambda known: _is(known.knowledge, "changing"),
        "Facts that change favour retrieval.",
    ),
    Rule(
        "private-knowledge",
        "Answers are in documents the model never saw.",
        "retrieval",
        "The model can read them when it answers.",
        "C",
        lambda known: _is(known.knowledge, "documents", "changing"),
        "Answers that are in your own documents favour retrieval.",
    ),
    Rule(
        "large-collection",
        "The knowledge is too large for a prompt.",
        "retrieval",
        "The model only gets the part that matters.",
        "C",
        lambda known: _at_least(known.document_words, LARGE_COLLECTION + 1),
        "{document_words:,} words of documents are more than fit in a prompt, which favours retrieval.",
    ),
    Rule(
        "style",
        "Answers must keep one tone, house style or terminology.",
        "finetuning",
        "Style is learned from examples.",
        "ABCE",
        lambda known: _is(known.form, "style"),
        "Free text judged by its wording favours fine-tuning.",
    ),
    Rule(
        "format",
        "Answers must follow one exact structure every time.",
        "finetuning",
        "Training is more dependable than instructions alone.",
        "C",
        lambda known: _is(known.form, "structure"),
        "One exact structure in every answer favours fine-tuning.",
    ),
    Rule(
        "own-categories",
        "There are many labelled examples of your own categories.",
        "finetuning",
        "Training learns exactly those categories.",
        "C",
        lambda known: _all(_is(known.form, "categories"), _at_least(known.examples, MANY)),
        "{examples:,} examples of your own {labels} categories favour fine-tuning.",
    ),
    Rule(
        "prompt-limit",
        "You tried prompting, and it misses the pattern.",
        "finetuning",
        "A model can't learn some patterns from instructions.",
        "A",
        lambda known: _is(known.tried, "misses"),
    ),
    Rule(
        "repeated",
        "The same task runs at high volume.",
        "finetuning",
        "Shorter prompts or a smaller model pay for the training.",
        "C",
        lambda known: _at_least(known.volume, HIGH_VOLUME),
        "At {volume:,} requests a month, training should pay for itself.",
        is_about_cost=True,
    ),
    Rule(
        "long-instructions",
        "Every request carries a long instruction.",
        "finetuning",
        "Training moves the instruction from the prompt into the model.",
        "C",
        lambda known: _any(_is(known.tried, "long"), _at_least(known.instruction_words, LONG_INSTRUCTION + 1)),
        "With an instruction of {instruction_words:,} words, training should pay for itself.",
        is_about_cost=True,
    ),
    Rule(
        "too-few",
        f"There are fewer than about {FEW} good examples.",
        "not finetuning",
        "A model can't learn a pattern from 20 messy examples, but it can from 50 to 100 very good ones.",
        "CE",
        lambda known: _not(_at_least(known.examples, FEW)),
        "With only {examples:,} training examples, fine-tuning probably won't help.",
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
        "That can be enough. A very specialised task, or full fine-tuning, takes tens of thousands.",
        "AB",
        lambda known: _all(_is(known.job, "complex"), _at_least(known.examples, THOUSANDS)),
    ),
    Rule(
        "quality-first",
        "Some examples conflict, vary in style or are wrong.",
        "clean data",
        "A model copies bad habits. Quality beats quantity.",
        "BCE",
        lambda known: _at_least(known.flawed, 1),
        "{flawed:,} examples conflict or have labels spelled in two ways: clean the data first.",
    ),
    Rule(
        "too-broad",
        "The task isn't settled yet, or the model must stay good at everything.",
        "not finetuning",
        "Fine-tuning narrows what a model can do.",
        "B",
        lambda known: _is(known.job, "broad"),
    ),
    Rule(
        "combine",
        "Both facts and style matter.",
        "retrieval_finetuning",
        "Their benefits add up.",
        "C",
        lambda known: _all(_is(known.knowledge, "documents", "changing"), _is(known.form, "style")),
        "Facts from documents in one style favour retrieval with fine-tuning.",
    ),
)
