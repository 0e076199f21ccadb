"""Write files that are either whole or absent: write to a temporary file, sync, rename.

What Threeways keeps holds a person's data, so nobody else on the machine may read it: `keep_private` gives folders the
mode 0700 and files 0600, also in the processes that this one starts.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

DATABASE = "threeways.sqlite"


_OTHERS = 0o077
_umask: list[int] = []  # the person's own, once `keep_private` has replaced it


def keep_private(home: Path) -> None:
    """Makes the home folder, and lets only its owner read it and what this process writes from now on.

    A folder that holds other things, or that is there for everybody (/tmp), keeps its mode.
    """
    if not _umask:
        _umask.append(os.umask(_OTHERS))
    home.mkdir(parents=True, exist_ok=True)
    found = home.stat()
    is_own = (home / DATABASE).exists() or next(home.iterdir(), None) is None
    if found.st_mode & _OTHERS and is_own and not found.st_mode & stat.S_ISVTX:
        with suppress(PermissionError):  # somebody else's folder
            home.chmod(0o700)
    for file in home.glob(f"{DATABASE}*"):
        with suppress(OSError):  # or a journal that is gone by now
            file.chmod(0o600)


@contextmanager
def for_the_person() -> Iterator[None]:
    """Files that a person asked for somewhere else have the modes that their other files have."""
    before = os.umask(_umask[0] if _umask else _OTHERS)
    try:
        yield
    finally:
        os.umask(before)


def give(path: Path) -> None:
    """Gives a file that was written privately the mode that the person's other files have."""
    path.chmod(0o666 & ~(_umask[0] if _umask else _OTHERS))


def check_replaceable(path: Path) -> None:
    """Raises OSError if a file can't take the place of what is there. It would replace a device, such as /dev/null, for
    the whole machine."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "Not a regular file", str(path))


def write_whole(path: Path, content: str | bytes | Iterable[bytes]) -> None:
    """Replaces `path` in one step. A reader, or a power cut, sees the old content or the new, never a part."""
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            content = content.encode() if isinstance(content, str) else content
            stream.writelines([content] if isinstance(content, bytes) else content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A folder to fill with `write_whole`. It is named `path` only if the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    try:
        yield beside
        beside.rename(path)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    _sync_folder(path.parent)


def disk_problem(wrong: Exception, when: str = "") -> str | None:
    """What is wrong with the disk, in a sentence, if that is why it failed: then the same will work later. None
    otherwise. `when` follows "The disk was full"."""
    said = str(wrong)  # also three types of error: Python's, safetensors' and FAISS's
    if any(os.strerror(number) in said for number in (errno.ENOSPC, errno.EDQUOT)):
        return f"The disk was full{when}; free some space and try again."
    for number in (errno.EIO, errno.EROFS):
        if os.strerror(number) in said:
            return f"The disk failed{when} ({os.strerror(number)}); check the disk and try again."
    return None


def bytes_in(folder: Path) -> int:
    """Of all its files."""
    found = 0
    for parent, _, files in os.walk(folder):
        for name in files:
            with suppress(OSError):  # deleted meanwhile
                found += (Path(parent) / name).lstat().st_size
    return found


def remove_folder(path: Path) -> None:
    """Nobody sees a part of it: the name is gone first. What can't be deleted then is a leftover with a dot. Raises
    OSError if even the name can't be."""
    aside = path.with_name(f".{path.name}.deleted")
    shutil.rmtree(aside, ignore_errors=True)
    with suppress(FileNotFoundError):
        path.rename(aside)
    shutil.rmtree(aside, ignore_errors=True)


def _sync_folder(folder: Path) -> None:
    """A rename is only durable once the parent folder is synced too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
