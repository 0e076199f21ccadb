"""The hash of a file beside it, as `sha256sum` writes it, so that a file that was cut or changed is noticed before use.
Folders that are written once have theirs in `strategies/engine/sealed_folder.py`.

Files of earlier versions have none, and are taken as they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from advisor.storage.files import write_whole
from strategies.engine.sealed_folder import DamagedError, file_hash

_ENDING = ".sha256"


def write_sealed(path: Path, content: str | bytes | Iterable[bytes]) -> None:
    """As `write_whole`. The file has no hash while it changes, so a process that is killed then leaves it whole and
    without one."""
    seal = _seal_of(path)
    seal.unlink(missing_ok=True)
    write_whole(path, content)
    write_whole(seal, f"{file_hash(path)}  {path.name}\n")


def read_sealed(path: Path) -> bytes:
    """Raises OSError if the file can't be read, and DamagedError if it was changed since `write_sealed` wrote it."""
    content = path.read_bytes()
    _compare(path, hashlib.sha256(content).hexdigest())
    return content


def check_sealed(path: Path) -> None:
    """As `read_sealed`, for a file that is read bit by bit."""
    path.stat()
    _compare(path, file_hash(path))


def remove_sealed(path: Path) -> None:
    """With its hash."""
    for one in (path, _seal_of(path)):
        one.unlink(missing_ok=True)


def _compare(path: Path, found: str) -> None:
    if hash_of(path) not in (None, found):
        raise DamagedError(f"{path} was changed or damaged since it was written.")


def hash_of(path: Path) -> str | None:
    """What `write_sealed` wrote down; None if an earlier version wrote the file."""
    try:
        return _seal_of(path).read_text(errors="replace").partition(" ")[0]
    except OSError:
        return None


def _seal_of(path: Path) -> Path:
    return path.with_name(path.name + _ENDING)
