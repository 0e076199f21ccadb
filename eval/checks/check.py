"""All checks of a task."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from eval.checks import answers, documents, labels, personal, repeats, size
from eval.checks.finding import Finding
from eval.task import Task


def check_task(task: Task) -> list[Finding]:
    """All findings, the serious ones first. Deterministic."""
    found = [finding for check in _CHECKS for finding in check(task)]
    return sorted(found, key=lambda finding: ("serious", "warning", "info").index(finding.severity))


_CHECKS: tuple[Callable[[Task], Iterable[Finding]], ...] = (
    labels.check_label_spelling,
    answers.check_missing_words,
    answers.check_copies,
    answers.check_running_numbers,
    labels.check_ordered_labels,
    repeats.check_conflicts,
    repeats.check_duplicates,
    size.check_size,
    labels.check_rare_labels,
    labels.check_balance,
    labels.check_label_leaks,
    size.check_long_inputs,
    documents.check_documents,
    repeats.check_near_duplicates,
    personal.check_personal_data,
)
