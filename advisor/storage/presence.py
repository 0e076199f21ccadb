"""Whether the worker of a home is there, and whether it still says so.

The worker owns `worker.lock`, which nobody else takes to look: it holds a second lock on `worker.present`, and those
who look share that one for a moment, so that they keep neither a worker from starting nor each other from looking. The
file says which process that is, and when it was last seen at work, by a clock that nobody sets.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

SILENT_SECONDS = 120  # after which a worker is probably stuck: it looks up several times a second
_FILE = "worker.present"
_SECONDS_BETWEEN_BEATS = 5.0
_FORM = "{process:>10} {beat:>20.3f}\n"  # always as long, so that a write replaces all of it


@contextmanager
def present(home: Path) -> Iterator[Callable[[], None]]:
    """For the process that owns `worker.lock`: it is seen as the worker within the block. It has to call what this
    yields again and again, or it counts as silent."""
    handle = os.open(home / _FILE, os.O_RDWR | os.O_CREAT, 0o600)
    last, is_held = 0.0, False

    def beat() -> None:
        nonlocal last, is_held
        now = time.monotonic()
        if now - last < _SECONDS_BETWEEN_BEATS and is_held:
            return
        if not is_held:
            with suppress(BlockingIOError):  # somebody is looking: the next time, then
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                is_held = True
        last = now
        with suppress(OSError):  # a full disk is for others to report
            os.pwrite(handle, _FORM.format(process=os.getpid(), beat=now).encode(), 0)

    try:
        beat()
        yield beat
    finally:
        os.close(handle)


def is_present(home: Path) -> bool:
    """The system lets go of the lock when the worker ends in any way."""
    try:
        handle = os.open(home / _FILE, os.O_RDONLY)
    except OSError:  # there never was one
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    finally:
        os.close(handle)


def is_silent(home: Path) -> bool:
    """Whether there is a worker, and it hasn't been seen at work for `SILENT_SECONDS`."""
    seen = _read(home)
    return seen is not None and time.monotonic() - seen[1] > SILENT_SECONDS and is_present(home)


def end_worker(home: Path) -> None:
    """Ends the worker's process and its children at once, whatever they do. Nothing if there is none."""
    seen = _read(home)
    if seen is None or not is_present(home):
        return
    with suppress(psutil.Error):  # ended meanwhile
        process = psutil.Process(seen[0])
        # Numbers come again, and mean other processes in other containers.
        if all(Path(one.path) != (home / _FILE).resolve() for one in process.open_files()):
            return
        family = [process, *process.children(recursive=True)]
        for one in family:
            with suppress(psutil.Error):
                one.kill()
        psutil.wait_procs(family, timeout=10)


def _read(home: Path) -> tuple[int, float] | None:
    """The number of the worker's process, and its last sign in seconds of the monotonic clock."""
    try:
        process, beat = (home / _FILE).read_text().split()
        return int(process), float(beat)
    except (OSError, ValueError):
        return None
