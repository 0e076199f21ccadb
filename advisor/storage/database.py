"""One SQLite file, opened for each short transaction, so that threads and processes can share it.

It uses the rollback journal with full sync: the write-ahead log of SQLite before 3.51.3 can lose data if it is
checkpointed and reset at once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

from advisor.storage.upgrades import SCHEMA, back_up, can_upgrade, upgrade
from eval.task import BadInput

_TABLES = """
CREATE TABLE IF NOT EXISTS datasets (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, created_at REAL NOT NULL, rows INTEGER NOT NULL,
    documents_name TEXT, documents INTEGER NOT NULL, setup_json TEXT, owner TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS runs (
    id TEXT PRIMARY KEY, dataset_id TEXT NOT NULL, name TEXT NOT NULL, plan_json TEXT NOT NULL, state TEXT NOT NULL,
    reason TEXT, cancel_requested INTEGER NOT NULL DEFAULT 0, created_at REAL NOT NULL, started_at REAL,
    ended_at REAL, given_name TEXT NOT NULL DEFAULT '', note TEXT NOT NULL DEFAULT '',
    tags_json TEXT NOT NULL DEFAULT '[]', origin TEXT NOT NULL DEFAULT 'own', awaits_key TEXT NOT NULL DEFAULT '',
    attempts INTEGER NOT NULL DEFAULT 0, measured INTEGER NOT NULL DEFAULT 0, owner TEXT NOT NULL DEFAULT '',
    owner_name TEXT NOT NULL DEFAULT '', is_shared INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS steps (
    run_id TEXT NOT NULL, strategy TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'waiting',
    stage TEXT NOT NULL DEFAULT '', done INTEGER NOT NULL DEFAULT 0, total INTEGER NOT NULL DEFAULT 0,
    remaining_seconds REAL, started_at REAL, ended_at REAL, reason TEXT, worked_seconds REAL,
    PRIMARY KEY (run_id, strategy));
CREATE TABLE IF NOT EXISTS speeds (
    model TEXT PRIMARY KEY, requested_at REAL NOT NULL, made_at REAL, measured TEXT, problem TEXT);
"""
_REPAIR = "`python -m advisor doctor --repair` rebuilds it from the folders of the runs"
# By SQLite's result codes (sqlite.org/rescode.html), where the file itself is not damaged.
_OF_THE_DISK = {
    sqlite3.SQLITE_FULL: "The disk with {home} is full; free some space and try again.",
    sqlite3.SQLITE_IOERR: "The disk with {home} failed ({wrong}); check the disk and try again.",
    sqlite3.SQLITE_READONLY: "Threeways can't write to {home} ({wrong}); allow it, or set THREEWAYS_HOME to a folder "
    "you can write to.",
    sqlite3.SQLITE_BUSY: "Another program keeps the database of {home} locked; end it and try again.",
}


class UnusableError(BadInput):
    """The database is gone or damaged, or its disk fails. The message says which, and what helps."""


class Database:
    """Every method raises UnusableError if the file can't be used, and so does opening it. Opening also raises BadInput
    if another version of Threeways made the file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists() or not path.stat().st_size:
            if any(path.parent.glob("runs/*/plan.json")):
                raise UnusableError(f"The database {path} is gone, but there are runs beside it; {_REPAIR}.")
            make_database(path)
        if (version := self._version()) != SCHEMA:
            self._upgrade(version)

    def _upgrade(self, version: int) -> None:
        if can_upgrade(version):
            with FileLock(self.path.with_name("upgrade.lock")):
                version = self._version()  # another process may have been faster
                if can_upgrade(version):
                    with self._connection() as connection:
                        back_up(connection, self.path, version)
                while can_upgrade(version := self._version()):
                    with self.transaction() as connection:
                        upgrade(connection, self.path, version)
        if version != SCHEMA:
            raise BadInput(
                f"Another version of Threeways wrote {self.path.parent}; set THREEWAYS_HOME to a new folder, "
                "or move this one away."
            )

    def _version(self) -> int:
        found = self.row("PRAGMA user_version")
        return int(found["user_version"]) if found else 0

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
        with _opened(self.path, "rw") as connection:
            yield connection


def make_database(path: Path) -> None:
    """With empty tables, unless there are some already. Raises UnusableError."""
    with _opened(path, "rwc") as connection:
        connection.executescript(
            f"PRAGMA journal_mode = DELETE; BEGIN IMMEDIATE;{_TABLES} PRAGMA user_version = {SCHEMA}; COMMIT"
        )


@contextmanager
def _opened(path: Path, mode: str) -> Iterator[sqlite3.Connection]:
    """`mode` is "rw", or "rwc" to make a file that isn't there."""
    connection: sqlite3.Connection | None = None
    try:
        connection = sqlite3.connect(f"{path.as_uri()}?mode={mode}", uri=True, timeout=30, isolation_level=None)
        connection.row_factory = sqlite3.Row
        # A damaged text must not keep the other rows from being read.
        connection.text_factory = lambda text: text.decode(errors="replace")
        connection.execute("PRAGMA synchronous = FULL")
        yield connection
    except sqlite3.DatabaseError as wrong:
        if (sentence := _sentence(path, wrong)) is None:
            raise
        raise UnusableError(sentence) from wrong
    finally:
        if connection is not None:
            connection.close()


def _sentence(path: Path, wrong: sqlite3.DatabaseError) -> str | None:
    """None for a mistake of ours."""
    if not path.parent.exists():
        return f"The folder {path.parent} was deleted while Threeways used it; start Threeways again."
    if not path.exists():
        return f"The database {path} was deleted; {_REPAIR}."
    code = getattr(wrong, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # without the details of the upper bits
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT) or "no such" in str(wrong):
        return f"The database {path} is damaged ({wrong}); {_REPAIR}."
    if code == sqlite3.SQLITE_CANTOPEN:
        return f"The database {path} can't be opened ({wrong}); allow Threeways to read and write it."
    of_the_disk = _OF_THE_DISK.get(code)
    return of_the_disk.format(home=path.parent, wrong=wrong) if of_the_disk else None
