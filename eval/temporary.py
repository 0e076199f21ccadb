"""Folders for temporary files, which hold people's data and weights. None outlasts its process, however that ends: each
is named after its process, and the next process that makes one removes those whose process is gone."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

NAME = f"threeways-{platform.node()}@"  # several machines or containers may share the place of such folders


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder that only this account can read, until the block ends. Raises OSError if none can be made."""
    remove_leftovers()
    folder = Path(tempfile.mkdtemp(prefix=f"{NAME}{os.getpid()}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def keep_temporary_files_in(folder: Path) -> None:
    """Those of this process, of its libraries, and of processes that it starts, from now on."""
    tempfile.tempdir = str(folder)
    os.environ["TMPDIR"] = str(folder)


def remove_leftovers() -> None:
    """The folders of processes on this machine that were killed before they could clean up."""
    for folder in Path(tempfile.gettempdir()).glob(f"{NAME}*"):
        process = folder.name.removeprefix(NAME).partition("-")[0]
        if process.isdecimal() and not psutil.pid_exists(int(process)):
            shutil.rmtree(folder, ignore_errors=True)
