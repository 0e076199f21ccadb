"""The one-click fixes of findings."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from eval.checks.answers import missing_words
from eval.checks.labels import label_spellings, rare_labels
from eval.checks.repeats import conflicts, duplicates
from eval.mapping import MIN_ROWS
from eval.task import BadInput, Example, Kind, Task, labels_of


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
