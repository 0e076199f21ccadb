"""The one-click fixes of findings."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from functools import partial

from eval.checks.answers import copied_answers, missing_words
from eval.checks.labels import label_spellings, odd_ratings, rare_labels
from eval.checks.leaks import find_leaks
from eval.checks.personal import private_kinds
from eval.checks.private import PERSONAL, SECRETS, Private, mask_document, mask_example
from eval.checks.repeats import conflicts, duplicates
from eval.mapping.build import MIN_ROWS
from eval.mapping.kinds import labels_for
from eval.mapping.label_sets import as_answer, labels_in
from eval.task import BadInput, Example, Kind, Task

Fix = Callable[[Task], Task]


def mend_task(task: Task, finding_id: str) -> Task:
    """`task` with the one-click fix of a finding applied; unchanged if there is nothing to fix.

    Raises BadInput if no fix has that id, or if too few rows would be left.
    """
    if finding_id not in _FIXES:
        raise BadInput(f"There is no fix called '{finding_id}': choose among {', '.join(_FIXES)}.")
    mended = _FIXES[finding_id](task)
    if why := refusal(task, mended.examples):
        raise BadInput(why)
    return replace(mended, labels=labels_for(task.kind, mended.examples))


def masked_kinds(finding_ids: Iterable[str]) -> frozenset[Private]:
    """What the fixes of these findings mask."""
    return frozenset[Private]().union(*(_MASKED.get(id, frozenset()) for id in finding_ids))


def refusal(task: Task, left: Collection[Example]) -> str | None:
    """Why a fix that leaves these rows of a task can't be applied, as a sentence; None if it can."""
    of_one_label = len(labels_for(task.kind, left)) == 1
    if len(left) < MIN_ROWS or of_one_label:
        return (
            f"This fix would leave {len(left)} rows{' of one label' if of_one_label else ''}, too little to "
            f"compare anything (at least {MIN_ROWS} rows{' of two labels' if task.labels else ''}): change the data."
        )
    if any(_is_learned(example) for example in task.examples) and not any(map(_is_learned, left)):
        return "This fix would leave no training rows: change the column that gives the split."
    return None


def merges_all_labels(task: Task, finding_id: str) -> bool:
    """Whether a fix would leave one label, tried on one row of each answer."""
    if not task.labels:
        return False
    ones = {example.target: example for example in task.examples}.values()
    one_each = replace(task, examples=tuple(replace(example, input="") for example in ones), documents=())
    return len(labels_for(task.kind, _FIXES[finding_id](one_each).examples)) == 1


def _is_learned(example: Example) -> bool:
    return example.split in (None, "train")


def _merge_labels(task: Task) -> Task:
    merged = label_spellings(task)

    def spelled(target: str) -> str:
        if task.kind is Kind.MULTI_LABEL:
            return as_answer(dict.fromkeys(merged.get(label, label) for label in labels_in(target)))
        return merged.get(target, target)

    examples = tuple(replace(example, target=spelled(example.target)) for example in task.examples)
    return replace(task, examples=examples) if merged else task


def _drop(rows_of: Callable[[Task], Collection[str]], task: Task) -> Task:
    dropped = set(rows_of(task))
    return replace(task, examples=tuple(example for example in task.examples if example.id not in dropped))


def _mask(kinds: Collection[Private], task: Task) -> Task:
    found = private_kinds(task.examples)
    return replace(
        task,
        examples=tuple(
            mask_example(one, kinds) if not found.get(one.id, frozenset()).isdisjoint(kinds) else one
            for one in task.examples
        ),
        documents=tuple(mask_document(document, kinds) for document in task.documents),
    )


_ROWS_TO_REMOVE: dict[str, Callable[[Task], Collection[str]]] = {
    "duplicates": duplicates,
    "conflicts": conflicts,
    "rare-labels": rare_labels,
    "odd-ratings": odd_ratings,
    "missing-answers": missing_words,
    "copied-answers": copied_answers,
    "leaks": lambda task: find_leaks(task).by_input,
    "group-leaks": lambda task: find_leaks(task).by_group,
}
REMOVING = frozenset(_ROWS_TO_REMOVE)  # the findings whose fix removes exactly their rows

_MASKED = {"secrets": SECRETS, "personal-data": PERSONAL}

_FIXES: dict[str, Fix] = {
    **{id: partial(_drop, rows_of) for id, rows_of in _ROWS_TO_REMOVE.items()},
    "label-spelling": _merge_labels,
    **{id: partial(_mask, kinds) for id, kinds in _MASKED.items()},
}
