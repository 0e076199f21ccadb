"""No temporary file outlasts the process that made it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from eval.reading.apart import read_table_apart
from eval.temporary import NAME, temporary_folder

HOLDS_ONE = """
from eval.temporary import NAME, temporary_folder
with temporary_folder() as folder:
    (folder / "private.txt").write_text("a name")
    print(folder, flush=True)
    input()
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def test_what_a_killed_process_left_goes_with_the_next_upload(place: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDS_ONE], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as killed:
        assert killed.stdout is not None
        left = Path(killed.stdout.readline().decode().strip())
        with temporary_folder():
            assert (left / "private.txt").exists()  # it is at work
        assert left.parent == place and left.stat().st_mode & 0o777 == 0o700
        killed.kill()
    assert (left / "private.txt").exists()
    read_table_apart("task.csv", b"input,label\nHello,a\nBye,b\n")
    assert not list(place.iterdir())


def test_only_this_machine_removes_what_its_killed_processes_left(place: Path) -> None:
    """Another one has other processes, and may share the folder."""
    over = subprocess.Popen(["true"])
    over.wait()
    left, running, elsewhere = (
        place / f"{name}{process}-x"
        for name, process in (
            (NAME, over.pid),
            (NAME, os.getpid()),
            ("threeways-other@", over.pid),
        )
    )
    for folder in (left, running, elsewhere):
        folder.mkdir()
    with temporary_folder():
        assert [folder.exists() for folder in (left, running, elsewhere)] == [False, True, True]
