"""The public datasets beside the checkout, read and split as the product does it."""

from __future__ import annotations

from pathlib import Path

from advisor.plan import Setup
from eval.mapping.columns import guess_columns
from eval.reading.documents import read_documents
from eval.reading.table import read_table
from eval.splitting.split import split_task
from eval.task import Split, Task
from strategies.presets import PRESETS

DATA = Path(__file__).parents[3] / "shared" / "data"


class Skipped(Exception):
    """A benchmark lacks something on this machine. Its text says what."""


class NoSharedData(Skipped):
    """Its text says where they were looked for."""


def task_files(name: str) -> tuple[Path, Path | None]:
    """The table, and the documents if there are some. Raises NoSharedData where the datasets are absent."""
    folder = DATA / name
    if not folder.exists():
        raise NoSharedData(f"the public datasets are not in {DATA}")
    documents = folder / "docs.jsonl"
    return folder / "task.csv", documents if documents.exists() else None


def shared_task(name: str) -> tuple[Task, Split]:
    """Raises NoSharedData where the datasets are absent."""
    path, documents = task_files(name)
    table = read_table(path.name, path.read_bytes())
    read = read_documents(documents.name, documents.read_bytes()).documents if documents else []
    columns = guess_columns(table)
    setup = Setup(columns.input, columns.target, columns.group, columns.split, columns.document)
    task = setup.build(table, name, read).task
    budget = PRESETS["quick"].budget(task.kind)
    return task, split_task(task, seed=0, max_test=budget.test_rows, max_dev=budget.dev_rows)
