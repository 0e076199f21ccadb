"""Inputs that come more than once: duplicates, near-duplicates, and other answers to the same input."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from eval.checks.finding import Finding, counted_rows
from eval.mapping.label_sets import labels_in
from eval.splitting.duplicates import Likeness, inputs_of
from eval.task import LABELLED, Example, Kind, Task, normalised


def check_duplicates(task: Task) -> Iterable[Finding]:
    rows = duplicates(task)
    if rows:
        yield Finding(
            "duplicates",
            "warning",
            f"{counted_rows(rows, 'repeats', 'repeat')} the input and the answer of an earlier row.",
            "A repeated row counts twice, in training and in the score, and teaches nothing new.",
            "Keep one of each",
            rows,
        )


def check_conflicts(task: Task) -> Iterable[Finding]:
    rows = conflicts(task)
    if rows:
        one_answer = task.kind in (*LABELLED, Kind.EXTRACTION)
        many = len(rows) > 0.05 * len(task.examples)
        yield Finding(
            "conflicts",
            "info" if not one_answer else "serious" if many else "warning",
            f"{counted_rows(rows, 'has', 'have')} the same input as another row and a different answer.",
            "No strategy can be right on both, and a fine-tuned model learns to guess."
            if one_answer
            else "That is fine if several answers are good. Otherwise, keep the best one.",
            "Remove all of them" if one_answer else None,
            rows,
        )


def check_near_duplicates(task: Task, likeness: Likeness) -> Iterable[Finding]:
    alike = set(likeness.pairs.ravel().tolist())
    rows = tuple(example.id for example, key in zip(task.examples, likeness.key.tolist(), strict=True) if key in alike)
    if rows:
        yield Finding(
            "near-duplicates",
            "info",
            f"{counted_rows(rows, 'is', 'are')} nearly the same as another row.",
            "No strategy is tested on what it nearly learned: they stay on one side of the split. Where your own split "
            "divides them, we leave out the training row."
            + ("" if likeness.complete else " In so much text, we compare words, not letters."),
            rows=rows,
        )


def duplicates(task: Task) -> tuple[str, ...]:
    """The rows that repeat the input and the answer of an earlier one."""
    seen: set[tuple[int, str]] = set()
    rows = []
    for example, key in _repeated(task):
        pair = key, example.target
        if pair in seen:
            rows.append(example.id)
        seen.add(pair)
    return tuple(rows)


def conflicts(task: Task) -> tuple[str, ...]:
    """The rows whose input has a different answer in another row."""
    repeated = _repeated(task)
    answers: dict[int, set[frozenset[str]]] = defaultdict(set)
    for example, key in repeated:
        answers[key].add(_answers(task.kind, example))
    return tuple(example.id for example, key in repeated if len(answers[key]) > 1)


def _repeated(task: Task) -> list[tuple[Example, int]]:
    """The rows whose input comes more than once, each with the key of its input."""
    inputs = inputs_of(task.examples)
    times = np.bincount(inputs.key) if len(inputs.key) else inputs.key
    if inputs.empty is not None:
        times[inputs.empty] = 0
    rows = np.flatnonzero(times[inputs.key] > 1).tolist()
    return [(task.examples[row], int(inputs.key[row])) for row in rows]


def _answers(kind: Kind, example: Example) -> frozenset[str]:
    """What is right for a row, in any order. Spellings of a label are another finding."""
    if kind is Kind.MULTI_LABEL:
        return frozenset(labels_in(example.target))
    return frozenset(example.answers if kind is Kind.CLASSIFICATION else map(normalised, example.answers))
