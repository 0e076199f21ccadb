"""A run's task as a file: its meaning, its documents, and each example on its side of the split."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from advisor.as_json import AsJson
from advisor.storage.seals import read_sealed
from eval.task import BadInput, Document, Example, Kind, Metric, Split, Task


@dataclass(frozen=True, slots=True)
class StoredTask:
    """`unused` are the examples on no side of the split. `metric` is None in a run of an earlier version; then the data
    decides."""

    name: str
    kind: Kind
    instruction: str
    labels: tuple[str, ...]
    notes: tuple[str, ...]
    train: tuple[Example, ...]
    dev: tuple[Example, ...]
    test: tuple[Example, ...]
    unused: tuple[Example, ...]
    documents: tuple[Document, ...]
    metric: Metric | None = None
    meanings: tuple[tuple[str, str], ...] = ()


_STORED = AsJson[StoredTask](StoredTask)


def task_to_json(task: Task, split: Split) -> str:
    used = {example.id for side in (split.train, split.dev, split.test) for example in side}
    stored = StoredTask(
        name=task.name,
        kind=task.kind,
        instruction=task.instruction,
        labels=task.labels,
        notes=split.notes,
        train=split.train,
        dev=split.dev,
        test=split.test,
        unused=tuple(example for example in task.examples if example.id not in used),
        documents=task.documents,
        metric=task.metric,
        meanings=task.meanings,
    )
    return stored_task_to_json(stored)


def stored_task_to_json(stored: StoredTask) -> str:
    return _STORED.write(stored, indent=1)


def read_stored_task(content: bytes) -> StoredTask:
    """Raises ValueError if another version of Threeways wrote it."""
    return _STORED.read(content)


def read_task(run_folder: Path) -> tuple[Task, Split]:
    """Raises BadInput if the file is gone or damaged, or if another version of Threeways wrote it."""
    try:
        stored = read_stored_task(read_sealed(run_folder / "task.json"))
    except (OSError, ValueError, RecursionError) as wrong:
        raise BadInput(
            f"The task of this run can't be read ({run_folder / 'task.json'}); start the comparison again."
        ) from wrong
    task = Task(
        name=stored.name,
        kind=stored.kind,
        instruction=stored.instruction,
        examples=stored.train + stored.dev + stored.test + stored.unused,
        documents=stored.documents,
        labels=stored.labels,
        metric=stored.metric,
        meanings=stored.meanings,
    )
    return task, Split(stored.train, stored.dev, stored.test, stored.notes)
