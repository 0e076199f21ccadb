"""Builds the database anew: from the rows that can still be read in the old one, and from the folders of the runs and
datasets for the rest."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import astuple, replace
from datetime import UTC, datetime
from pathlib import Path

from advisor.as_json import AsJson
from advisor.plan import BASELINES_STEP, Plan, read_plan
from advisor.storage.about import About, Names, origin_of, read_about, read_names
from advisor.storage.database import TABLE_NAMES, Database, Row
from advisor.storage.databases import open_database, postgres_address
from advisor.storage.files import DATABASE
from advisor.storage.run_files import has_lost_report
from advisor.storage.seals import read_sealed
from advisor.storage.sqlite_database import SqliteDatabase, make_database
from advisor.storage.stored import StoredDataset, StoredRun, StoredStep
from advisor.storage.task_file import read_task
from advisor.storage.trial_files import read_trial
from advisor.storage.upload import read_parsed
from eval.task import BadInput
from strategies.registry import BASELINES

_STEPS = AsJson[tuple[StoredStep, ...]](tuple[StoredStep, ...])
_UNFINISHED = "The database was rebuilt while this run had not ended; continue it, and what it measured is kept."
_ID_TIME = "%Y%m%d-%H%M%S"  # how a run's id begins


def rebuild_database(home: Path) -> tuple[int, Path | None]:
    """Returns the number of runs, and where the old database was put; None if there was none, or if PostgreSQL keeps
    it. Nobody else may use the home meanwhile."""
    old = home / DATABASE
    left = {table: {_key(table, row): row for row in _rows_left(old, table)} for table in TABLE_NAMES}
    if postgres_address():  # what it still has stays, also rows of a SQLite file that was used before
        return _fill(open_database(home, may_fill=True), home, left), None
    new = home / f".{DATABASE}.rebuilt"
    new.unlink(missing_ok=True)
    make_database(new)
    count = _fill(SqliteDatabase(new), home, left)
    kept = None
    if old.exists():
        kept = home / f"{DATABASE}.damaged-{time.strftime(_ID_TIME)}"
        old.rename(kept)
    old.with_name(f"{DATABASE}-journal").unlink(missing_ok=True)  # it belongs to the old one
    new.rename(old)
    return count, kept


def _fill(database: Database, home: Path, left: Mapping[str, Mapping[tuple[str, ...], Row]]) -> int:
    """The number of runs that it has then."""
    columns = {table: database.columns(table) for table in TABLE_NAMES}
    with database.transaction() as transaction:

        def insert(table: str, row: Row | None) -> None:
            named = {name: value for name, value in (row or {}).items() if name in columns[table]}
            if not named or any(value is None and columns[table][name] for name, value in named.items()):
                return  # a damaged row
            places = ", ".join(f":{name}" for name in named)
            with suppress(OverflowError, UnicodeEncodeError):  # likewise: a number or a text that nobody could store
                transaction.execute(
                    f"INSERT INTO {table} ({', '.join(named)}) VALUES ({places}) ON CONFLICT DO NOTHING", named
                )

        for folder in _folders(home / "datasets"):
            insert("datasets", left["datasets"].get((folder.name,)) or _dataset_row(home, folder))
        for row in left["speeds"].values():
            insert("speeds", row)
        found = {folder: left["runs"].get((folder.name,)) or _run_row(folder) for folder in _folders(home / "runs")}
        runs = [(folder, run) for folder, run in found.items() if run is not None]
        for folder, run in sorted(runs, key=lambda each: _since(each[1])):  # which is the order in History
            insert("runs", run)
            steps = [row for (run_id, _), row in left["steps"].items() if run_id == folder.name]
            for row in steps or _step_rows(folder, run):
                insert("steps", row)
        return int(transaction.execute("SELECT count(*) AS runs FROM runs").fetchone()["runs"])


def _rows_left(path: Path, table: str) -> Iterator[Row]:
    """As far as a damaged file can be read. The new table may have columns that the old one lacks, not the other way
    round."""
    if not path.exists():
        return
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        connection.text_factory = lambda text: text.decode(errors="replace")
        with suppress(sqlite3.Error):
            for row in connection.execute(f"SELECT * FROM {table}"):  # one of ours
                yield dict(row)


def _key(table: str, row: Row) -> tuple[str, ...]:
    return (row["run_id"], row["strategy"]) if table == "steps" else (row["model" if table == "speeds" else "id"],)


def _since(run: Row) -> float:
    """0 in a damaged row."""
    found = run["created_at"]
    return found if isinstance(found, float) else 0.0


def _folders(parent: Path) -> list[Path]:
    if not parent.is_dir():
        return []
    return sorted(path for path in parent.iterdir() if path.is_dir() and not path.name.startswith("."))


def _dataset_row(home: Path, folder: Path) -> Row | None:
    try:
        table, documents = read_parsed(folder / "parsed.jsonl")
    except (OSError, ValueError):
        return None
    names = read_names(folder) or _names_in_runs(home, folder)
    made_at = (folder / "upload").stat().st_mtime if (folder / "upload").exists() else time.time()
    found = StoredDataset(
        folder.name, names.name, made_at, len(table.rows), names.documents_name, len(documents), None, names.owner
    )
    return dict(zip(StoredDataset.__dataclass_fields__, astuple(found), strict=True))


def _names_in_runs(home: Path, folder: Path) -> Names:
    """Earlier versions kept a dataset's name in the database and, without its ending, in the tasks of its runs."""
    documents = "documents.zip" if (folder / "documents").exists() else None
    for run in _folders(home / "runs"):
        with suppress(BadInput, OSError):
            if read_plan(read_sealed(run / "plan.json").decode(errors="replace")).dataset_id == folder.name:
                return Names(read_task(run)[0].name, documents)
    return Names(folder.name, documents)


def _run_row(folder: Path) -> Row | None:
    """None if its plan is gone, so that nothing can be done with it."""
    try:
        plan_json = read_sealed(folder / "plan.json").decode()
        plan = read_plan(plan_json)
    except (OSError, ValueError):
        return None
    about = read_about(folder) or About(_name_of_task(folder), _created_at(folder), origin_of(folder))
    has_report = not has_lost_report(folder)
    is_done = has_report or about.origin != "own"  # what was measured elsewhere can't be continued here
    run = StoredRun(
        id=folder.name,
        dataset_id=plan.dataset_id,
        name=about.name,
        plan_json=plan_json,
        state="done" if is_done else "cancelled",
        reason=None if is_done else _UNFINISHED,
        cancel_requested=False,
        created_at=about.created_at,
        started_at=about.created_at,
        ended_at=(folder / "report.json").stat().st_mtime if has_report else about.created_at,
        given_name=about.given_name,
        note=about.note,
        origin=about.origin,
        owner=about.owner,
        owner_name=about.owner_name,
        is_shared=about.is_shared,
    )
    row = dict(zip(StoredRun.__dataclass_fields__, astuple(run), strict=True))
    del row["tags"]
    return row | {"tags_json": AsJson[tuple[str, ...]](tuple[str, ...]).write(about.tags)}


def _step_rows(folder: Path, run: Row) -> list[Row]:
    """As the report's file tells them; else by the trials that there are."""
    plan = read_plan(run["plan_json"])
    try:
        steps = [one for one in _STEPS.read((folder / "steps.json").read_bytes()) if one.run_id == folder.name]
    except (OSError, ValueError):
        steps = []
    if {one.strategy for one in steps} != set(plan.steps) or run["state"] != "done":
        steps = [_step(folder, name, plan) for name in plan.steps]
    names = StoredStep.__dataclass_fields__
    return [dict(zip(names, astuple(_ended(one)), strict=True)) for one in steps]


def _ended(step: StoredStep) -> StoredStep:
    """The report is written before the last step's state."""
    return replace(step, state="cancelled") if step.state in ("waiting", "running", "interrupted") else step


def _step(folder: Path, name: str, plan: Plan) -> StoredStep:
    if name == BASELINES_STEP:
        is_there = any(read_trial(folder / name / one) for one in BASELINES)
        return StoredStep(folder.name, name, "done" if is_there else "cancelled")
    trial = read_trial(folder / name)
    if trial is None:
        return StoredStep(folder.name, name, "cancelled")
    return StoredStep(folder.name, name, "failed" if trial.status == "failed" else "done", reason=trial.reason)


def _name_of_task(folder: Path) -> str:
    with suppress(BadInput):
        return read_task(folder)[0].name
    return folder.name


def _created_at(folder: Path) -> float:
    with suppress(ValueError):
        return datetime.strptime(folder.name[:15], _ID_TIME).replace(tzinfo=UTC).timestamp()
    return folder.stat().st_mtime
