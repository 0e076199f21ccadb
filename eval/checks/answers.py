"""Answers that are no answers: missing ones, copies of the input, row numbers."""

from __future__ import annotations

from collections.abc import Iterable

from eval.checks.finding import Finding, counted_rows, some_of
from eval.mapping.build import MIN_ROWS
from eval.mapping.label_sets import NO_LABEL
from eval.reading.layout import is_running_number
from eval.task import LABELLED, Example, Kind, Task, normalised
from eval.words import bare_words

COPY_SHARE = 0.5
QUOTE_SHARE = 0.8

_MISSING = frozenset((
    "nan", "none", "null", "nil", "n/a", "n.a.", "na", "#n/a", "<na>", "-", "--", "?", "???", "...", "undefined", "tbd",
    "tba", "todo", "unlabeled", "unlabelled", "not labeled", "no label", "missing", "not available", "k.a.", "k. a.",
    "keine angabe", "n/d", "s/o", "未標註", "未标注",
))  # fmt: skip


def check_missing_words(task: Task) -> Iterable[Finding]:
    rows = missing_words(task)
    if rows:
        words = dict.fromkeys(example.target for example in task.examples if _is_missing(task.kind, example.target))
        yield Finding(
            "missing-answers",
            "warning",
            f"{counted_rows(rows, 'has', 'have')} an answer that looks like a missing one: {some_of([*words])}.",
            "Programs write such words for an empty cell, and then they are learned and scored. Keep them if it is a "
            "real answer.",
            "Remove these rows",
            rows,
        )


def check_copies(task: Task) -> Iterable[Finding]:
    rows = copied_answers(task)
    if len(rows) >= COPY_SHARE * len(task.examples):
        yield Finding(
            "answer-is-input",
            "serious",
            f"{counted_rows(rows, 'repeats', 'repeat')} the input as the answer.",
            "Copying the input would then score best. Choose another column as the answer.",
            rows=rows,
        )
    elif rows and task.kind not in LABELLED:
        yield Finding(
            "copied-answers",
            "info",
            f"{counted_rows(rows, 'repeats', 'repeat')} the input as the answer.",
            "That is right if nothing was to change, as in correcting a text. Otherwise the answer is missing.",
            "Remove these rows",
            rows,
        )


def check_answers_in_inputs(task: Task) -> Iterable[Finding]:
    """Only of short answers: a label in the input is another finding."""
    if task.kind is Kind.ANSWERING:
        rows = tuple(example.id for example in task.examples if _quotes(example))
        if len(rows) >= QUOTE_SHARE * len(task.examples):
            yield Finding(
                "answer-in-input",
                "info",
                f"{counted_rows(rows, 'holds', 'hold')} the answer, word for word, in the input.",
                "The model only has to find it there, so documents can add little. If real inputs don't hold the "
                "answer, this score says nothing about them.",
                rows=rows,
            )


def check_running_numbers(task: Task) -> Iterable[Finding]:
    if len(task.examples) >= MIN_ROWS and is_running_number([example.target for example in task.examples]):
        yield Finding(
            "running-number",
            "serious",
            "The answers number the rows: 0, 1, 2 and so on.",
            "Nothing in the input can say this number. Choose another column as the answer.",
        )


def missing_words(task: Task) -> tuple[str, ...]:
    """The rows whose answer is a word that programs write where there is none, such as "nan" or "-"."""
    return tuple(example.id for example in task.examples if _is_missing(task.kind, example.target))


def _is_missing(kind: Kind, answer: str) -> bool:
    """A row of a multi-label task may have no label."""
    return answer.casefold() in _MISSING and not (kind is Kind.MULTI_LABEL and answer == NO_LABEL)


def copied_answers(task: Task) -> tuple[str, ...]:
    """The rows whose answer is their input."""
    return tuple(
        example.id
        for example in task.examples
        if len(example.input) < 2 * len(example.target) < 4 * len(example.input)  # to compare few of them
        and normalised(example.input) == normalised(example.target)
    )


def _quotes(example: Example) -> bool:
    """Whether the answer is part of the input, in whole words."""
    answer, source = example.target.casefold(), example.input.casefold()
    return answer in source and answer != source and f" {bare_words(answer)} " in f" {bare_words(source)} "
