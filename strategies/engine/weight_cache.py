"""Weights unpacked from GGUF files, kept on disk: written beside, synced, hashed, checked, then renamed. A copy that
was damaged since is unpacked again. Imports no torch."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from filelock import FileLock

from strategies.engine.sealed_folder import DamagedError, check_folder, seal_folder, state_of

_LAYOUT = 2  # of an unpacked folder: another number unpacks anew
_STAMPED_BYTES = 4 << 20
_UNFINISHED = ".unpacking-"
_CHECKED = ".checked"  # beside the folder: what its files looked like when they were last read and found sound
_SECONDS_A_CHECK_STANDS = 24 * 3600  # hashing takes seconds, so what nobody has written to isn't hashed at every load


def cached(gguf: Path, cache: Path, unpack: Callable[[Path], None]) -> Path:
    """The folder with the unpacked weights of a GGUF file. `unpack` writes them into an empty folder and checks them;
    what it raises is raised."""
    folder = cache / f"{gguf.stem}-{_stamp(gguf)}"
    if folder.exists() and is_sound(folder):
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(cache.parent / "unpacking.lock"):
        if folder.exists() and is_sound(folder):  # another process was first
            return folder
        for left in cache.glob(f"{_UNFINISHED}*"):  # by a process that was killed
            shutil.rmtree(left, ignore_errors=True)
        beside = Path(tempfile.mkdtemp(dir=cache, prefix=_UNFINISHED))
        try:
            unpack(beside)
            seal_folder(beside)
            if folder.exists():
                folder.rename(cache / f"{_UNFINISHED}{beside.name}")
            beside.rename(folder)
            _sync(cache)
        finally:
            for left in cache.glob(f"{_UNFINISHED}*"):
                shutil.rmtree(left, ignore_errors=True)
    return folder


def cache_folder() -> Path:
    """Where unpacked weights are."""
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "threeways" / "models"


def damaged_in(cache: Path) -> list[Path]:
    """The folders of weights that were changed or cut since they were written; all of their files are read."""
    return [folder for folder in sorted(cache.glob("*/")) if not folder.name.startswith(".") and not _is_whole(folder)]


def _is_whole(folder: Path) -> bool:
    try:
        check_folder(folder)
    except DamagedError:
        return False
    return True


def is_sound(folder: Path) -> bool:
    """Whether the files are those that were written. They are read once a day, and when one was written to."""
    noted = folder.with_name(folder.name + _CHECKED)
    state = state_of(folder)
    try:
        age = time.time() - noted.stat().st_mtime
        if noted.read_text() == state and 0 <= age < _SECONDS_A_CHECK_STANDS:
            return True
    except OSError:  # never checked
        pass
    if not _is_whole(folder):
        return False
    with suppress(OSError):  # the disk may be full: then they are read again the next time
        noted.write_text(state)
    return True


def _stamp(gguf: Path) -> str:
    """The same for every copy of a file, so that a new installation unpacks nothing again. Its size, its beginning,
    where its layout is, and its end stand for all of it: to read it all would take longer than to load it."""
    size = gguf.stat().st_size
    with gguf.open("rb") as file:
        seen = hashlib.sha256(f"{_LAYOUT} {size}".encode() + file.read(_STAMPED_BYTES))
        file.seek(max(size - _STAMPED_BYTES, 0))
        seen.update(file.read())
    return seen.hexdigest()[:16]


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
