"""One SQLite file, opened for each short transaction, so that threads and processes can share it.

It uses the rollback journal with full sync: the write-ahead log of SQLite before 3.51.3 can lose data if it is
checkpointed and reset at once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from advisor.storage.database import REPAIR, TABLES, Row, UnusableError, has_runs
from advisor.storage.upgrades import SCHEMA, back_up, can_upgrade, upgrade
from eval.task import BadInput

# By SQLite's result codes (sqlite.org/rescode.html), where the file itself is not damaged.
_OF_THE_DISK = {
    sqlite3.SQLITE_FULL: "The disk with {home} is full; free some space and try again.",
    sqlite3.SQLITE_IOERR: "The disk with {home} failed ({wrong}); check the disk and try again.",
    sqlite3.SQLITE_READONLY: "Threeways can't write to {home} ({wrong}); allow it, or set THREEWAYS_HOME to a folder "
    "you can write to.",
    sqlite3.SQLITE_BUSY: "Another program keeps the database of {home} locked; end it and try again.",
}


class SqliteDatabase:
    """Opening it also raises BadInput if another version of Threeways made the file, and UnusableError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists() or not path.stat().st_size:
            if has_runs(path.parent):
                raise UnusableError(f"The database {path} is gone, but there are runs beside it; {REPAIR}.")
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

    def exists(self) -> bool:
        return self.path.exists()

    def row(self, query: str, *values: object) -> Row | None:
        return next(iter(self.rows(query, *values)), None)

    def rows(self, query: str, *values: object) -> list[Row]:
        with self._connection() as connection:
            return [dict(row) for row in connection.execute(query, values)]

    def columns(self, table: str) -> dict[str, bool]:
        return {column["name"]: bool(column["notnull"]) for column in self.rows(f"PRAGMA table_info({table})")}

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
            f"PRAGMA journal_mode = DELETE; BEGIN IMMEDIATE;{TABLES} PRAGMA user_version = {SCHEMA}; COMMIT"
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
        return f"The database {path} was deleted; {REPAIR}."
    code = getattr(wrong, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # without the details of the upper bits
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT) or "no such" in str(wrong):
        return f"The database {path} is damaged ({wrong}); {REPAIR}."
    if code == sqlite3.SQLITE_CANTOPEN:
        return f"The database {path} can't be opened ({wrong}); allow Threeways to read and write it."
    of_the_disk = _OF_THE_DISK.get(code)
    return of_the_disk.format(home=path.parent, wrong=wrong) if of_the_disk else None
