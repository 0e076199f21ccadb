"""How a child that computes behaves beside other programs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from advisor.runs import child
from advisor.runs.child import settle_in, spare_others, spawned
from eval.measuring.other_programs import cores_in_use

WAITING = "OMP_WAIT_POLICY"


@contextmanager
def busy_loop() -> Iterator[None]:
    loop = subprocess.Popen([sys.executable, "-c", "print(flush=True)\nwhile True: pass"], stdout=subprocess.PIPE)
    assert loop.stdout is not None and loop.stdout.readline()
    try:
        yield
    finally:
        loop.kill()
        loop.wait()
        loop.stdout.close()


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    for name in (WAITING, "GOMP_SPINCOUNT"):
        monkeypatch.delenv(name, raising=False)
    yield monkeypatch
    os.environ.pop(WAITING, None)


def test_beside_a_busy_loop_threads_wait_asleep(environment: pytest.MonkeyPatch) -> None:
    with busy_loop():
        assert cores_in_use() >= child.LEAST_IN_USE
        spare_others()
    assert os.environ[WAITING] == "passive"


def test_on_a_quiet_machine_and_where_the_person_decided_nothing_changes(environment: pytest.MonkeyPatch) -> None:
    environment.setattr(child, "cores_in_use", lambda: 0.1)
    spare_others()
    assert WAITING not in os.environ
    environment.setattr(child, "cores_in_use", lambda: 1.0)
    environment.setenv("GOMP_SPINCOUNT", "9")
    spare_others()
    assert WAITING not in os.environ


def test_torch_is_not_there_yet_when_a_step_begins() -> None:
    said = "import sys, advisor.runs.step, advisor.runs.timing; print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


def keep_weights(reports: Connection) -> None:
    folder = tempfile.mkdtemp()
    Path(folder, "weights").write_text("1 2 3")
    (kept,) = subprocess.run(["mktemp"], capture_output=True, text=True, check=True).stdout.split()  # another program
    reports.send([folder, kept])
    signal.pause()


def test_temporary_files_of_a_child_end_with_it() -> None:
    with spawned(keep_weights) as (_, heard):
        folder, kept = map(Path, heard.recv())
        assert (folder / "weights").exists() and kept.exists()
    assert not folder.parent.exists() and folder.parent == kept.parent != Path(tempfile.gettempdir())


def go_on(log: Path, reports: Connection) -> None:
    settle_in(log)
    os.write(2, b"nobody reads this")
    reports.send("went on")


def test_a_log_that_takes_nothing_ends_no_child_and_prints_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with spawned(go_on, tmp_path / "gone" / "log.txt") as (process, heard):
        assert heard.recv() == "went on"
        process.join()
    assert process.exitcode == 0 and capfd.readouterr() == ("", "")
