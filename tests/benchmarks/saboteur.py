"""Looks at what a process and its forks write below a folder. At the first write of a kind that wasn't met before,
something breaks. See `tests/benchmarks/crashes.py`."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import signal
import sys
import zlib
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_EVENTS = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.link", "os.symlink"}
_ROOMS = (f"{os.sep}advisor{os.sep}", f"{os.sep}strategies{os.sep}", f"{os.sep}eval{os.sep}")
_NUMBERS = re.compile(r"\.[a-z0-9_]{8}\b|[0-9a-f]{6,}|\d+")  # and the random parts of names


@dataclass(slots=True)
class Saboteur:
    """`how`: kill, full or EIO. `share`: from where to where among all kinds of writes, between 0 and 1. Forks share
    the files `met`, with the kinds that were met, and `log`, with every write."""

    below: Path
    how: str
    share: tuple[float, float]
    met: Path
    log: Path
    _known: set[str] = field(default_factory=set)
    _is_busy: bool = False

    def watch(self) -> None:
        """From now on, in this process and its forks."""
        sys.addaudithook(self._hear)

    def _hear(self, event: str, given: tuple[object, ...]) -> None:
        if self._is_busy or not (path := self._written(event, given)):
            return
        self._is_busy = True
        try:
            kind = f"{event}\t{_NUMBERS.sub('*', os.path.relpath(path, self.below))}\t{_site()}"
            with self.log.open("ab") as log:
                log.write(f"{kind}\n".encode(errors="replace"))
            if self._is_new(kind):
                self._break()
        finally:
            self._is_busy = False

    def _is_new(self, kind: str) -> bool:
        """Whether no process has met it before. A share of all kinds counts, always the same."""
        if kind in self._known:
            return False
        self._known.add(kind)
        begin, end = (edge * (1 << 32) for edge in self.share)
        if not begin <= zlib.crc32(kind.encode(errors="replace")) < end:
            return False
        with self.met.open("a+b") as met:
            fcntl.flock(met, fcntl.LOCK_EX)
            met.seek(0)
            line = f"{kind}\n".encode(errors="replace")
            if line in met.readlines():
                return False
            met.write(line)
            return True

    def _break(self) -> None:
        match self.how:
            case "kill":  # all of the session at once, as when the power goes
                os.killpg(os.getpgid(0), signal.SIGKILL)
            case "full":
                with suppress(OSError), (self.below / "ballast").open("wb") as ballast:
                    while True:
                        ballast.write(bytes(1 << 16))
            case "EIO":
                raise OSError(errno.EIO, os.strerror(errno.EIO))

    def _written(self, event: str, given: tuple[object, ...]) -> str | None:
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
        return path if path.startswith(f"{self.below}{os.sep}") and not path.endswith(".lock") else None


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
