"""PostgreSQL, for the server of a team: with its backups, its monitoring, its access rights.

Folders of runs and uploads stay in the home folder, and so do the locks. A database belongs to one home: the worker of
another one would take up runs whose folders it doesn't have.
"""

from __future__ import annotations

import atexit
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.errors import InsufficientPrivilege, ReadOnlySqlTransaction, UndefinedColumn, UndefinedTable
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool, PoolTimeout

from advisor.storage.database import (
    ADDRESS_VARIABLE,
    REPAIR,
    TABLE_NAMES,
    TABLES,
    Row,
    UnusableError,
    Values,
    has_runs,
)
from advisor.storage.files import write_whole
from advisor.storage.upgrades import SCHEMA
from eval.task import BadInput

_HOME_ID = "home.id"  # a file in the home, by which its database knows it
_SECONDS_TO_CONNECT = 5
_MOST_CONNECTIONS = 8  # of a process
_TYPES = {"REAL": "DOUBLE PRECISION", "INTEGER": "BIGINT"}  # 64 bits each, as in SQLite
_ORDER = "rowid"
_ONE_WRITER = 7_419_283  # the number of a lock that every transaction takes; any would do
_VALUE = re.compile(r"\?|:([a-z_]+)")  # our statements have neither within quotes


class PostgresDatabase:
    """Opening it makes the tables if there are none. It raises BadInput if the address is none, or if another version
    of Threeways or another home uses the database."""

    def __init__(self, address: str, home: Path, may_fill: bool = False) -> None:
        """`may_fill` also opens a database without tables beside folders of runs, which will fill it."""
        try:
            self._parts = conninfo_to_dict(address)
        except psycopg.ProgrammingError:
            raise BadInput(
                f"{ADDRESS_VARIABLE} isn't the address of a PostgreSQL database; write postgresql://USER@HOST/NAME."
            ) from None
        self._address, self._home = address, home
        with self.transaction() as database:
            found = "SELECT 1 FROM pg_tables WHERE schemaname = current_schema AND tablename = 'home'"
            if may_fill or database.execute(found).fetchone() is None:
                if has_runs(home) and not may_fill:
                    raise UnusableError(f"{self} is empty, but there are runs in {home}; {REPAIR}.")
                _make_tables(database, home)
            about = database.execute("SELECT id, version FROM home").fetchone() or {"id": None, "version": None}
        if about["version"] != SCHEMA:
            raise BadInput(f"Another version of Threeways wrote {self}; name another database.")
        if about["id"] != _id_of(home):
            raise BadInput(
                f"{self} belongs to another home folder than {home}; name another database, or set THREEWAYS_HOME to "
                "that folder."
            )

    def __str__(self) -> str:
        """Without user and password."""
        where = f" on {self._parts['host']}" if self._parts.get("host") else ""
        return f"The PostgreSQL database {self._parts.get('dbname') or ''}{where}".rstrip()

    def exists(self) -> bool:
        return self._home.is_dir()

    def row(self, query: str, *values: object) -> Row | None:
        return next(iter(self.rows(query, *values)), None)

    def rows(self, query: str, *values: object) -> list[Row]:
        with self._connection() as connection:
            return _Transaction(connection).execute(query, values).fetchall()

    def columns(self, table: str) -> dict[str, bool]:
        query = (
            "SELECT column_name, is_nullable FROM information_schema.columns"
            " WHERE table_schema = current_schema AND table_name = ?"
        )
        found = {row["column_name"]: row["is_nullable"] == "NO" for row in self.rows(query, table)}
        return {name: is_needed for name, is_needed in found.items() if name != _ORDER}

    @contextmanager
    def transaction(self) -> Iterator[_Transaction]:
        with self._connection() as connection, connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_ONE_WRITER,))
            yield _Transaction(connection)

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection[Row]]:
        try:
            with pool_of(self._address).connection() as connection:
                yield connection
        except (psycopg.OperationalError, InsufficientPrivilege, ReadOnlySqlTransaction) as wrong:
            raise UnusableError(
                f"{self} can't be used ({self._reason(wrong)}); check that it runs, the rights of its user, and "
                f"{ADDRESS_VARIABLE}."
            ) from wrong
        except (UndefinedTable, UndefinedColumn) as wrong:
            raise UnusableError(f"{self} is damaged ({wrong.diag.message_primary}); {REPAIR}.") from wrong

    def _reason(self, wrong: psycopg.Error) -> str:
        if isinstance(wrong, PoolTimeout):  # which doesn't say why
            try:
                _connect(self._address).close()
            except psycopg.OperationalError as cause:
                wrong = cause
        return (str(wrong).splitlines() or [type(wrong).__name__])[0].rstrip(". ")


class _Transaction:
    """Takes statements as SQLite does."""

    def __init__(self, connection: psycopg.Connection[Row]) -> None:
        self._connection = connection

    def execute(self, statement: str, values: Values = ()) -> psycopg.Cursor[Row]:
        return self._connection.execute(_with_places(statement), _storable(values))

    def executemany(self, statement: str, values: Iterable[Values]) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(_with_places(statement), [_storable(each) for each in values])


def _make_tables(database: _Transaction, home: Path) -> None:
    """Those that aren't there."""
    for statement in filter(str.strip, TABLES.split(";")):
        database.execute(re.sub("|".join(_TYPES), lambda found: _TYPES[found[0]], statement))
    for table in TABLE_NAMES:
        database.execute(
            f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {_ORDER} BIGINT GENERATED BY DEFAULT AS IDENTITY"
        )
    database.execute("CREATE TABLE IF NOT EXISTS home (id TEXT NOT NULL, version BIGINT NOT NULL)")
    if database.execute("SELECT 1 FROM home").fetchone() is None:
        database.execute("INSERT INTO home VALUES (?, ?)", (_id_of(home), SCHEMA))


def _id_of(home: Path) -> str:
    file = home / _HOME_ID
    if not file.exists():
        write_whole(file, secrets.token_hex(16))
    return file.read_text("ascii")


def _connect(address: str) -> psycopg.Connection[Any]:
    return psycopg.connect(address, connect_timeout=_SECONDS_TO_CONNECT)


@cache
def pool_of(address: str) -> ConnectionPool[psycopg.Connection[Row]]:
    """Of this process: a page asks for a dozen rows, and each connection takes as long as several answers."""
    _connect(address).close()  # says at once why it can't
    pool = ConnectionPool(
        address,
        connection_class=psycopg.Connection[Row],
        kwargs={"autocommit": True, "row_factory": _row_by_name, "connect_timeout": _SECONDS_TO_CONNECT},
        min_size=0,
        max_size=_MOST_CONNECTIONS,
        timeout=_SECONDS_TO_CONNECT,
        check=ConnectionPool.check_connection,  # one that a restart of the server has closed is replaced
        open=True,
    )
    atexit.register(pool.close)
    return pool


def _row_by_name(cursor: psycopg.Cursor[Any]) -> Callable[[Sequence[Any]], Row]:
    """As in SQLite, `SELECT *` is without the order in which the rows came."""
    by_name = dict_row(cursor)

    def row(values: Sequence[Any]) -> Row:
        found = by_name(values)
        found.pop(_ORDER, None)
        return found

    return row


@cache
def _with_places(statement: str) -> str:
    """With values in psycopg's way."""
    return _VALUE.sub(lambda found: f"%({found[1]})s" if found[1] else "%s", statement)


def _storable(values: Values) -> Sequence[Any] | Mapping[str, Any]:
    if isinstance(values, Mapping):
        return {name: _storable_value(value) for name, value in values.items()}
    return [_storable_value(value) for value in values]


def _storable_value(value: object) -> object:
    """SQLite keeps truth as a number, and texts with the character 0, which PostgreSQL has none for."""
    if isinstance(value, bool):
        return int(value)
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value
