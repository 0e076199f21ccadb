"""Which database a home has."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

from advisor.storage.database import ADDRESS_VARIABLE, Database
from advisor.storage.files import DATABASE
from advisor.storage.sqlite_database import SqliteDatabase
from eval.task import BadInput


def postgres_address() -> str | None:
    """None where a SQLite file in the home folder does."""
    return os.environ.get(ADDRESS_VARIABLE) or None


def open_database(home: Path, may_fill: bool = False) -> Database:
    """`may_fill` also opens a database of PostgreSQL that lacks what the folders of the home hold. Raises BadInput if
    it can't be used or belongs to another version or another home."""
    address = postgres_address()
    if address is None:
        return SqliteDatabase(home / DATABASE)
    if find_spec("psycopg_pool") is None:
        raise BadInput(f"{ADDRESS_VARIABLE} names PostgreSQL, which needs psycopg; install it with: make team")
    from advisor.storage.postgres_database import PostgresDatabase

    return PostgresDatabase(address, home, may_fill)
