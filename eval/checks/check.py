"""All checks of a task."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from eval.checks import answers, documents, labels, languages, leaks, personal, repeats, size, styles
from eval.checks.finding import Finding
from eval.checks.fixes import REMOVING, merges_all_labels, refusal
from eval.splitting.duplicates import inputs_of
from eval.task import Task


def check_task(task: Task, context_tokens: int | None = None) -> list[Finding]:
    """All findings, the serious ones first. Deterministic. `context_tokens` is how many tokens the model can read."""
    likeness = inputs_of(task.examples).likeness()
    found = [
        *(finding for check in _CHECKS for finding in check(task)),
        *leaks.check_leaks(task, likeness),
        *repeats.check_near_duplicates(task, likeness),
        *size.check_long_inputs(task, context_tokens),
    ]
    found = [_without_refused_fix(task, finding) for finding in found]
    return sorted(found, key=lambda finding: ("serious", "warning", "info").index(finding.severity))


def _without_refused_fix(task: Task, finding: Finding) -> Finding:
    """The finding, without a button that could only answer that too little data would be left."""
    if finding.mend is None:
        return finding
    if finding.id not in REMOVING:
        return replace(finding, mend=None) if merges_all_labels(task, finding.id) else finding
    dropped = set(finding.rows)
    left = tuple(example for example in task.examples if example.id not in dropped)
    return finding if refusal(task, left) is None else replace(finding, mend=None)


_CHECKS: tuple[Callable[[Task], Iterable[Finding]], ...] = (
    labels.check_label_spelling,
    answers.check_missing_words,
    answers.check_copies,
    answers.check_answers_in_inputs,
    answers.check_running_numbers,
    size.check_few_rows,
    labels.check_ordered_labels,
    labels.check_odd_ratings,
    repeats.check_conflicts,
    repeats.check_duplicates,
    labels.check_rare_labels,
    labels.check_untested_labels,
    labels.check_balance,
    labels.check_label_leaks,
    personal.check_private,
    documents.check_documents,
    documents.check_answers_in_documents,
    styles.check_styles,
    languages.check_languages,
    size.check_power,
)
