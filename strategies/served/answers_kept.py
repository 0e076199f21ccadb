"""Answers that were paid for, on disk by all that decides them, and what each run has spent.

SQLite with a rollback journal and full sync, safe for several processes. One thread writes, many answers to a
transaction, because each transaction waits for the disk.
"""

from __future__ import annotations

import json
import math
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.money.tokens import Spent
from eval.task import BadInput
from strategies.served.requests import Answer

_TABLES = """
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, server TEXT NOT NULL, asked_at REAL NOT NULL, seconds REAL NOT NULL,
    first_token_seconds REAL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS spendings (
    account TEXT NOT NULL, step TEXT NOT NULL, model TEXT NOT NULL, requests INTEGER NOT NULL, read INTEGER NOT NULL,
    written INTEGER NOT NULL, PRIMARY KEY (account, step, model));
CREATE TABLE IF NOT EXISTS servers (server TEXT PRIMARY KEY, found_at REAL NOT NULL, found TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS tunings (key TEXT PRIMARY KEY, account TEXT NOT NULL, known TEXT NOT NULL);
"""
_KEEP = "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?)"
_SPEND = (
    "INSERT INTO spendings VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (account, step, model) DO UPDATE SET "
    "requests = requests + excluded.requests, read = read + excluded.read, written = written + excluded.written"
)
_FIND_AT_ONCE = 500  # SQLite allows some thousand variables


def kept_file() -> Path:
    """Where answers are kept unless a caller says otherwise."""
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "threeways" / "served" / "answers.sqlite"


@dataclass(frozen=True, slots=True)
class _Write:
    statement: str
    values: tuple[object, ...]
    written: Future[None]


class AnswersKept:
    """One file of answers. Raises BadInput if it can't be used. Close it, so that everything is written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with self._connection() as connection:
                connection.executescript(f"PRAGMA journal_mode = DELETE; BEGIN IMMEDIATE;{_TABLES}COMMIT")
            path.chmod(0o600)  # answers may repeat what is in the person's data
        except (OSError, sqlite3.Error) as wrong:
            raise BadInput(
                f"The answers of served models can't be kept in {path} ({wrong}): make its folder writable, or delete "
                "the file if it is damaged."
            ) from wrong
        self._writes: queue.SimpleQueue[_Write | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write, name="answers kept", daemon=True)
        self._writer.start()

    def find(self, keys: Sequence[str]) -> dict[str, Answer]:
        """The answers that are here, by key."""
        found: dict[str, Answer] = {}
        with self._connection() as connection:
            for start in range(0, len(keys), _FIND_AT_ONCE):
                part = keys[start : start + _FIND_AT_ONCE]
                rows = connection.execute(
                    "SELECT key, body, seconds, first_token_seconds, asked_at FROM answers "
                    f"WHERE key IN ({', '.join('?' * len(part))})",
                    part,
                )
                for key, body, seconds, first, asked_at in rows:
                    found[key] = Answer(json.loads(body), seconds, first, asked_at, was_kept=True)
        return found

    def keep(self, key: str, server: str, answer: Answer) -> Future[None]:
        """Done once the answer is on disk."""
        body = json.dumps(answer.body, ensure_ascii=False)
        return self._add(_KEEP, key, server, answer.asked_at, answer.seconds, answer.first_token_seconds, body)

    def spent(self, account: str, step: str | None = None) -> dict[str, Spent]:
        """What an account, or one step of it, has spent on each model, by its full name."""
        query = (
            "SELECT model, sum(requests), sum(read), sum(written) FROM spendings "
            "WHERE account = ? AND step = coalesce(?, step) GROUP BY model"
        )
        with self._connection() as connection:
            return {model: Spent(*counts) for model, *counts in connection.execute(query, (account, step))}

    def add_spent(self, account: str, step: str, model: str, spent: Spent) -> Future[None]:
        return self._add(_SPEND, account, step, model, spent.requests, spent.read, spent.written)

    def move_spent(self, account: str, to: str) -> Future[None]:
        """Counts all that one account has spent for another, which has spent nothing yet."""
        return self._add("UPDATE spendings SET account = ? WHERE account = ?", to, account)

    def found_of(self, server: str, seconds: float = math.inf) -> dict[str, Any] | None:
        """What was found out about a server at most this many seconds ago; None if nothing was."""
        with self._connection() as connection:
            query = "SELECT found FROM servers WHERE server = ? AND found_at > ?"
            row = connection.execute(query, (server, time.time() - seconds)).fetchone()
        return dict(json.loads(row[0])) if row else None

    def keep_found(self, server: str, found: dict[str, Any]) -> Future[None]:
        return self._add("INSERT OR REPLACE INTO servers VALUES (?, ?, ?)", server, time.time(), json.dumps(found))

    def tuning(self, key: str) -> dict[str, Any] | None:
        """What is known of a fine-tuning job, by all that decides what it trains; None if none was begun."""
        with self._connection() as connection:
            row = connection.execute("SELECT known FROM tunings WHERE key = ?", (key,)).fetchone()
        return dict(json.loads(row[0])) if row else None

    def tunings_of(self, account: str) -> dict[str, dict[str, Any]]:
        """The fine-tuning jobs that an account began, by their key."""
        with self._connection() as connection:
            found = connection.execute("SELECT key, known FROM tunings WHERE account = ?", (account,))
            return {key: dict(json.loads(known)) for key, known in found}

    def keep_tuning(self, key: str, account: str, known: dict[str, Any] | None) -> None:
        """Returns once it is on disk. None is forgotten."""
        if known is None:
            self._add("DELETE FROM tunings WHERE key = ?", key).result()
        else:
            self._add("INSERT OR REPLACE INTO tunings VALUES (?, ?, ?)", key, account, json.dumps(known)).result()

    def forget_tuned(self, model: str) -> None:
        """Forgets every job that trained a model of this name."""
        self._add("DELETE FROM tunings WHERE json_extract(known, '$.model') = ?", model).result()

    def close(self) -> None:
        self._writes.put(None)
        self._writer.join()

    def _add(self, statement: str, *values: object) -> Future[None]:
        write = _Write(statement, values, Future())
        self._writes.put(write)
        return write.written

    def _write(self) -> None:
        """The writing thread: whatever has come by the time the last transaction is on disk makes the next one."""
        with self._connection() as connection:
            self._write_groups(connection)

    def _write_groups(self, connection: sqlite3.Connection) -> None:
        ended = False
        while not ended:
            group = [self._writes.get()]
            while not self._writes.empty():
                group.append(self._writes.get())
            ended = None in group
            writes = [write for write in group if write is not None]
            problem: BadInput | None = None
            try:
                connection.execute("BEGIN IMMEDIATE")
                for write in writes:
                    connection.execute(write.statement, write.values)
                connection.execute("COMMIT")
            except Exception as wrong:  # whoever waits for these writes must hear of it
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                problem = BadInput(
                    f"An answer of the served model can't be kept in {self.path} ({wrong}): make room on the disk and "
                    "continue the run."
                )
            for write in writes:
                if problem is not None:
                    write.written.set_exception(problem)
                else:
                    write.written.set_result(None)

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self.path, timeout=60, isolation_level=None)
        try:
            connection.execute("PRAGMA synchronous = FULL")
            yield connection
        finally:
            connection.close()


class KeptAccount:
    """What one run has spent, kept in the file of answers. `step` and `model` are those it now spends on."""

    def __init__(self, kept: AnswersKept, name: str, step: str = "", model: str = "") -> None:
        self._kept, self.name, self._step, self._model = kept, name, step, model

    def spent(self) -> dict[str, Spent]:
        return self._kept.spent(self.name)

    def add(self, spent: Spent) -> None:
        self._kept.add_spent(self.name, self._step, self._model, spent)
