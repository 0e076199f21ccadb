"""The database of a home, behind few methods: a SQLite file in the home folder or, for a server of a team, PostgreSQL.

Statements are written once, in the SQL that both understand, with `?` or `:name` for values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from eval.task import BadInput

ADDRESS_VARIABLE = "THREEWAYS_DATABASE"  # names a PostgreSQL database: postgresql://USER@HOST/NAME

# SQLite numbers the rows of each table in the order in which they came (`rowid`); PostgreSQL is told to.
TABLES = """
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
TABLE_NAMES = ("datasets", "runs", "steps", "speeds")

REPAIR = "`python -m advisor doctor --repair` rebuilds it from the folders of the runs"

Row = dict[str, Any]
Values = Sequence[Any] | Mapping[str, Any]


class UnusableError(BadInput):
    """The database is gone or damaged, can't be reached, or its disk fails. The message says which, and what helps."""


class Found(Protocol):
    """What a statement gave; rows are known by the names of their columns."""

    @property
    def rowcount(self) -> int: ...

    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...


class Transaction(Protocol):
    """Nobody else writes until it ends. It is undone if its block raises."""

    def execute(self, statement: str, values: Values = (), /) -> Found: ...

    def executemany(self, statement: str, values: Iterable[Values], /) -> object: ...


class Database(Protocol):
    """Threads and processes can share it. Every method raises UnusableError."""

    def exists(self) -> bool:
        """False if it was deleted."""
        ...

    def row(self, query: str, *values: object) -> Row | None:
        """The first row by column name; None if there is none."""
        ...

    def rows(self, query: str, *values: object) -> list[Row]: ...

    def columns(self, table: str) -> dict[str, bool]:
        """The names of its columns, and whether each must have a value."""
        ...

    def transaction(self) -> AbstractContextManager[Transaction]: ...


def has_runs(home: Path) -> bool:
    """Whether there are folders of runs, which a database has to name."""
    return any(home.glob("runs/*/plan.json"))
