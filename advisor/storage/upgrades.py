"""Brings a database of an earlier version up to date, one version at a time. A copy of it is made first."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path

SCHEMA = 8  # raise it when the tables or their contents change, and add an upgrade to it

# Columns of runs, with their defaults.
_ADDED_IN_3 = {"given_name": "''", "note": "''", "tags_json": "'[]'"}
_ADDED_IN_4 = {"origin": "'own'"}
_ADDED_IN_5 = {"awaits_key": "''"}
_ADDED_IN_7 = {"attempts": "0", "measured": "0"}
_ADDED_IN_8 = {"owner": "''", "owner_name": "''"}


def can_upgrade(version: int) -> bool:
    return version in _UPGRADES


def upgrade(connection: sqlite3.Connection, path: Path, version: int) -> None:
    """From `version` to the next one. A process that is killed in between leaves the version as it was, and the upgrade
    can start again."""
    _UPGRADES[version](connection, path.parent)
    connection.execute(f"PRAGMA user_version = {version + 1}")


def back_up(connection: sqlite3.Connection, path: Path, version: int) -> Path:
    """A copy of the whole database beside it, named after its version; one that is there already is kept."""
    kept = path.with_name(f"{path.name}.version-{version}")
    if kept.exists():
        return kept
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{kept.name}.")
    try:
        with closing(sqlite3.connect(beside)) as copy:
            connection.backup(copy)
        os.fsync(handle)
        Path(beside).rename(kept)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
    finally:
        os.close(handle)
    return kept


def _from_1(connection: sqlite3.Connection, home: Path) -> None:
    """Version 1 called baselines floors. Files change first, so that an interrupted upgrade can start again."""
    for old, new in (("floors", "baselines"), ("baselines/*/fitted/floor.json", "baseline.json")):
        for path in home.glob(f"runs/*/{old}"):
            with suppress(FileNotFoundError):  # the run was deleted meanwhile
                path.rename(path.with_name(new))
    connection.execute("UPDATE steps SET strategy = 'baselines' WHERE strategy = 'floors'")


def _from_2(connection: sqlite3.Connection, _: Path) -> None:
    """Version 2 had no names, notes and tags of runs."""
    _add_to_runs(connection, _ADDED_IN_3)


def _from_3(connection: sqlite3.Connection, _: Path) -> None:
    """Version 3 had only runs that were measured in this home."""
    _add_to_runs(connection, _ADDED_IN_4)


def _from_4(connection: sqlite3.Connection, _: Path) -> None:
    """In version 4, no run waited for a key."""
    _add_to_runs(connection, _ADDED_IN_5)


def _from_5(connection: sqlite3.Connection, _: Path) -> None:
    """In version 5 a step ran from its start to its end, without turns."""
    if "worked_seconds" not in _columns(connection, "steps"):
        connection.execute("ALTER TABLE steps ADD COLUMN worked_seconds REAL")


def _from_6(connection: sqlite3.Connection, _: Path) -> None:
    """In version 6, a run that ended every worker was started again and again."""
    _add_to_runs(connection, _ADDED_IN_7, "INTEGER")


def _from_7(connection: sqlite3.Connection, _: Path) -> None:
    """In version 7 nobody logged in, so nothing had an owner and nothing was shared."""
    _add_to_runs(connection, _ADDED_IN_8)
    _add_to_runs(connection, {"is_shared": "0"}, "INTEGER")
    if "owner" not in _columns(connection, "datasets"):
        connection.execute("ALTER TABLE datasets ADD COLUMN owner TEXT NOT NULL DEFAULT ''")


_UPGRADES: dict[int, Callable[[sqlite3.Connection, Path], None]] = {
    1: _from_1,
    2: _from_2,
    3: _from_3,
    4: _from_4,
    5: _from_5,
    6: _from_6,
    7: _from_7,
}


def _add_to_runs(connection: sqlite3.Connection, columns: Mapping[str, str], form: str = "TEXT") -> None:
    present = _columns(connection, "runs")
    for name, default in columns.items():
        if name not in present:
            connection.execute(f"ALTER TABLE runs ADD COLUMN {name} {form} NOT NULL DEFAULT {default}")


def _columns(connection: sqlite3.Connection, table: str) -> set[str]:
    return {column["name"] for column in connection.execute(f"PRAGMA table_info({table})")}
