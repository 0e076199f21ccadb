"""Debian's PostgreSQL, started for the tests on a socket of its own."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from advisor.storage.postgres_database import pool_of

_SECONDS_TO_START = 60


@contextmanager
def running_postgres() -> Iterator[str]:
    """The address of a server without databases of ours. Skips the test where PostgreSQL isn't installed."""
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL isn't installed; on Debian: apt-get install postgresql")
    # It refuses to run as root.
    user = "postgres" if os.geteuid() == 0 else None
    place = Path(tempfile.mkdtemp())
    try:
        if user:
            found = pwd.getpwnam(user)
            os.chown(place, found.pw_uid, found.pw_gid)
        make = [str(programs / "initdb"), "--pgdata", str(place / "data"), "--auth", "trust", "--username", "threeways"]
        subprocess.run([*make, "--no-sync"], check=True, user=user, group=user, cwd=place, stdout=subprocess.DEVNULL)
        command = [
            str(programs / "postgres"),
            "-D",
            str(place / "data"),
            "-k",
            str(place),
            "-c",
            "listen_addresses=",
            "-F",
        ]
        with (place / "log").open("w") as log:
            server = subprocess.Popen(command, user=user, group=user, cwd=place, stdout=log, stderr=log)
        address = f"postgresql://threeways@/postgres?host={place}"
        try:
            _wait_for(address, server, place / "log")
            yield address
        finally:
            server.send_signal(signal.SIGINT)  # end now, without waiting for clients
            server.wait()
    finally:
        shutil.rmtree(place)


@contextmanager
def own_schema(server: str) -> Iterator[str]:
    """The address of an empty part of the server, which is deleted afterwards with the connections to it."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
    address = f"{server}&options=-csearch_path%3D{name}"
    try:
        yield address
    finally:
        pool_of(address).close()
        pool_of.cache_clear()
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP SCHEMA {name} CASCADE")


def _programs() -> Path | None:
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    return next((path.parent for path in sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)), None)


def _wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _SECONDS_TO_START
    while True:
        try:
            psycopg.connect(address).close()
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(log.read_text()) from None
            time.sleep(0.05)
        else:
            return
