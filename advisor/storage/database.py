"""One SQLite file, opened for each short transaction, so that threads and processes can share it.

It uses the rollback journal with full sync: the write-ahead log of SQLite before 3.51.3 can lose data if it is
checkpointed and reset at once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from eval.task import BadInput

_SCHEMA = 6  # raise it when the tables or their contents change
_TABLES = """
CREATE TABLE IF NOT EXISTS datasets (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, created_at REAL NOT NULL, rows INTEGER NOT NULL,
    documents_name TEXT, documents INTEGER NOT NULL, setup_json TEXT);
CREATE TABLE IF NOT EXISTS runs (
    id TEXT PRIMARY KEY, dataset_id TEXT NOT NULL, name TEXT NOT NULL, plan_json TEXT NOT NULL, state TEXT NOT NULL,
    reason TEXT, cancel_requested INTEGER NOT NULL DEFAULT 0, created_at REAL NOT NULL, started_at REAL,
    ended_at REAL, given_name TEXT NOT NULL DEFAULT '', note TEXT NOT NULL DEFAULT '',
    tags_json TEXT NOT NULL DEFAULT '[]', origin TEXT NOT NULL DEFAULT 'own', awaits_key TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS steps (
    run_id TEXT NOT NULL, strategy TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'waiting',
    stage TEXT NOT NULL DEFAULT '', done INTEGER NOT NULL DEFAULT 0, total INTEGER NOT NULL DEFAULT 0,
    remaining_seconds REAL, started_at REAL, ended_at REAL, reason TEXT, worked_seconds REAL,
    PRIMARY KEY (run_id, strategy));
CREATE TABLE IF NOT EXISTS speeds (
    model TEXT PRIMARY KEY, requested_at REAL NOT NULL, made_at REAL, measured TEXT, problem TEXT);
"""
# Columns of runs, with their defaults.
_ADDED_IN_3 = {"given_name": "''", "note": "''", "tags_json": "'[]'"}
_ADDED_IN_4 = {"origin": "'own'"}
_ADDED_IN_5 = {"awaits_key": "''"}


class Database:
    """Raises BadInput if another version of Threeways made the file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if self.row("SELECT 1 FROM sqlite_master") is None:
            with self._connection() as connection:
                connection.executescript(
                    f"PRAGMA journal_mode = DELETE; BEGIN IMMEDIATE;{_TABLES} PRAGMA user_version = {_SCHEMA}; COMMIT"
                )
        if self.row("PRAGMA user_version") == {"user_version": 1}:
            self._upgrade_from_1()
        if self.row("PRAGMA user_version") == {"user_version": 2}:
            self._add_to_runs(_ADDED_IN_3, 3)
        if self.row("PRAGMA user_version") == {"user_version": 3}:
            self._add_to_runs(_ADDED_IN_4, 4)
        if self.row("PRAGMA user_version") == {"user_version": 4}:
            self._add_to_runs(_ADDED_IN_5, 5)
        if self.row("PRAGMA user_version") == {"user_version": 5}:
            self._upgrade_from_5()
        if self.row("PRAGMA user_version") != {"user_version": _SCHEMA}:
            raise BadInput(
                f"Another version of Threeways wrote {path.parent}; set THREEWAYS_HOME to a new folder, "
                "or move this one away."
            )

    def _upgrade_from_1(self) -> None:
        """Version 1 called baselines floors. Files change first, so that an interrupted upgrade can start again."""
        for old, new in (("floors", "baselines"), ("baselines/*/fitted/floor.json", "baseline.json")):
            for path in self.path.parent.glob(f"runs/*/{old}"):
                with suppress(FileNotFoundError):  # another process was faster
                    path.rename(path.with_name(new))
        with self.transaction() as connection:
            connection.execute("UPDATE steps SET strategy = 'baselines' WHERE strategy = 'floors'")
            connection.execute("PRAGMA user_version = 2")

    def _add_to_runs(self, columns: Mapping[str, str], version: int) -> None:
        """Version 2 had no names, notes and tags of runs; version 3 had only runs that were measured in this home;
        in version 4, no run waited for a key."""
        with self.transaction() as connection:
            present = {column["name"] for column in connection.execute("PRAGMA table_info(runs)")}
            for name, default in columns.items():
                if name not in present:  # otherwise another process was faster
                    connection.execute(f"ALTER TABLE runs ADD COLUMN {name} TEXT NOT NULL DEFAULT {default}")
            connection.execute(f"PRAGMA user_version = {version}")

    def _upgrade_from_5(self) -> None:
        """In version 5 a step ran from its start to its end, without turns."""
        with self.transaction() as connection:
            present = {column["name"] for column in connection.execute("PRAGMA table_info(steps)")}
            if "worked_seconds" not in present:  # otherwise another process was faster
                connection.execute("ALTER TABLE steps ADD COLUMN worked_seconds REAL")
            connection.execute("PRAGMA user_version = 6")

    def row(self, query: str, *values: object) -> dict[str, Any] | None:
        """The first row by column name; None if there is none."""
        return next(iter(self.rows(query, *values)), None)

    def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        with self._connection() as connection:
            return [dict(row) for row in connection.execute(query, values)]

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Takes the write lock at the start, so that two writers wait for each other instead of failing."""
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            with connection:
                yield connection

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self.path, timeout=30, isolation_level=None)
        try:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA synchronous = FULL")
            yield connection
        finally:
            connection.close()
