"""The hashes of a folder's files, in the form of `sha256sum`, so that files that were cut or changed are noticed before
they are used. `sha256sum -c SHA256SUMS` checks them too. Imports no torch.

Folders of earlier versions have no hashes, and are taken as they are.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

SUMS = "SHA256SUMS"
_DIGITS = 64


class DamagedError(ValueError):
    """A file isn't what was written. The message is a sentence that names it."""


def seal_folder(folder: Path) -> None:
    """Syncs the files of a folder, which is written once, and writes down their hashes."""
    lines = []
    for path in _files(folder):
        with path.open("rb") as file:
            lines.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {path.relative_to(folder).as_posix()}\n")
            os.fsync(file.fileno())
    with (folder / SUMS).open("w") as sums:
        sums.writelines(lines)
        sums.flush()
        os.fsync(sums.fileno())


def check_folder(folder: Path) -> None:
    """Raises DamagedError if a file of a sealed folder is missing or was changed. Added files don't matter."""
    sums = folder / SUMS
    if sums.exists() and not sums.stat().st_size and any(_files(folder)):  # which would let everything pass
        raise DamagedError(f"{sums} is empty.")
    for expected, path in _sums(folder):
        if not path.is_file():
            raise DamagedError(f"{path} is missing.")
        if file_hash(path) != expected:
            raise DamagedError(f"{path} was changed or damaged since it was written.")


def state_of(folder: Path) -> str:
    """Changes whenever one of the sealed files is written to, which takes no time to see."""
    facts = [path.stat() for _, path in _sums(folder) if path.exists()]
    seen = [(fact.st_ino, fact.st_size, fact.st_mtime_ns, fact.st_ctime_ns) for fact in facts]
    return hashlib.sha256(repr(seen).encode()).hexdigest()


def file_hash(path: Path) -> str:
    """Empty if the file can't be read, which is the hash of nothing."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _sums(folder: Path) -> Iterator[tuple[str, Path]]:
    try:
        lines = (folder / SUMS).read_text(errors="replace").splitlines()
    except OSError:  # of an earlier version
        return
    for line in lines:
        yield line[:_DIGITS], folder / line[_DIGITS + 2 :]


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != SUMS)
