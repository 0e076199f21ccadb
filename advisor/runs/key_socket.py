"""The way of a typed key from a page to the worker: a Unix socket in the home, for this user alone.

The worker keeps keys in its memory only, and forgets them when it ends.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

from advisor.storage.store import Store
from eval.task import BadInput
from strategies.served.keys import Key

_FOLDER, _SOCKET = "keys", "socket"
_LONGEST_ADDRESS = 100  # bytes; systems take 103 or 107
_MOST_BYTES = 1 << 16  # of a message
_SECONDS_FOR_A_MESSAGE = 5.0
_SECONDS_TO_LISTEN = 10.0  # for a worker that has just started
_TAKEN = b"taken\n"

Take = Callable[[str, Key, str], None]


def send_key(store: Store, host: str, key: Key, variable: str) -> None:
    """Hands a key for the server at `host` to the worker, which must have been started, for the runs of the store's
    person. Raises BadInput if it can't be handed over; `variable` is the environment variable that does it instead."""
    if not hasattr(socket, "AF_UNIX"):
        raise BadInput(
            f"This system has no Unix sockets, so a key can't be typed here: set {variable}, and start Threeways again."
        )
    message = json.dumps({"host": host, "key": key.reveal(), "whose": store.owner}).encode() + b"\n"
    deadline = time.monotonic() + _SECONDS_TO_LISTEN
    while True:
        try:
            if _sent(store.home / _FOLDER, message):
                return
        except OSError:  # nobody listens yet
            pass
        if time.monotonic() > deadline:
            raise BadInput(
                "The program that executes runs (the worker) didn't take the key: type it once more, or set "
                f"{variable} and start Threeways again."
            )
        time.sleep(0.05)


@contextmanager
def receiving_keys(store: Store, take: Take) -> Iterator[None]:
    """Within it, `take` gets the host and the key of every message, and the key of the person who sent it ("" where
    nobody logs in), in a thread of its own. Only one process of a home may do this at a time."""
    try:
        listening = _listen(store.home / _FOLDER)
    except (AttributeError, OSError) as wrong:  # no such sockets here, or not in this file system
        sys.stderr.write(f"Keys can't be typed on pages here ({wrong}): set environment variables instead.\n")
        yield
        return
    Thread(target=_receive, args=(listening, take), name="keys", daemon=True).start()
    try:
        yield
    finally:
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)  # wakes the thread
        listening.close()
        (store.home / _FOLDER / _SOCKET).unlink(missing_ok=True)


def _listen(folder: Path) -> socket.socket:
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    (folder / _SOCKET).unlink(missing_ok=True)  # left by a worker that was killed
    listening = socket.socket(socket.AF_UNIX)
    try:
        with _address_in(folder) as address:
            listening.bind(address)
        (folder / _SOCKET).chmod(0o600)
        listening.listen()
    except BaseException:
        listening.close()
        raise
    return listening


def _receive(listening: socket.socket, take: Take) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:  # closed
            return
        with connection, suppress(OSError, ValueError, KeyError, TypeError):  # a page that went away, or no page
            if _is_same_user(connection):
                connection.settimeout(_SECONDS_FOR_A_MESSAGE)
                message = json.loads(_line(connection))
                take(str(message["host"]), Key(str(message["key"])), str(message["whose"]))
                connection.sendall(_TAKEN)


def _sent(folder: Path, message: bytes) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_SECONDS_FOR_A_MESSAGE)
        with _address_in(folder) as address:
            connection.connect(address)
        if not _is_same_user(connection):  # another user listens there
            return False
        connection.sendall(message)
        return _line(connection) == _TAKEN


def _line(connection: socket.socket) -> bytes:
    found = b""
    while not found.endswith(b"\n") and len(found) < _MOST_BYTES and (part := connection.recv(_MOST_BYTES)):
        found += part
    return found


def _is_same_user(connection: socket.socket) -> bool:
    """Whether this user runs the process at the other end. Where the system doesn't say, the mode of the folder keeps
    others out."""
    if not hasattr(socket, "SO_PEERCRED"):
        return True
    form = "3i"  # its process, user and group (man 7 unix)
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize(form))
    _, user, _ = struct.unpack(form, credentials)
    return bool(user == os.getuid())


@contextmanager
def _address_in(folder: Path) -> Iterator[str]:
    """The socket's address. Systems take short ones only, so a long one goes by way of the open folder, which Linux
    has."""
    address = str(folder / _SOCKET)
    if len(os.fsencode(address)) <= _LONGEST_ADDRESS:
        yield address
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        yield f"/proc/self/fd/{opened}/{_SOCKET}"
    finally:
        os.close(opened)
