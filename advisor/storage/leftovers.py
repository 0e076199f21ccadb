"""What killed processes left in a home folder: files and folders that got no name, which begin with a dot."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_SECONDS_OF_A_LEFTOVER = 3600  # one that is being written is younger
_WRITTEN_IN = (
    "",
    "runs",
    "datasets",
    "tries",
    "judging",
    "runs/*",
    "datasets/*",
    "runs/*/*",
    "runs/*/*/*",
    "runs/*/*/*/*",
)


def leftovers(home: Path) -> Iterator[Path]:
    newest = time.time() - _SECONDS_OF_A_LEFTOVER
    for pattern in _WRITTEN_IN:
        for parent in sorted(home.glob(pattern)) if pattern else [home]:
            if parent.is_dir() and not parent.name.startswith("."):
                yield from (path for path in sorted(parent.glob(".*")) if _changed_at(path) < newest)


def _changed_at(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except FileNotFoundError:  # it has its name by now
        return math.inf


def remove_leftover(path: Path) -> None:
    """Raises OSError if it can't be."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def sweep(home: Path) -> None:
    """Deletes what can be deleted."""
    for path in list(leftovers(home)):
        with suppress(OSError):
            remove_leftover(path)
