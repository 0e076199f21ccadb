"""What a person changed in the data: recorded steps that apply in order, and again to a changed file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from eval.checks import mend_task
from eval.conversation import turns_of
from eval.mapping.accepted import SEPARATOR, accepted_answers
from eval.mapping.build import MIN_ROWS
from eval.mapping.kinds import labels_for
from eval.mapping.label_sets import as_answer, labels_in
from eval.scoring import read_json
from eval.scoring.closeness import number_in, without_highest
from eval.task import BadInput, Example, Kind, Task

_MAY_HAVE_SEVERAL = (Kind.ANSWERING, Kind.WRITING)
_SHOWN_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class Row:
    """A row by its texts as they were read, so that it is found where row numbers moved. `copy` counts the rows with
    the same texts, from 0."""

    input: str
    answer: str
    copy: int = 0


@dataclass(frozen=True, slots=True)
class Fix:
    """The one-click fix of a finding, by the finding's id."""

    finding: str


@dataclass(frozen=True, slots=True)
class DropRow:
    row: Row


@dataclass(frozen=True, slots=True)
class EditRow:
    """Another input or another answer; None leaves it as it is."""

    row: Row
    input: str | None
    answer: str | None


Step = Fix | DropRow | EditRow


@dataclass(frozen=True, slots=True)
class Cleaned:
    """The task after all steps. `changed` counts the rows and documents that each step changed or dropped; None if its
    row isn't in the data."""

    task: Task
    changed: tuple[int | None, ...] = ()


def answer_cell(example: Example) -> str:
    """The answer as one text; several right answers are separated by ||."""
    return f" {SEPARATOR} ".join(example.answers)


def rows_by_id(read: Task) -> dict[str, Row]:
    """How a step names each row of a task as it was read, before any step."""
    copies: dict[tuple[str, str], int] = defaultdict(int)
    rows = {}
    for example in read.examples:
        texts = example.input, answer_cell(example)
        rows[example.id] = Row(*texts, copies[texts])
        copies[texts] += 1
    return rows


def edit_problem(kind: Kind, source: str, answer: str) -> str | None:
    """Why a row can't have this input and this answer, in one sentence; None if it can."""
    if not source.strip() or not answer.strip():
        return "A row needs an input and an answer: write both, or drop the row."
    if kind is Kind.EXTRACTION and read_json(answer) is None:
        return "The answer isn't JSON, so it can't be scored: correct it, or drop the row."
    if kind is Kind.NUMBER and number_in(answer) is None:
        return "The answer holds no number, so it can't be scored: correct it, or drop the row."
    return None


def apply_steps(read: Task, steps: Sequence[Step]) -> Cleaned:
    """`read` is the task before any step. A step whose row is gone changes nothing.

    Raises BadInput if no fix has the id of a step, or if too few rows would be left.
    """
    task = read
    ids = {row: identifier for identifier, row in rows_by_id(read).items()} if has_row_steps(steps) else {}
    examples = {example.id: example for example in read.examples}
    changed: list[int | None] = []
    for step in steps:
        match step:
            case Fix(finding):
                before, task = task.documents, mend_task(_with(task, examples), finding)
                after = {example.id: example for example in task.examples}
                rows = sum(after.get(identifier) != one for identifier, one in examples.items())
                changed.append(rows + sum(old != new for old, new in zip(before, task.documents, strict=True)))
                examples = after
            case DropRow(row):
                dropped = examples.pop(ids.get(row, ""), None)
                changed.append(None if row not in ids else int(dropped is not None))
            case EditRow(row):
                there = examples.get(ids.get(row, ""))
                edited = _edited(there, step, read) if there else None
                if edited:
                    examples[edited.id] = edited
                changed.append(None if row not in ids else int(edited != there))
    task = _with(task, examples)
    if has_row_steps(steps):
        _check_enough(task)
    return Cleaned(task, tuple(changed))


def has_row_steps(steps: Sequence[Step]) -> bool:
    return any(not isinstance(step, Fix) for step in steps)


def step_words(step: Step) -> str:
    """What a step does, for a list of them."""
    match step:
        case Fix(finding):
            return f"Fix: {finding.replace('-', ' ')}"
        case DropRow(row):
            return f"Drop “{shortened(row.input)}”"
        case EditRow(row, None, answer):
            return (
                f"Answer “{shortened(answer or '')}” instead of “{shortened(row.answer)}” to “{shortened(row.input)}”"
            )
        case EditRow(row, source, None):
            return f"Input “{shortened(source or '')}” instead of “{shortened(row.input)}”"
        case EditRow(row, source, answer):
            texts = shortened(source or ""), shortened(answer or "")
            return f"“{texts[0]}” with the answer “{texts[1]}” instead of “{shortened(row.input)}”"


def sentences_on(steps: Sequence[Step], changed: Sequence[int | None]) -> tuple[str, ...]:
    """What the steps changed, and how many of them have no row any more."""
    fixed = sum(count or 0 for step, count in zip(steps, changed, strict=True) if isinstance(step, Fix))
    dropped = sum(count or 0 for step, count in zip(steps, changed, strict=True) if isinstance(step, DropRow))
    edited = sum(count or 0 for step, count in zip(steps, changed, strict=True) if isinstance(step, EditRow))
    counts = ((fixed, "by fixes"), (dropped, "dropped by hand"), (edited, "edited by hand"))
    parts = ", ".join(f"{count:,} {how}" for count, how in counts if count)
    said = [f"You changed the data: {parts}."] if parts else []
    if gone := changed.count(None):
        said.append(
            "1 of your changes has no effect, because its row is no longer in the data."
            if gone == 1
            else f"{gone:,} of your changes have no effect, because their rows are no longer in the data."
        )
    return tuple(said)


def _with(task: Task, examples: dict[str, Example]) -> Task:
    rows = tuple(examples.values())
    return replace(task, examples=rows, labels=labels_for(task.kind, rows))


def _edited(example: Example, step: EditRow, read: Task) -> Example:
    """The row after an edit; unchanged if the edit doesn't fit the kind of task."""
    kind = read.kind
    source = example.input if step.input is None else step.input.strip()
    answer = answer_cell(example) if step.answer is None else step.answer.strip()
    if edit_problem(kind, source, answer):
        return example
    if source != example.input:
        example = replace(example, input=source, turns=turns_of(source)[:-1] if example.turns else ())
    if step.answer is None:
        return example
    if kind is Kind.MULTI_LABEL:
        answer = as_answer(labels_in(answer))
    if kind is Kind.NUMBER:  # "4.0" and "4/5" are the rating 4
        value = number_in(without_highest([answer])[0])
        answer = next((label for label in read.labels if number_in(label) == value), answer)
    several = accepted_answers([answer]) if kind in _MAY_HAVE_SEVERAL else None
    first, *others = several[0] if several else (answer,)
    return replace(example, target=first, also_right=tuple(others))


def _check_enough(task: Task) -> None:
    if len(task.examples) < MIN_ROWS or len(task.labels) == 1:
        raise BadInput(
            f"Your changes would leave {len(task.examples)} rows{' of one label' if len(task.labels) == 1 else ''}, "
            f"too little to compare anything (at least {MIN_ROWS} rows{' of two labels' if task.labels else ''}): "
            "undo some of them."
        )


def shortened(text: str, most: int = _SHOWN_CHARACTERS) -> str:
    """In one line, and cut where it is too long."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
