"""What is wrong or risky in a task's data, why it matters, and one-click fixes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from typing import Literal

from eval.decoding import number
from eval.duplicates import compare_inputs
from eval.flaws import (
    FEW_ROWS_A_LABEL,
    conflicts,
    copied_answers,
    duplicates,
    label_spellings,
    missing_words,
    personal_data,
    rare_labels,
)
from eval.layout import is_running_number
from eval.mapping import MIN_ROWS
from eval.split import TEST_SHARE
from eval.task import BadInput, Example, Kind, Task, labels_of
from eval.words import LETTERS_A_WORD, bare_words, count_words, is_unspaced

FEW_ROWS = 100
LONG_WORDS = 1_500
HEAVY_SHARE = 0.6
LEAK_SHARE = 0.8
COPY_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found in the data.

    `what` and `why` are sentences; `mend` is the text of the button that fixes it, None if only the person can;
    `rows` are the ids of the affected examples.
    """

    id: str
    severity: Literal["info", "warning", "serious"]
    what: str
    why: str
    mend: str | None = None
    rows: tuple[str, ...] = ()


def check_task(task: Task) -> list[Finding]:
    """All findings, the serious ones first. Deterministic."""
    found = [finding for check in _CHECKS for finding in check(task)]
    return sorted(found, key=lambda finding: ("serious", "warning", "info").index(finding.severity))


def mend_task(task: Task, finding_id: str) -> Task:
    """`task` with the one-click fix of a finding applied; unchanged if there is nothing to fix.

    Raises BadInput if no fix has that id, or if too few rows would be left.
    """
    if finding_id not in _MENDS:
        raise BadInput(f"There is no fix called '{finding_id}': choose among {', '.join(_MENDS)}.")
    examples = _MENDS[finding_id](task)
    labels = labels_of(examples) if task.kind is Kind.CLASSIFICATION else ()
    if len(examples) < MIN_ROWS or len(labels) == 1:
        raise BadInput(
            f"This fix would leave {len(examples)} rows{' of one label' if len(labels) == 1 else ''}, too little to "
            f"compare anything (at least {MIN_ROWS} rows{' of two labels' if task.labels else ''}): change the data."
        )
    return replace(task, examples=examples, labels=labels)


def _check_duplicates(task: Task) -> Iterable[Finding]:
    rows = duplicates(task)
    if rows:
        yield Finding(
            "duplicates",
            "warning",
            f"{_rows(rows, 'repeats', 'repeat')} the input and the answer of an earlier row.",
            "A repeated row counts twice, in training and in the score, and teaches nothing new.",
            "Keep one of each",
            rows,
        )


def _check_conflicts(task: Task) -> Iterable[Finding]:
    rows = conflicts(task)
    if rows:
        one_answer = task.kind in (Kind.CLASSIFICATION, Kind.EXTRACTION)
        many = len(rows) > 0.05 * len(task.examples)
        yield Finding(
            "conflicts",
            "info" if not one_answer else "serious" if many else "warning",
            f"{_rows(rows, 'has', 'have')} the same input as another row and a different answer.",
            "No strategy can be right on both, and a fine-tuned model learns to guess."
            if one_answer
            else "That is fine if several answers are good. Otherwise, keep the best one.",
            "Remove all of them" if one_answer else None,
            rows,
        )


def _check_near_duplicates(task: Task) -> Iterable[Finding]:
    likeness = compare_inputs([example.input for example in task.examples])
    alike = set(likeness.pairs.ravel().tolist())
    rows = tuple(example.id for example, key in zip(task.examples, likeness.key.tolist(), strict=True) if key in alike)
    if rows:
        yield Finding(
            "near-duplicates",
            "info",
            f"{_rows(rows, 'is', 'are')} nearly the same as another row.",
            "They stay in the same part of the split, so that no strategy is tested on something it nearly trained on.",
            rows=rows,
        )


def _check_label_spelling(task: Task) -> Iterable[Finding]:
    merged = label_spellings(task)
    rows = tuple(example.id for example in task.examples if example.target in merged)
    if rows:
        rare, common = min(merged.items())
        yield Finding(
            "label-spelling",
            "serious",
            f"{_count(len(merged), 'label differs', 'labels differ')} from another only in capitals, spacing, hyphens "
            f"or the form of a number, such as '{rare}' and '{common}'.",
            "They count as different answers, so a right answer can be scored as wrong.",
            "Use the most common spelling",
            rows,
        )


def _check_missing_words(task: Task) -> Iterable[Finding]:
    rows = missing_words(task)
    if rows:
        words = dict.fromkeys(example.target for example in task.examples if example.id in set(rows))
        yield Finding(
            "missing-answers",
            "warning",
            f"{_rows(rows, 'has', 'have')} an answer that looks like a missing one: {_some([*words])}.",
            "Programs write such words for an empty cell, and then they are learned and scored. Keep them if it is a "
            "real answer.",
            "Remove these rows",
            rows,
        )


def _check_copies(task: Task) -> Iterable[Finding]:
    rows = copied_answers(task)
    if len(rows) >= COPY_SHARE * len(task.examples):
        yield Finding(
            "answer-is-input",
            "serious",
            f"{_rows(rows, 'repeats', 'repeat')} the input as the answer.",
            "Copying the input would then score best. Choose another column as the answer.",
            rows=rows,
        )


def _check_running_numbers(task: Task) -> Iterable[Finding]:
    if len(task.examples) >= MIN_ROWS and is_running_number([example.target for example in task.examples]):
        yield Finding(
            "running-number",
            "serious",
            "The answers number the rows: 0, 1, 2 and so on.",
            "Nothing in the input can say this number. Choose another column as the answer.",
        )


def _check_ordered_labels(task: Task) -> Iterable[Finding]:
    if len(task.labels) > 2 and all(number(label) is not None for label in task.labels):
        low, high = min(task.labels, key=float), max(task.labels, key=float)
        yield Finding(
            "ordered-labels",
            "info",
            f"The labels are numbers from {low} to {high}.",
            f"If they are ratings, {low} for {high} is a larger mistake than a neighbour of {high}, but every wrong "
            "label counts as equally wrong.",
        )


def _check_rare_labels(task: Task) -> Iterable[Finding]:
    rows = rare_labels(task)
    if rows:
        meant = set(rows)
        rare = sorted({example.target for example in task.examples if example.id in meant})
        yield Finding(
            "rare-labels",
            "warning",
            f"{_count(len(rare), 'label has', 'labels have')} fewer than {FEW_ROWS_A_LABEL} rows: {_some(rare)}.",
            "So few rows are too little to learn from, and too little to measure on.",
            "Remove these labels" if len(rare) < len(task.labels) - 1 else None,
            rows,
        )


def _check_balance(task: Task) -> Iterable[Finding]:
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


def _check_label_leaks(task: Task) -> Iterable[Finding]:
    if task.kind is Kind.CLASSIFICATION:
        rows = tuple(e.id for e in task.examples if f" {bare_words(e.target)} " in f" {bare_words(e.input)} ")
        if len(rows) >= LEAK_SHARE * len(task.examples):
            yield Finding(
                "label-in-input",
                "warning",
                f"{_rows(rows, 'names', 'name')} the right label in the input.",
                "If real inputs don't, this score says nothing about them.",
                rows=rows,
            )


def _check_size(task: Task) -> Iterable[Finding]:
    if len(task.examples) < FEW_ROWS:
        given = sum(example.split == "test" for example in task.examples)
        test_rows = given or round(TEST_SHARE * len(task.examples))
        points = 98 / test_rows**0.5  # half the width of a 95 % interval if half of the answers are right
        yield Finding(
            "few-rows",
            "warning",
            f"There are only {len(task.examples)} rows, about {test_rows} of them test rows.",
            f"A score from {test_rows} rows is only known to within about {points:.0f} points, so only large "
            "differences will show.",
        )


def _check_long_inputs(task: Task) -> Iterable[Finding]:
    rows = tuple(example.id for example in task.examples if count_words(example.input) > LONG_WORDS)
    if rows:
        have = _rows(rows, "has", "have")
        what = f"{have} an input of more than {LONG_WORDS:,} words."
        if any(is_unspaced(example.input) for example in task.examples):
            letters = LONG_WORDS * LETTERS_A_WORD
            what = (
                f"{have} an input of more than {LONG_WORDS:,} words, or {letters:,} letters in a script without spaces."
            )
        yield Finding(
            "long-inputs",
            "warning",
            what,
            "Long inputs are slow, leave no room for examples in the prompt, and may be truncated.",
            rows=rows,
        )


def _check_documents(task: Task) -> Iterable[Finding]:
    empty = tuple(document.id for document in task.documents if not document.text.strip())
    if empty:
        yield Finding(
            "empty-documents",
            "warning",
            f"{_count(len(empty), 'document has', 'documents have')} no text: {_some(empty)}.",
            "Retrieval can't find anything in them. They may be scans without recognised text.",
        )
    known = {document.id for document in task.documents}
    rows = tuple(example.id for example in task.examples if not known.issuperset(example.document_ids))
    if rows and known:
        yield Finding(
            "unknown-documents",
            "warning",
            f"{_rows(rows, 'names', 'name')} a document that you didn't upload.",
            "For these rows, we can't check whether retrieval finds the right document.",
            rows=rows,
        )


def _check_personal_data(task: Task) -> Iterable[Finding]:
    rows = personal_data(task)
    if rows:
        yield Finding(
            "personal-data",
            "info",
            f"{_rows(rows, 'seems', 'seem')} to contain an e-mail address or a card number.",
            "A fine-tuned model can repeat its training data in answers. Replace real data with made-up data.",
            rows=rows,
        )


_CHECKS: tuple[Callable[[Task], Iterable[Finding]], ...] = (
    _check_label_spelling,
    _check_missing_words,
    _check_copies,
    _check_running_numbers,
    _check_ordered_labels,
    _check_conflicts,
    _check_duplicates,
    _check_size,
    _check_rare_labels,
    _check_balance,
    _check_label_leaks,
    _check_long_inputs,
    _check_documents,
    _check_near_duplicates,
    _check_personal_data,
)


def _merge_labels(task: Task) -> tuple[Example, ...]:
    merged = label_spellings(task)
    return tuple(replace(example, target=merged.get(example.target, example.target)) for example in task.examples)


def _dropping(rows_of: Callable[[Task], Collection[str]]) -> Callable[[Task], tuple[Example, ...]]:
    def drop(task: Task) -> tuple[Example, ...]:
        dropped = set(rows_of(task))
        return tuple(example for example in task.examples if example.id not in dropped)

    return drop


_MENDS: dict[str, Callable[[Task], tuple[Example, ...]]] = {
    "duplicates": _dropping(duplicates),
    "conflicts": _dropping(conflicts),
    "label-spelling": _merge_labels,
    "rare-labels": _dropping(rare_labels),
    "missing-answers": _dropping(missing_words),
}


def _count(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"


def _rows(rows: Collection[str], one: str, many: str) -> str:
    return _count(len(rows), f"row {one}", f"rows {many}")


def _some(names: Collection[str]) -> str:
    shown = list(names)[:3]
    return ", ".join(shown) + (f" and {len(names) - len(shown):,} more" if len(names) > len(shown) else "")
