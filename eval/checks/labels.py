"""Labels: spelled in several ways, rare, too common, ordered, or named by the input."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable

from eval.checks.finding import Finding, counted, counted_rows, some_of
from eval.decoding import number
from eval.task import Kind, Task
from eval.words import bare_words

FEW_ROWS_A_LABEL = 5
HEAVY_SHARE = 0.6
LEAK_SHARE = 0.8

_BETWEEN_WORDS = re.compile(r"(?<=\w)[\s_-]+(?=\w)")
_WHOLE_NUMBER = re.compile(r"([+-]?(?:0|[1-9]\d*))\.0+")  # 1.0 is 1, but 007 is not 7
_END = re.compile(r"(?<=\w)[.!]$")


def check_label_spelling(task: Task) -> Iterable[Finding]:
    merged = label_spellings(task)
    rows = tuple(example.id for example in task.examples if example.target in merged)
    if rows:
        rare, common = min(merged.items())
        yield Finding(
            "label-spelling",
            "serious",
            f"{counted(len(merged), 'label differs', 'labels differ')} from another only in capitals, spacing, hyphens "
            f"or the form of a number, such as '{rare}' and '{common}'.",
            "They count as different answers, so a right answer can be scored as wrong.",
            "Use the most common spelling",
            rows,
        )


def check_rare_labels(task: Task) -> Iterable[Finding]:
    rows = rare_labels(task)
    if rows:
        meant = set(rows)
        rare = sorted({example.target for example in task.examples if example.id in meant})
        yield Finding(
            "rare-labels",
            "warning",
            f"{counted(len(rare), 'label has', 'labels have')} fewer than {FEW_ROWS_A_LABEL} rows: {some_of(rare)}.",
            "So few rows are too little to learn from, and too little to measure on.",
            "Remove these labels" if len(rare) < len(task.labels) - 1 else None,
            rows,
        )


def check_balance(task: Task) -> Iterable[Finding]:
    if task.kind is Kind.CLASSIFICATION:
        label, count = min(Counter(e.target for e in task.examples).items(), key=lambda item: (-item[1], item[0]))
        share = count / len(task.examples)
        if share >= HEAVY_SHARE:
            yield Finding(
                "imbalance",
                "warning",
                f"{share:.0%} of the rows have the label '{label}'.",
                f"Always answering '{label}' would be right that often, so compare every score with it. If rare labels "
                "matter as much, choose macro-F1 as the score.",
            )


def check_ordered_labels(task: Task) -> Iterable[Finding]:
    if len(task.labels) > 2 and all(number(label) is not None for label in task.labels):
        low, high = min(task.labels, key=float), max(task.labels, key=float)
        yield Finding(
            "ordered-labels",
            "info",
            f"The labels are numbers from {low} to {high}.",
            f"If they are ratings, {low} for {high} is a larger mistake than a neighbour of {high}, but every wrong "
            "label counts as equally wrong.",
        )


def check_label_leaks(task: Task) -> Iterable[Finding]:
    if task.kind is Kind.CLASSIFICATION:
        rows = tuple(e.id for e in task.examples if f" {bare_words(e.target)} " in f" {bare_words(e.input)} ")
        if len(rows) >= LEAK_SHARE * len(task.examples):
            yield Finding(
                "label-in-input",
                "warning",
                f"{counted_rows(rows, 'names', 'name')} the right label in the input.",
                "If real inputs don't, this score says nothing about them.",
                rows=rows,
            )


def label_spellings(task: Task) -> dict[str, str]:
    """Labels that differ from another one only in capitals, spacing, hyphens, a full stop or the form of a number, each
    with the most common spelling."""
    if task.kind is not Kind.CLASSIFICATION:
        return {}
    spellings: dict[str, Counter[str]] = defaultdict(Counter)
    for example in task.examples:
        spellings[_spelled_plainly(example.target)][example.target] += 1
    merged: dict[str, str] = {}
    for counts in spellings.values():
        commonest = min(counts, key=lambda label: (-counts[label], label))
        merged |= {label: commonest for label in counts if label != commonest}
    return merged


def _spelled_plainly(label: str) -> str:
    plain = _BETWEEN_WORDS.sub(" ", unicodedata.normalize("NFKC", label).casefold().strip())
    return _WHOLE_NUMBER.sub(r"\1", plain) if _WHOLE_NUMBER.fullmatch(plain) else _END.sub("", plain)


def rare_labels(task: Task) -> tuple[str, ...]:
    """The rows of labels that have fewer than `FEW_ROWS_A_LABEL` of them."""
    if task.kind is not Kind.CLASSIFICATION:
        return ()
    counts = Counter(example.target for example in task.examples)
    return tuple(example.id for example in task.examples if counts[example.target] < FEW_ROWS_A_LABEL)
