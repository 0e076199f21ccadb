"""How long a run still takes: the steps that haven't ended, in the range of their estimates."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from advisor.learned_times import StepTime
from advisor.plan import Plan, Setup
from advisor.runs.time_left import TimeLeft, queued, time_left
from advisor.runs.timing import estimate_run, expected_times, read_times
from advisor.storage.store import Store
from advisor.storage.stored import StoredStep
from advisor.storage.task_file import task_to_json
from tests.tiny_strategies import SPEED, tiny_task

TIMES = {"prompting": StepTime(10, 10, 8, 15), "finetuning": StepTime(100, 200, 100, 300)}
WAITING = (StoredStep("run", "prompting"), StoredStep("run", "finetuning"))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path)
    store.save_speed("embedded", SPEED)
    return store


def add_run(store: Store) -> str:
    dataset = store.add_dataset("tickets.csv", b"message,label\nmy parcel,late\nmy money,refund\n")
    plan = Plan(dataset.id, Setup("message", "label"), strategies=("prompting",))
    return store.add_run(plan, task_to_json(*tiny_task())).id


def test_what_has_ended_takes_no_time_and_what_runs_says_how_long() -> None:
    assert time_left(WAITING, TIMES) == TimeLeft(108, 315)
    done, waiting = replace(WAITING[0], state="done"), WAITING[1]
    assert time_left((done, waiting), TIMES) == TimeLeft(100, 300)
    running = replace(waiting, state="running", remaining_seconds=50.0)  # a quarter of what is likely
    assert time_left((done, running), TIMES) == TimeLeft(25, 75)


def test_a_step_without_an_estimate_makes_all_of_it_unknown() -> None:
    assert time_left(WAITING, {"prompting": TIMES["prompting"]}) is None


def test_a_run_that_waits_is_estimated_from_the_present_timing_and_keeps_nothing(store: Store) -> None:
    run_id = add_run(store)
    found = expected_times(store, run_id)
    assert list(found) == ["baselines", "prompting"]
    assert read_times(store.run_folder(run_id)) == {}
    estimate_run(store, run_id)
    assert read_times(store.run_folder(run_id)) == found
    (store.run_folder(run_id) / "task.json").unlink()
    assert expected_times(store, run_id) == found


def test_a_run_starts_when_those_before_it_have_ended(store: Store) -> None:
    first, second, third = (add_run(store) for _ in range(3))
    one = time_left(store.steps(first), expected_times(store, first))
    assert one is not None

    def place_of(run_id: str) -> tuple[str | None, int, TimeLeft | None]:
        place = queued(store, store.run(run_id), lambda each: expected_times(store, each))
        assert place is not None
        return place.running.id if place.running else None, place.before, place.starts_in

    assert place_of(first) == (None, 0, TimeLeft())
    assert place_of(third) == (None, 2, one + one)
    with store.device_lock:
        assert store.start_run(first)
        assert place_of(second) == (first, 0, one)
        assert place_of(third) == (first, 1, one + one)
        assert queued(store, store.run(first), lambda _: {}) is None
        unknown = queued(store, store.run(third), lambda _: {})
    assert unknown is not None and unknown.starts_in is None
