"""Whether the worker is there is seen without its lock, and a worker that hangs can be ended."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import re
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from subprocess import Popen, TimeoutExpired
from time import monotonic

import psutil
import pytest
from filelock import FileLock

from advisor.runs.worker import start_worker
from advisor.storage.presence import end_worker, is_present, is_silent, present
from advisor.storage.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


@pytest.fixture
def worker(store: Store) -> Iterator[Popen[bytes]]:
    """As the pages start it. `end_worker` collects its exit code, after which multiprocessing would take it for alive
    until the tests end, and other tests count children."""
    process = start_worker(store)
    assert process is not None
    yield process
    process.kill()
    process.wait()


def test_looking_for_a_worker_never_keeps_one_from_starting(store: Store) -> None:
    """Even if a process is stopped while it looks."""
    (store.home / "worker.present").touch()
    with (store.home / "worker.present").open() as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)  # as `is_present` does for a moment
        assert not is_present(store.home)  # nor another one from looking
        with FileLock(store.home / "worker.lock", timeout=0), present(store.home) as beat:
            assert not is_present(store.home)
            fcntl.flock(looking, fcntl.LOCK_UN)
            beat()
            assert is_present(store.home)
    assert not is_present(store.home)


def test_a_stopped_worker_is_there_and_silent_after_two_minutes_and_can_be_ended(
    store: Store, worker: Popen[bytes]
) -> None:
    assert not store.worker_silent()
    os.kill(worker.pid, signal.SIGSTOP)  # a worker that hangs in code that never returns
    assert store.worker_alive() and not store.worker_silent()
    let_seconds_pass(store.home, 60)
    assert not store.worker_silent()
    let_seconds_pass(store.home, 70)
    assert store.worker_silent()
    end_worker(store.home)
    assert not psutil.pid_exists(worker.pid)
    assert not store.worker_alive() and not store.worker_silent()
    with FileLock(store.home / "worker.lock", timeout=0):  # so that the next one can start
        pass


def let_seconds_pass(home: Path, seconds: float) -> None:
    """Since the last sign of a worker that is stopped."""
    process, beat = (home / "worker.present").read_text().split()
    (home / "worker.present").write_text(f"{process} {float(beat) - seconds}")


def test_a_process_that_got_the_number_of_a_dead_worker_is_left_alone(store: Store) -> None:
    other = multiprocessing.get_context("spawn").Process(target=signal.pause)
    other.start()
    try:
        with present(store.home):  # the lock is held, but the file names somebody else
            file = store.home / "worker.present"
            text = re.sub(r"^ *\d+", f"{other.pid:>10}", file.read_text())
            file.write_text(text)
            end_worker(store.home)
        assert psutil.pid_exists(other.pid or 0) and other.is_alive()
    finally:
        other.kill()
        other.join()


def test_a_worker_gives_signs_of_life_while_it_is_idle(store: Store, worker: Popen[bytes]) -> None:
    file = store.home / "worker.present"
    before = file.read_text()
    with closing(file.open()) as opened:
        deadline = monotonic() + 60
        while (opened.seek(0), opened.read())[1] == before and monotonic() < deadline:
            with pytest.raises(TimeoutExpired):
                worker.wait(timeout=0.05)
        assert (opened.seek(0), opened.read())[1] != before
    assert is_present(store.home) and not is_silent(store.home)
