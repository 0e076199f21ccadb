from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path

import psutil
import pytest
from filelock import FileLock

from advisor.plan import Plan, Setup
from advisor.runs.worker import start_worker, work
from advisor.storage.judge_queue import ask_judge, judging_of
from advisor.storage.store import Store
from advisor.storage.stored import StoredStep
from advisor.storage.task_file import task_to_json
from advisor.storage.tries import add_try, new_try, waiting_tries
from tests.tiny_strategies import ENDLESS, FATAL, STEADY, serve, tiny_task, wait_until

TABLE = b"message,label\n" + b"".join(b"text %d,%s\n" % (row, (b"yes", b"no")[row % 2]) for row in range(30))
ROOT = Path(__file__).parents[2]
StartWorker = Callable[[str], BaseProcess]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


@pytest.fixture
def worker(store: Store) -> Iterator[StartWorker]:
    """Starts a real worker whose strategies come from `build_strategy`; those that still run are ended afterwards."""
    started: list[BaseProcess] = []

    def start(build_strategy: str) -> BaseProcess:
        process = multiprocessing.get_context("spawn").Process(target=serve, args=(store.home, build_strategy))
        process.start()
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.join()


def add_run(store: Store, *strategies: str) -> str:
    dataset = store.add_dataset("tickets.csv", TABLE)
    return store.add_run(Plan(dataset.id, Setup("message", "label"), strategies=strategies, reuses=False), _TASK).id


_TASK = task_to_json(*tiny_task())


def states(store: Store, run_id: str) -> list[str]:
    return [step.state for step in store.steps(run_id)]


def computing(store: Store, run_id: str) -> StoredStep | None:
    return next((step for step in store.steps(run_id) if "process" in step.stage), None)


def stage_of(store: Store, run_id: str) -> str:
    """Names the process that computes, or that did before its worker ended."""
    step = computing(store, run_id)
    return step.stage if step else ""


def is_at_another(store: Store, run_id: str, stage: str) -> bool:
    return stage_of(store, run_id) not in ("", stage)


def test_runs_are_taken_in_the_order_they_came(store: Store, worker: StartWorker) -> None:
    broken, sound = add_run(store, "prompting"), add_run(store, "prompting")
    (store.run_folder(broken) / "task.json").write_text("{")
    process = worker(STEADY)
    wait_until(lambda: store.run(sound).state == "done", process)
    assert store.worker_alive()
    first, second = store.run(broken), store.run(sound)
    assert first.state == "failed" and "can't be read" in (first.reason or "")
    assert first.ended_at is not None and second.started_at is not None
    assert first.ended_at <= second.started_at


def test_a_run_whose_folder_is_gone_fails_and_the_next_one_runs(store: Store, worker: StartWorker) -> None:
    gone, sound = add_run(store, "prompting"), add_run(store, "prompting")
    shutil.rmtree(store.run_folder(gone))
    process = worker(STEADY)
    wait_until(lambda: store.run(sound).state == "done", process)
    failed = store.run(gone)
    assert failed.state == "failed"
    assert failed.reason == f"The folder of this run is gone ({store.run_folder(gone)}); start the comparison again."


def test_a_run_that_ends_every_worker_fails_after_three_more_and_the_next_one_runs(
    store: Store, worker: StartWorker
) -> None:
    fatal, sound = add_run(store, "retrieval"), add_run(store, "prompting")
    for _ in range(4):  # the first one got as far as the baselines
        process = worker(FATAL)
        process.join(timeout=60)
        assert process.exitcode == -signal.SIGKILL and store.run(fatal).state == "interrupted"
        assert store.queue_position(sound) == 2
    wait_until(lambda: store.run(sound).state == "done", worker(FATAL))
    failed = store.run(fatal)
    assert failed.state == "failed" and states(store, fatal) == ["done", "cancelled"]
    assert (failed.reason or "").startswith(
        "The process of this run was ended 3 times before it got any further, perhaps because memory ran out. The last "
        "time, retrieval was at “filling memory”."
    )
    store.retry_step(fatal, "retrieval")
    assert store.start_run(fatal)  # a person's retry has three attempts of its own


def test_attempts_count_anew_when_a_run_gets_further_and_not_when_its_worker_is_asked_to_end(
    store: Store, worker: StartWorker
) -> None:
    run_id = add_run(store, "prompting", "retrieval")
    stage = ""
    for attempts, end in ((1, "kill"), (1, "kill"), (2, "terminate")):  # the first one measured prompting
        process = worker(ENDLESS)
        wait_until(partial(is_at_another, store, run_id, stage), process)
        stage = stage_of(store, run_id)
        assert store.run(run_id).attempts == attempts
        getattr(process, end)()
        process.join()
    assert (store.run(run_id).state, store.run(run_id).attempts) == ("interrupted", 1)
    assert store.run(run_id).measured > 0
    with FileLock(store.home / "device.lock"):
        assert store.start_run(run_id, store.run(run_id).measured + 1)
        assert store.run(run_id).attempts == 1


def test_what_cannot_be_answered_judged_or_timed_leaves_the_queue(store: Store, worker: StartWorker) -> None:
    """Each of these would end every worker that takes it up."""
    spoiled, sound = add_run(store, "prompting"), add_run(store, "prompting")
    for run_id in (spoiled, sound):
        store.end_run(run_id, "done")
    add_try(store, new_try(spoiled, "my invoice", ("a strategy of another version",)))
    (store.home / "tries" / "a folder").mkdir()
    (store.home / "tries" / "000").write_bytes(b"\xff\x00")
    ask_judge(store, spoiled, "served:judge@http://127.0.0.1:9/v1")
    (store.run_folder(spoiled) / "task.json").unlink()
    store.request_speed("a\0b")
    process = worker(STEADY)
    wait_until(lambda: not waiting_tries(store), process)
    wait_until(lambda: (judged := judging_of(store, spoiled)) is None or judged.state == "failed", process)
    timed = store.speed("a\0b")
    assert timed is not None and timed.problem
    next_one = add_run(store, "prompting")
    wait_until(lambda: store.run(next_one).state == "done", process)


def test_a_page_cancels_what_the_worker_computes(store: Store, worker: StartWorker) -> None:
    run_id = add_run(store, "retrieval", "prompting")
    process = worker(ENDLESS)
    wait_until(lambda: computing(store, run_id) is not None, process)
    store.cancel(run_id)
    wait_until(lambda: store.run(run_id).state == "cancelled", process)
    assert states(store, run_id) == ["done", "cancelled", "cancelled"]


@pytest.mark.parametrize("end", ["terminate", "kill"])
def test_a_run_is_taken_up_where_its_worker_ended(store: Store, worker: StartWorker, end: str) -> None:
    run_id = add_run(store, "prompting", "retrieval")
    process = worker(ENDLESS)
    wait_until(lambda: computing(store, run_id) is not None, process)
    step = computing(store, run_id)
    assert step is not None
    child = psutil.Process(int(step.stage.rsplit(maxsplit=1)[1]))
    fitted = store.run_folder(run_id) / "prompting" / "fitted" / "answer.json"
    written_at = fitted.stat().st_mtime_ns
    getattr(process, end)()
    process.join()
    child.wait(timeout=30)  # it does not outlive its worker
    assert not store.worker_alive()
    assert store.run(run_id).state == "interrupted"
    assert states(store, run_id) == ["done", "interrupted", "interrupted"]
    wait_until(lambda: store.run(run_id).state == "done", worker(STEADY))
    assert states(store, run_id) == ["done", "done", "done"]
    assert fitted.stat().st_mtime_ns == written_at  # it went on with what was fitted


def test_a_second_worker_leaves_at_once_and_the_first_stays(store: Store) -> None:
    first = start_worker(store)
    assert first is not None
    try:
        assert store.worker_alive()
        assert start_worker(store) is None
        command = [sys.executable, "-m", "advisor.runs.worker", "--home", str(store.home)]
        second = subprocess.run(command, capture_output=True, timeout=60, check=False)
        assert (second.returncode, second.stdout, second.stderr) == (0, b"", b"")
        assert first.poll() is None
        shutil.rmtree(store.home)
        assert first.wait(timeout=60) == 0  # its home is gone
    finally:
        first.kill()
        first.wait()


def test_a_worker_has_a_lower_priority_than_the_pages(store: Store) -> None:
    started = start_worker(store)
    assert started is not None
    try:
        assert store.worker_alive()
        assert psutil.Process(started.pid).nice() == os.nice(0) + 10
        group = Path(f"/proc/{started.pid}/autogroup")
        if group.exists():  # then the number above counts within its session only
            assert group.read_text().endswith(" nice 10\n")
    finally:
        started.kill()
        started.wait()


def test_a_worker_ends_when_nothing_is_left_to_do(store: Store) -> None:
    run_id = add_run(store, "prompting")
    process = multiprocessing.get_context("spawn").Process(target=work, args=(store, STEADY, 0.0))
    process.start()
    process.join(timeout=60)
    assert process.exitcode == 0
    assert store.run(run_id).state == "done"


def test_a_worker_deletes_what_killed_processes_left(store: Store) -> None:
    old, new = store.home / "datasets" / ".abc.x1", store.home / "datasets" / ".def.x2"
    for folder in (old, new):
        folder.mkdir(parents=True)
        (folder / "upload").write_text("half of a")
    os.utime(old, (time.time() - 7200,) * 2)
    process = multiprocessing.get_context("spawn").Process(target=work, args=(store, STEADY, 0.0))
    process.start()
    process.join(timeout=60)
    assert process.exitcode == 0
    assert not old.exists() and (new / "upload").exists()


def test_a_worker_ends_when_the_code_on_disk_is_another(store: Store, tmp_path: Path) -> None:
    for package in ("advisor", "strategies", "eval"):
        shutil.copytree(ROOT / package, tmp_path / "installed" / package, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "advisor.runs.worker", "--home", str(store.home)]
    worker = subprocess.Popen(command, cwd=tmp_path / "installed")
    try:
        while not store.worker_alive():
            with pytest.raises(subprocess.TimeoutExpired):
                worker.wait(timeout=0.05)
        with pytest.raises(subprocess.TimeoutExpired):
            worker.wait(timeout=1.5)
        os.utime(tmp_path / "installed" / "eval" / "task.py", (0, 0))
        assert worker.wait(timeout=60) == 0
    finally:
        worker.kill()
        worker.wait()


def test_a_timing_that_cannot_be_taken_leaves_its_reason(store: Store, worker: StartWorker) -> None:
    store.request_speed("/no/such/model")
    process = worker(STEADY)

    def problem() -> str | None:
        speed = store.speed("/no/such/model")
        return speed.problem if speed else None

    wait_until(lambda: problem() is not None, process)
    assert (problem() or "").startswith("There is no folder /no/such/model.")
    assert store.requested_speed() is None


def test_the_processes_that_wait_never_load_torch() -> None:
    program = "import sys, advisor.runs.worker, advisor.command_line.commands; print('torch' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "False"
