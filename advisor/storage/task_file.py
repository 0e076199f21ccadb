"""A run's task as a file: its meaning, its documents, and each example on its side of the split."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from eval.task import BadInput, Document, Example, Kind, Metric, Split, Task

_SIDES = ("train", "dev", "test")


def task_to_json(task: Task, split: Split) -> str:
    used = {example.id for side in _SIDES for example in getattr(split, side)}
    stored: dict[str, Any] = {
        "name": task.name,
        "kind": task.kind,
        "instruction": task.instruction,
        "labels": task.labels,
        "metric": asdict(task.metric) if task.metric else None,
        "notes": split.notes,
        **{side: [asdict(example) for example in getattr(split, side)] for side in _SIDES},
        "unused": [asdict(example) for example in task.examples if example.id not in used],
        "documents": [asdict(document) for document in task.documents],
    }
    return json.dumps(stored, indent=1)


def read_task(run_folder: Path) -> tuple[Task, Split]:
    """Raises BadInput when the file is gone or another version of Threeways wrote it."""
    try:
        stored = json.loads((run_folder / "task.json").read_text(encoding="utf-8"))
        train, dev, test, unused = (tuple(_example(each) for each in stored[side]) for side in (*_SIDES, "unused"))
        task = Task(
            name=stored["name"],
            kind=Kind(stored["kind"]),
            instruction=stored["instruction"],
            examples=train + dev + test + unused,
            documents=tuple(Document(**each) for each in stored["documents"]),
            labels=tuple(stored["labels"]),
            metric=_metric(stored.get("metric")),
        )
        return task, Split(train, dev, test, tuple(stored["notes"]))
    except (OSError, ValueError, KeyError, TypeError) as wrong:
        raise BadInput(
            f"The task of this run cannot be read ({run_folder / 'task.json'}); compare the data again."
        ) from wrong


def _example(stored: dict[str, Any]) -> Example:
    several = {name: tuple(stored.get(name, ())) for name in ("document_ids", "also_right")}
    return Example(**{**stored, **several})


def _metric(stored: dict[str, Any] | None) -> Metric | None:
    """None in a run of an earlier version, which is scored as its data suggests."""
    return Metric(**{**stored, "required": tuple(stored["required"])}) if stored else None
