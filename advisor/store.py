"""What Threeways remembers: datasets, runs, their steps and the machine's speed, in SQLite and folders beside it.

Locks tell who is at work, not clocks or process ids: a run is "running" only while the process that runs it holds
`device.lock`, which the system lets go when that process ends, however it ends. So whoever gets that lock knows that
a run still marked "running" was interrupted. The journal is SQLite's rollback journal with full sync, because the
write-ahead log of SQLite before 3.51.3 can lose data when it is checkpointed and reset at once.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from advisor.files import whole_folder, write_whole
from advisor.plan import Plan, Setup
from eval.documents import read_documents
from eval.table import Table, read_table
from eval.task import BadInput, Document

RunState = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]
StepState = Literal["waiting", "running", "interrupted", "done", "failed", "cancelled", "excluded"]

_TABLES = """
CREATE TABLE IF NOT EXISTS datasets (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, created_at REAL NOT NULL, rows INTEGER NOT NULL,
    documents_name TEXT, documents INTEGER NOT NULL, setup TEXT);
CREATE TABLE IF NOT EXISTS runs (
    id TEXT PRIMARY KEY, dataset_id TEXT NOT NULL REFERENCES datasets (id), name TEXT NOT NULL,
    plan_json TEXT NOT NULL, state TEXT NOT NULL, reason TEXT, cancel_requested INTEGER NOT NULL DEFAULT 0,
    created_at REAL NOT NULL, started_at REAL, ended_at REAL);
CREATE TABLE IF NOT EXISTS steps (
    run_id TEXT NOT NULL REFERENCES runs (id), strategy TEXT NOT NULL, state TEXT NOT NULL, stage TEXT NOT NULL,
    done INTEGER NOT NULL, total INTEGER NOT NULL, remaining_seconds REAL, started_at REAL, ended_at REAL,
    reason TEXT, PRIMARY KEY (run_id, strategy));
CREATE TABLE IF NOT EXISTS speeds (
    model TEXT PRIMARY KEY, requested_at REAL NOT NULL, measured TEXT, problem TEXT);
"""


@dataclass(frozen=True, slots=True)
class StoredDataset:
    """An upload that was read without fault. Times are seconds since 1970; `setup` is None until one was saved."""

    id: str
    name: str
    created_at: float
    rows: int
    documents_name: str | None
    documents: int
    setup: Setup | None


@dataclass(frozen=True, slots=True)
class StoredRun:
    """One run as it stands; `reason` is a sentence when it failed or was cancelled."""

    id: str
    dataset_id: str
    name: str
    plan_json: str
    state: RunState
    reason: str | None
    cancel_requested: bool
    created_at: float
    started_at: float | None
    ended_at: float | None

    @property
    def plan(self) -> Plan:
        """Raises BadInput when another version of Threeways wrote it, so that a list of runs can still be shown."""
        return Plan.from_json(json.loads(self.plan_json))


@dataclass(frozen=True, slots=True)
class StoredStep:
    """One strategy in one run: `done` of `total` rows of `stage`, and the seconds this stage still needs, if known."""

    run_id: str
    strategy: str
    state: StepState = "waiting"
    stage: str = ""
    done: int = 0
    total: int = 0
    remaining_seconds: float | None = None
    started_at: float | None = None
    ended_at: float | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class StoredSpeed:
    """How fast this machine runs a model: `measured` as the estimate wrote it, or the `problem` in a sentence, or
    neither while the worker has yet to measure it."""

    model: str
    requested_at: float
    measured: dict[str, Any] | None
    problem: str | None


class Store:
    """Safe to share between threads and processes: every call opens its own connection for one short transaction."""

    def __init__(self, home: Path | None = None) -> None:
        self.home = (home or Path(os.environ.get("THREEWAYS_HOME") or "~/.threeways")).expanduser().absolute()
        self.home.mkdir(parents=True, exist_ok=True)
        with self._connection() as database:
            database.executescript(f"PRAGMA journal_mode = DELETE; {_TABLES}")

    @cached_property
    def device_lock(self) -> FileLock:
        """Held while a run or a calibration has the processor: two at once would be far slower than in turn."""
        return FileLock(self.home / "device.lock")

    # Datasets

    def add_dataset(
        self,
        name: str,
        content: bytes,
        documents_name: str | None = None,
        documents_content: bytes | None = None,
    ) -> StoredDataset:
        """Reads the upload first and keeps it only when that went well; the same content gives the same dataset.

        Raises BadInput from reading the table or the documents.
        """
        rows = len(read_table(name, content).rows)
        documents = read_documents(documents_name, documents_content) if documents_name and documents_content else []
        # The ending belongs to the content: it decides how the bytes are read.
        parts = [Path(name).suffix.lower().encode(), content]
        if documents_name and documents_content:
            parts += [Path(documents_name).suffix.lower().encode(), documents_content]
        digest = hashlib.sha256()
        for part in parts:
            digest.update(len(part).to_bytes(8, "big") + part)
        dataset_id = digest.hexdigest()[:12]
        folder = self._dataset_folder(dataset_id)
        if not folder.exists():
            with whole_folder(folder) as unnamed:
                write_whole(unnamed / "upload", content)
                if documents_name and documents_content:
                    write_whole(unnamed / "documents", documents_content)
        with self._transaction() as database:
            database.execute(
                "INSERT OR IGNORE INTO datasets VALUES (?, ?, ?, ?, ?, ?, NULL)",
                (dataset_id, name, time.time(), rows, documents_name if documents else None, len(documents)),
            )
        return self.dataset(dataset_id)

    def dataset(self, dataset_id: str) -> StoredDataset:
        """Raises BadInput when there is none of this id."""
        row = self._row("SELECT * FROM datasets WHERE id = ?", dataset_id)
        if row is None:
            raise BadInput(f"There is no dataset {dataset_id!r} in {self.home}; upload the file again.")
        return _dataset(row)

    def datasets(self) -> list[StoredDataset]:
        """Newest first."""
        return [_dataset(row) for row in self._rows("SELECT * FROM datasets ORDER BY rowid DESC")]

    def read_upload(self, dataset_id: str) -> tuple[Table, list[Document]]:
        """The table and the documents (none: an empty list), read again from the bytes as they came."""
        dataset, folder = self.dataset(dataset_id), self._dataset_folder(dataset_id)
        table = read_table(dataset.name, (folder / "upload").read_bytes())
        if dataset.documents_name is None:
            return table, []
        return table, read_documents(dataset.documents_name, (folder / "documents").read_bytes())

    def save_setup(self, dataset_id: str, setup: Setup) -> None:
        with self._transaction() as database:
            database.execute(
                "UPDATE datasets SET setup = ? WHERE id = ?", (json.dumps(asdict(setup)), dataset_id)
            )

    # Runs

    def add_run(self, plan: Plan, task_json: str) -> StoredRun:
        """Queues a run with its folder: the plan, and the task with each example on its side of the split."""
        dataset, created_at = self.dataset(plan.dataset_id), time.time()
        run_id = f"{datetime.fromtimestamp(created_at, UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        plan_json = json.dumps(plan.to_json(), indent=2)
        with whole_folder(self.run_folder(run_id)) as unnamed:
            write_whole(unnamed / "plan.json", plan_json)
            write_whole(unnamed / "task.json", task_json)
        with self._transaction() as database:
            database.execute(
                "INSERT INTO runs (id, dataset_id, name, plan_json, state, created_at) VALUES (?, ?, ?, ?, 'queued', ?)",
                (run_id, plan.dataset_id, dataset.name, plan_json, created_at),
            )
            _insert_steps(database, [StoredStep(run_id, strategy) for strategy in plan.strategies])
        return self.run(run_id)

    def runs(self) -> list[StoredRun]:
        """Newest first."""
        self._notice_interruption()
        return [_run(row) for row in self._rows("SELECT * FROM runs ORDER BY rowid DESC")]

    def run(self, run_id: str) -> StoredRun:
        """By its id or the beginning of it; raises BadInput when that names no run, or more than one."""
        self._notice_interruption()
        found = self._rows("SELECT * FROM runs WHERE substr(id, 1, length(?1)) = ?1", run_id) if run_id else []
        if len(found) != 1:
            many = "More than one run begins" if found else "No run begins"
            raise BadInput(f"{many} with {run_id!r}; 'python -m advisor runs' lists them.")
        return _run(found[0])

    def run_folder(self, run_id: str) -> Path:
        return self.home / "runs" / run_id

    def steps(self, run_id: str) -> list[StoredStep]:
        """In the order in which they run."""
        return [StoredStep(**row) for row in self._rows("SELECT * FROM steps WHERE run_id = ? ORDER BY rowid", run_id)]

    def report(self, run_id: str) -> dict[str, Any] | None:
        """The report (schema 1), None while there is none."""
        path = self.run_folder(run_id) / "report.json"
        return json.loads(path.read_text()) if path.exists() else None

    def queue_position(self, run_id: str) -> int | None:
        """1 for the run that starts next; None when this one does not wait."""
        waiting = [row["id"] for row in self._rows(_WAITING)]
        return waiting.index(run_id) + 1 if run_id in waiting else None

    def next_run(self) -> str | None:
        """The run that has waited longest; one that was interrupted comes with those that were never started."""
        self._notice_interruption()
        row = self._row(_WAITING)
        return None if row is None else str(row["id"])

    def start_run(self, run_id: str) -> bool:
        """Marks it running; the caller holds `device_lock`. False when it no longer waits (cancelled, or done)."""
        with self._transaction() as database:
            started = database.execute(
                "UPDATE runs SET state = 'running', started_at = coalesce(started_at, ?), ended_at = NULL,"
                " reason = NULL WHERE id = ? AND state IN ('queued', 'interrupted')",
                (time.time(), run_id),
            )
            return started.rowcount == 1

    def end_run(self, run_id: str, state: RunState, reason: str | None = None) -> None:
        """Steps that have no result by now are cancelled with it."""
        with self._transaction() as database:
            database.execute(
                "UPDATE runs SET state = ?, reason = ?, ended_at = ?, cancel_requested = 0 WHERE id = ?",
                (state, reason, time.time(), run_id),
            )
            _cancel_steps(database, run_id)

    def cancel(self, run_id: str) -> None:
        """A waiting run is cancelled at once; a running one is asked to stop. One that has ended stays as it is."""
        self._notice_interruption()
        with self._transaction() as database:
            database.execute("UPDATE runs SET cancel_requested = 1 WHERE id = ? AND state = 'running'", (run_id,))
            waiting = database.execute(
                "UPDATE runs SET state = 'cancelled', ended_at = ? WHERE id = ? AND state IN ('queued', 'interrupted')",
                (time.time(), run_id),
            )
            if waiting.rowcount:
                _cancel_steps(database, run_id)

    def cancel_requested(self, run_id: str) -> bool:
        row = self._row("SELECT 1 FROM runs WHERE id = ? AND (cancel_requested OR state = 'cancelled')", run_id)
        return row is not None

    def save_step(self, step: StoredStep) -> None:
        with self._transaction() as database:
            database.execute(
                "UPDATE steps SET state = :state, stage = :stage, done = :done, total = :total,"
                " remaining_seconds = :remaining_seconds, started_at = :started_at, ended_at = :ended_at,"
                " reason = :reason WHERE run_id = :run_id AND strategy = :strategy",
                asdict(step),
            )

    def retry_step(self, run_id: str, strategy: str) -> None:
        """Forgets one strategy's result and queues the run again; the results of the others are kept."""
        with self._transaction() as database:
            queued = database.execute(
                "UPDATE runs SET state = 'queued', reason = NULL WHERE id = ? AND state IN ('done', 'failed', 'cancelled')",
                (run_id,),
            )
            if queued.rowcount:
                shutil.rmtree(self.run_folder(run_id) / strategy, ignore_errors=True)
                database.execute("DELETE FROM steps WHERE run_id = ? AND strategy = ?", (run_id, strategy))
                _insert_steps(database, [StoredStep(run_id, strategy)])

    # The worker and the machine

    def worker_alive(self) -> bool:
        """Whether some process is the worker of this home: it holds `worker.lock` for as long as it lives."""
        try:
            with FileLock(self.home / "worker.lock", timeout=0):
                return False
        except Timeout:
            return True

    def request_speed(self, model: str) -> None:
        """Asks the worker to time this machine with a model, again if it did before."""
        with self._transaction() as database:
            database.execute("INSERT OR REPLACE INTO speeds VALUES (?, ?, NULL, NULL)", (model, time.time()))

    def speed(self, model: str) -> StoredSpeed | None:
        """None when it was never asked for."""
        row = self._row("SELECT * FROM speeds WHERE model = ?", model)
        if row is None:
            return None
        return StoredSpeed(**{**row, "measured": json.loads(row["measured"]) if row["measured"] else None})

    def requested_speed(self) -> str | None:
        """The model whose timing has waited longest."""
        row = self._row("SELECT model FROM speeds WHERE measured IS NULL AND problem IS NULL ORDER BY requested_at")
        return None if row is None else str(row["model"])

    def save_speed(self, model: str, measured: dict[str, Any] | None, problem: str | None = None) -> None:
        """Either the timing or, where it could not be taken, the problem in a sentence."""
        with self._transaction() as database:
            database.execute(
                "UPDATE speeds SET measured = ?, problem = ? WHERE model = ?",
                (None if measured is None else json.dumps(measured), problem, model),
            )

    # Inside

    def _dataset_folder(self, dataset_id: str) -> Path:
        return self.home / "datasets" / dataset_id

    def _notice_interruption(self) -> None:
        if self._row("SELECT 1 FROM runs WHERE state = 'running'") is None:
            return
        try:
            # Not `self.device_lock`: the thread that holds it would be let in again.
            with FileLock(self.home / "device.lock", timeout=0), self._transaction() as database:
                database.execute(
                    "UPDATE steps SET state = 'interrupted', remaining_seconds = NULL WHERE state = 'running'"
                )
                database.execute(
                    "UPDATE runs SET state = CASE WHEN cancel_requested THEN 'cancelled' ELSE 'interrupted' END"
                    " WHERE state = 'running'"
                )
        except Timeout:
            return

    def _row(self, query: str, *values: object) -> dict[str, Any] | None:
        return next(iter(self._rows(query, *values)), None)

    def _rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        with self._connection() as database:
            return [dict(row) for row in database.execute(query, values)]

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Takes the right to write at the start, so that two writers wait for each other instead of failing."""
        with self._connection() as database:
            database.execute("BEGIN IMMEDIATE")
            with database:
                yield database

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        database = sqlite3.connect(self.home / "threeways.sqlite", timeout=30, isolation_level=None)
        try:
            database.row_factory = sqlite3.Row
            database.execute("PRAGMA synchronous = FULL")
            yield database
        finally:
            database.close()


_WAITING = "SELECT id FROM runs WHERE state IN ('queued', 'interrupted') ORDER BY rowid"


def _insert_steps(database: sqlite3.Connection, steps: list[StoredStep]) -> None:
    database.executemany(
        "INSERT INTO steps VALUES (:run_id, :strategy, :state, :stage, :done, :total, :remaining_seconds, :started_at,"
        " :ended_at, :reason)",
        [asdict(step) for step in steps],
    )


def _cancel_steps(database: sqlite3.Connection, run_id: str) -> None:
    database.execute(
        "UPDATE steps SET state = 'cancelled', remaining_seconds = NULL, ended_at = ?"
        " WHERE run_id = ? AND state IN ('waiting', 'running', 'interrupted')",
        (time.time(), run_id),
    )


def _dataset(row: dict[str, Any]) -> StoredDataset:
    """A setup of another version is as good as none: the columns are guessed again."""
    setup = None
    if row["setup"] is not None:
        try:
            setup = Plan.from_json({"dataset_id": row["id"], "setup": json.loads(row["setup"])}).setup
        except BadInput:
            setup = None
    return StoredDataset(**{**row, "setup": setup})


def _run(row: dict[str, Any]) -> StoredRun:
    return StoredRun(**{**row, "cancel_requested": bool(row["cancel_requested"])})
