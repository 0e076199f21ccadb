"""Answers that are written in more than one way: dates, JSON beside text, capitals and full stops."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable

from eval.checks.finding import Finding, counted, counted_rows
from eval.scoring import read_json
from eval.task import LABELLED, Kind, Task

_LEAST_SHARE, _FEWEST_ROWS = 0.05, 3  # of the answers, for dates or JSON among them to matter
_MUCH, _SEVERAL = 0.10, 5  # of the answers with a date, for a notation to count; likewise for a style of short answers

_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|januar|februar|märz|mai|juni|juli|okt|dez)[a-zä]{0,6}"
_DATES = {
    "year first": re.compile(r"(?<![\d-])\d{4}-\d{1,2}-\d{1,2}(?![\d-])"),
    "with slashes": re.compile(r"(?<![\d/])\d{1,2}/\d{1,2}/\d{2,4}(?![\d/])"),
    "with dots": re.compile(r"(?<![\d.])\d{1,2}\.\d{1,2}\.(?:\d{4}|\d{2})(?![\d.]*\d)"),
    "day and month": re.compile(rf"\b\d{{1,2}}(?:st|nd|rd|th|\.)? (?:of )?{_MONTH}\b", re.IGNORECASE),
    "month and day": re.compile(rf"\b{_MONTH}\.? \d{{1,2}}(?:st|nd|rd|th)?\b", re.IGNORECASE),
}
_DIGIT = re.compile(r"\d")
_FIRST_WORD = re.compile(r"[^\W\d_]+")


def check_styles(task: Task) -> Iterable[Finding]:
    if task.kind not in LABELLED:
        yield from _check_dates(task)
    if task.kind in (Kind.ANSWERING, Kind.WRITING):
        yield from _check_json(task)
    if task.kind is Kind.ANSWERING:
        yield from _check_full_stops(task)
        yield from _check_capitals(task)


def _check_dates(task: Task) -> Iterable[Finding]:
    rows: dict[str, list[str]] = defaultdict(list)
    shown: dict[str, str] = {}
    for example in task.examples:
        if not _DIGIT.search(example.target):
            continue
        for notation, pattern in _DATES.items():
            if (found := pattern.search(example.target)) and found[0] not in example.input:  # a copied date is right
                rows[notation].append(example.id)
                shown.setdefault(notation, found[0])
    dated = sum(map(len, rows.values()))
    fewest = max(_FEWEST_ROWS, _MUCH * dated)
    common = sorted((one for one in rows if len(rows[one]) >= fewest), key=lambda one: (-len(rows[one]), one))
    if len(common) > 1 and dated >= _LEAST_SHARE * len(task.examples):
        examples = ", ".join(f"'{shown[one]}' in {len(rows[one]):,}" for one in common)
        rest = {row for one in common[1:] for row in rows[one]}
        yield Finding(
            "mixed-dates",
            "info",
            f"The answers write dates in {len(common)} ways: {examples}.",
            "The score reads them as dates, but a model can't know which way you want. Choose one.",
            rows=tuple(example.id for example in task.examples if example.id in rest),
        )


def _check_json(task: Task) -> Iterable[Finding]:
    held = tuple(row.id for row in task.examples if row.target[:1] in ("{", "[", "`") and read_json(row.target))
    fewer = min(len(held), len(task.examples) - len(held))
    if fewer >= max(_FEWEST_ROWS, _LEAST_SHARE * len(task.examples)):
        are_rare = fewer == len(held)
        yield Finding(
            "mixed-json",
            "warning",
            f"{counted(len(held), 'answer is', 'answers are')} JSON and {len(task.examples) - len(held):,} are text.",
            "They are scored in different ways and taught in different ways. Make two tasks of them.",
            rows=held if are_rare else tuple(row.id for row in task.examples if row.id not in set(held)),
        )


def _check_full_stops(task: Task) -> Iterable[Finding]:
    ends = tuple(row.id for row in task.examples if row.target.endswith((".", "。")))
    others = len(task.examples) - len(ends)
    if min(len(ends), others) >= max(_SEVERAL, _MUCH * len(task.examples)):
        yield Finding(
            "mixed-endings",
            "info",
            f"{counted_rows(ends, 'ends', 'end')} the answer with a full stop, and {others:,} don't.",
            "The score ignores it, but a fine-tuned model writes as its examples do: sometimes so, sometimes not.",
            rows=ends,
        )


def _check_capitals(task: Task) -> Iterable[Finding]:
    """Only among answers that begin with the same word: a name needs its capital."""
    spelled: dict[str, Counter[str]] = defaultdict(Counter)
    firsts = {row.id: found[0] for row in task.examples if (found := _FIRST_WORD.match(row.target))}
    for word in firsts.values():
        spelled[word.casefold()][word] += 1
    usual = {word: counts.most_common(1)[0][0] for word, counts in spelled.items()}
    rows = tuple(row for row, word in firsts.items() if usual[word.casefold()] != word)
    if len(rows) >= max(_SEVERAL, _MUCH * len(task.examples)):
        word = firsts[rows[0]]
        yield Finding(
            "mixed-capitals",
            "info",
            f"{counted_rows(rows, 'begins', 'begin')} the answer with a word that other answers write with other "
            f"capitals, such as '{word}' and '{usual[word.casefold()]}'.",
            "The score ignores it, but a fine-tuned model writes as its examples do: sometimes so, sometimes not.",
            rows=rows,
        )
