"""A timing of the machine is used while it holds, and taken again when it no longer does."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
from filelock import FileLock

from advisor.estimate import busy_sentence, busy_share
from advisor.plan import Plan, Setup
from advisor.runs.timing import estimate_run, is_outdated, read_estimate, skip_timings, take_speed
from advisor.storage.store import Store
from advisor.storage.stored import StoredSpeed
from advisor.storage.task_file import task_to_json
from eval.measuring.other_programs import MATERIAL_SHARE
from eval.measuring.runner import measure
from eval.outcomes import Prediction
from eval.scoring import Scorer
from eval.task import Example, Kind
from tests.tiny_model import save_tiny_model
from tests.tiny_strategies import SPEED, tiny_task

HOUR = 3600.0
NOWHERE = "/no/such/model"  # asked for a timing, it leaves a problem at once


def stored(busy: float | None, hours_old: float) -> StoredSpeed:
    made_at = 100 * HOUR - hours_old * HOUR
    return StoredSpeed("embedded", made_at, made_at, replace(SPEED, busy=busy), None)


@pytest.mark.parametrize(
    ("busy", "hours_old", "busy_now", "outdated"),
    [
        (0.0, 2.0, 0.05, False),
        (0.0, 2.0, 0.2, False),
        (0.0, 2.0, 0.5, True),  # something else has started
        (0.9, 2.0, 0.1, True),  # what slowed the timing has ended
        (0.9, 2.0, 0.8, False),
        (0.9, 0.05, 0.1, False),  # timed three minutes ago
        (0.0, 25.0, 0.0, True),
        (None, 2.0, 0.9, False),  # of a version that did not look at the load: its age alone counts
        (None, 25.0, 0.0, True),
    ],
)
def test_a_timing_holds_for_a_day_under_the_load_it_was_taken_at(
    busy: float | None, hours_old: float, busy_now: float, outdated: bool
) -> None:
    assert is_outdated(stored(busy, hours_old), lambda: busy_now, now=100 * HOUR) == outdated


def test_a_program_that_keeps_a_core_busy_counts_as_load() -> None:
    burning = subprocess.Popen(
        [sys.executable, "-c", "print(flush=True)\nwhile True: pass"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert burning.stdout is not None and burning.stdout.readline() == "\n"
        seen = busy_share()
    finally:
        burning.kill()
        burning.wait()
    assert 0.8 / len(os.sched_getaffinity(0)) <= seen <= 1


class Spinning:
    name: ClassVar[str] = "spinning"

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        until = time.perf_counter() + 0.1
        while time.perf_counter() < until:
            pass
        return [Prediction("yes", 1, 1) for _ in inputs]


def test_answers_are_timed_again_while_other_programs_are_busy_and_it_is_noted() -> None:
    rows = [Example(str(at), f"Question {at}", "yes") for at in range(10)]
    stages: list[str] = []
    spin = [sys.executable, "-c", "print(flush=True)\nwhile True: pass"]
    others = [subprocess.Popen(spin, stdout=subprocess.PIPE, text=True) for _ in os.sched_getaffinity(0)]
    try:
        for one in others:
            assert one.stdout is not None and one.stdout.readline() == "\n"
        measured = measure(
            Spinning(), rows, Scorer(Kind.ANSWERING, None, ()), 8, lambda stage, done, total: stages.append(stage)
        )
    finally:
        for one in others:
            one.kill()
            one.wait()
    assert measured.busy is not None and measured.busy > MATERIAL_SHARE
    timed = [stage for stage in stages if "timing" in stage]
    assert len(timed) == 16 and len(set(timed)) == 2
    assert sum(outcome.seconds is not None for outcome in measured.outcomes) == 8


def test_only_an_estimate_from_a_busy_machine_says_so() -> None:
    assert busy_sentence(SPEED) is None
    assert busy_sentence(replace(SPEED, busy=MATERIAL_SHARE)) is None
    assert busy_sentence(replace(SPEED, busy=0.52)) == (
        "Other programs used 52 % of the processor when this machine was timed, "
        "so the run will be faster than this if they stop."
    )


@pytest.mark.parametrize("hours_old", [1, 30])
def test_a_run_is_estimated_from_a_timing_that_holds(tmp_path: Path, hours_old: float) -> None:
    store = Store(tmp_path)
    dataset = store.add_dataset("tickets.csv", b"message,label\nmy parcel,late\nmy money,refund\n")
    plan = Plan(dataset.id, Setup("message", "label"), strategies=("prompting",), model=NOWHERE)
    run = store.add_run(plan, task_to_json(*tiny_task()))
    store.save_speed(NOWHERE, SPEED)
    age(store, hours_old)
    estimated = estimate_run(store, run.id)
    known = store.speed(NOWHERE)
    assert known is not None
    if hours_old == 1:
        assert estimated == read_estimate(store.run_folder(run.id)) and estimated["prompting"] > 0
        assert known.speed == SPEED
    else:  # timed again, which this model does not allow
        assert estimated == {} and known.speed is None
        assert (known.problem or "").startswith(f"There is no folder {NOWHERE}.")


ENDLESS = "{% for one in range(99999) %}{% for two in range(99999) %}{% endfor %}{% endfor %}"


def endless_model(folder: Path) -> str:
    """A model whose chat template goes on for hours."""
    save_tiny_model(folder)
    (folder / "chat_template.jinja").write_text(ENDLESS)
    return str(folder)


def test_a_timing_that_never_ends_is_ended_and_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, model = Store(tmp_path / "home"), endless_model(tmp_path / "model")
    monkeypatch.setattr("advisor.runs.timing._SECONDS_FOR_ANY", 1.0)
    store.request_speed(model)
    take_speed(store, model)
    timed = store.speed(model)
    assert timed is not None and timed.speed is None and store.requested_speed() is None
    assert "didn't end within" in (timed.problem or "") and "chat template may never end" in (timed.problem or "")
    with FileLock(store.home / "device.lock", timeout=0):  # the machine is free again
        pass


def test_a_timing_ends_when_it_is_skipped_and_when_its_run_is_cancelled(tmp_path: Path) -> None:
    store, model = Store(tmp_path / "home"), endless_model(tmp_path / "model")
    store.request_speed(model)
    looks: list[bool] = []

    def skipped() -> bool:
        looks.append(store.requested_speed() != model)
        if len(looks) == 5:
            skip_timings(store)
        return looks[-1]

    take_speed(store, model, skipped)
    assert looks[-1] and len(looks) >= 6
    timed = store.speed(model)
    assert timed is not None and (timed.problem or "").startswith("You skipped the timing")
    store.request_speed(model)
    take_speed(store, model, lambda: True)
    assert store.requested_speed() == model  # nothing was said about it


def test_a_timing_from_a_time_to_come_is_taken_again() -> None:
    """Otherwise it would stand until a clock that was set back has caught up."""
    assert is_outdated(stored(0.0, -2.0), lambda: 0.0, now=100 * HOUR)


def age(store: Store, hours: float) -> None:
    """Makes every timing that many hours older."""
    with sqlite3.connect(store.home / "threeways.sqlite") as database:
        database.execute("UPDATE speeds SET made_at = made_at - ?", (hours * HOUR,))
