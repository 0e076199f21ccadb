"""Every Python process that a benchmark starts with this folder on its PYTHONPATH looks at what it writes below a
folder. At the first write of a kind that wasn't met before, something breaks. See `tests/benchmarks/crashes.py`."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import signal
import sys
import zlib
from contextlib import suppress
from pathlib import Path

_BELOW = os.environ.get("CRASH_BELOW", "")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_EVENTS = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.link", "os.symlink"}
_ROOMS = (f"{os.sep}advisor{os.sep}", f"{os.sep}strategies{os.sep}", f"{os.sep}eval{os.sep}")
_NUMBERS = re.compile(r"\.[a-z0-9_]{8}\b|[0-9a-f]{6,}|\d+")  # and the random parts of names


class _Saboteur:
    def __init__(self) -> None:
        self._met = os.open(os.environ["CRASH_MET"], os.O_RDWR | os.O_CREAT | os.O_APPEND)
        self._log = os.open(os.environ["CRASH_LOG"], os.O_RDWR | os.O_CREAT | os.O_APPEND)
        self._how = os.environ["CRASH_HOW"]
        self._from, self._to = (float(end) * (1 << 32) for end in os.environ["CRASH_SHARE"].split("-"))
        self._known: set[str] = set()
        self._is_busy = False

    def hear(self, event: str, given: tuple[object, ...]) -> None:
        if self._is_busy or not (path := _written(event, given)):
            return
        self._is_busy = True
        try:
            kind = f"{event}\t{_NUMBERS.sub('*', os.path.relpath(path, _BELOW))}\t{_site()}"
            os.write(self._log, f"{kind}\n".encode(errors="replace"))
            if self._is_new(kind):
                self._break()
        finally:
            self._is_busy = False

    def _is_new(self, kind: str) -> bool:
        """Whether no process has met it before. A share of all kinds counts, always the same."""
        if kind in self._known:
            return False
        self._known.add(kind)
        if not self._from <= zlib.crc32(kind.encode(errors="replace")) < self._to:
            return False
        fcntl.flock(self._met, fcntl.LOCK_EX)
        try:
            met = os.pread(self._met, os.fstat(self._met).st_size, 0).decode().splitlines()
            if kind in met:
                return False
            os.write(self._met, f"{kind}\n".encode(errors="replace"))
            return True
        finally:
            fcntl.flock(self._met, fcntl.LOCK_UN)

    def _break(self) -> None:
        match self._how:
            case "kill":  # all of the session at once, as when the power goes
                os.killpg(os.getpgid(0), signal.SIGKILL)
            case "full":
                with suppress(OSError), (Path(_BELOW) / "ballast").open("wb") as ballast:
                    while True:
                        ballast.write(bytes(1 << 16))
            case "EIO":
                raise OSError(errno.EIO, os.strerror(errno.EIO))


def _written(event: str, given: tuple[object, ...]) -> str | None:
    """The path below the folder that an event writes; None if it writes nothing there."""
    if event == "sqlite3.connect":
        path = str(given[0]).removeprefix("file://").partition("?")[0]
    elif event in _EVENTS and isinstance(given[0], str | bytes | os.PathLike):
        if event == "open" and not (isinstance(given[2], int) and given[2] & _WRITING):
            return None
        path = os.fsdecode(given[0])
    else:
        return None
    path = str(Path.cwd() / path)
    return path if path.startswith(_BELOW + os.sep) and not path.endswith(".lock") else None


def _site() -> str:
    """The innermost lines of the project that are at work."""
    found: list[str] = []
    frame = sys._getframe(2)
    while frame.f_back is not None and len(found) < 3:
        file = frame.f_code.co_filename
        if any(room in file for room in _ROOMS):
            found.append(f"{'/'.join(Path(file).parts[-2:])}:{frame.f_lineno}")
        frame = frame.f_back
    return " ".join(found)


if _BELOW:
    sys.addaudithook(_Saboteur().hear)
