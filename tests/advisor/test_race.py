"""Candidates take turns, and answer no more test rows than the verdict takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import active_children, get_context
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from advisor.plan import Plan, Setup
from advisor.runs.contestant import Contestant
from advisor.runs.experiment import run_experiment
from advisor.runs.order import StepOrder
from advisor.runs.race import Racer, _time
from advisor.runs.so_far import SoFar, read_so_far
from advisor.runs.step import Standing, Time, Turn
from advisor.schema import Candidate, Report
from advisor.storage.store import Store
from advisor.storage.stored import StoredStep
from advisor.storage.task_file import task_to_json
from advisor.storage.trial_files import read_trial, write_trial
from eval.outcomes import EarlyStop, Outcome, Trial
from tests.tiny_strategies import RACING, serve, tiny_task, wait_until

TASK = tiny_task(train=24, test=200)
THREE = ("prompting", "retrieval", "finetuning")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


def add_run(store: Store, preset: str = "quick", asks_all_rows: bool = False) -> str:
    dataset = store.add_dataset("tickets.csv", b"message,label\nmessage 1,billing\nmessage 2,billing\n")
    plan = Plan(
        dataset.id,
        Setup("message", "label"),
        strategies=THREE,
        preset=preset,
        asks_all_rows=asks_all_rows,
        reuses=False,
    )
    return store.add_run(plan, task_to_json(*TASK)).id


def run(store: Store, run_id: str, listen: Callable[[StoredStep], None] = lambda _: None) -> Report:
    report = run_experiment(store, run_id, listen, lambda: store.cancel_requested(run_id), RACING)
    assert report is not None
    return report


def rows_of(report: Report) -> dict[str, int]:
    return {one.id: one.score.n for one in report.candidates if isinstance(one, Candidate)}


def test_what_cannot_be_chosen_stops_after_a_block_and_the_others_go_on(store: Store) -> None:
    run_id = add_run(store)
    report = run(store, run_id)
    prompting, retrieval, finetuning = report.candidates
    assert isinstance(prompting, Candidate) and isinstance(retrieval, Candidate) and isinstance(finetuning, Candidate)
    assert prompting.stopped is not None and prompting.stopped.why == "behind"
    assert prompting.stopped.chance is not None and prompting.stopped.chance < 0.005
    assert rows_of(report)["prompting"] == 50
    assert retrieval.stopped is None or retrieval.stopped.why == "settled"
    assert retrieval.score.n == finetuning.score.n > 50
    assert report.recommendation.choice == "retrieval"
    assert prompting.latency_seconds is not None and prompting.latency_seconds.n == 20
    pairs = {(one.a, one.b): one.n for one in report.comparisons}
    assert pairs["prompting", "retrieval"] == 50 and pairs["retrieval", "finetuning"] == retrieval.score.n


def test_the_same_rows_are_timed_one_of_each_candidate_in_turn(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    take, timed = Racer.take, list[tuple[str, int]]()

    def noted(self: Racer, turn: Turn) -> Standing | None:
        if isinstance(turn, Time):
            timed.append((self.order.strategy, turn.row))
        return take(self, turn)

    monkeypatch.setattr(Racer, "take", noted)
    run_id = add_run(store)
    run(store, run_id)
    assert [name for name, _ in timed[:60]] == [*THREE] * 20
    trials = [read_trial(store.run_folder(run_id) / name) for name in THREE]
    ids = [[one.example_id for one in trial.outcomes if one.seconds is not None] for trial in trials if trial]
    assert ids[0] == ids[1] == ids[2] and len(ids[0]) == 20


@pytest.mark.parametrize(("preset", "asked"), [("thorough", False), ("quick", True)])
def test_all_rows_are_answered_with_a_large_budget_or_if_the_person_asks_for_it(
    preset: str, asked: bool, store: Store
) -> None:
    report = run(store, add_run(store, preset, asked))
    assert set(rows_of(report).values()) == {200}
    assert all(one.stopped is None for one in report.candidates if isinstance(one, Candidate))


def test_children_that_left_for_want_of_memory_go_on_where_they_were(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(store, add_run(store))
    take = Racer.take

    def short_of_memory(self: Racer, turn: Turn) -> Standing | None:
        standing = take(self, turn)
        return replace(standing, has_room=False) if standing else None

    monkeypatch.setattr(Racer, "take", short_of_memory)
    run_id = add_run(store)
    again = run(store, run_id)
    assert [one.score for one in again.candidates if isinstance(one, Candidate)] == [
        one.score for one in whole.candidates if isinstance(one, Candidate)
    ]
    assert (store.run_folder(run_id) / "retrieval" / "fits.txt").read_text().splitlines() == ["fitted"]


def test_a_run_that_is_killed_between_blocks_goes_on_without_fitting_again(store: Store) -> None:
    run_id = add_run(store)
    worker = get_context("spawn").Process(target=serve, args=(store.home, RACING))
    worker.start()
    folder = store.run_folder(run_id)

    def has_answered_a_block() -> bool:
        begun = read_trial(folder / "retrieval" / "begun")
        return begun is not None and len(begun.outcomes) >= 50

    try:
        wait_until(has_answered_a_block, worker)
    finally:
        worker.kill()
        worker.join()
    assert store.run(run_id).state == "interrupted"
    report = run(store, run_id)
    assert (folder / "retrieval" / "fits.txt").read_text().splitlines() == ["fitted"]
    assert rows_of(report) == rows_of(run(store, add_run(store)))
    assert not list(folder.glob("*/begun"))


def test_a_verdict_stands_before_all_candidates_are_measured(store: Store) -> None:
    run_id = add_run(store)
    told: list[SoFar] = []

    def listen(step: StoredStep) -> None:
        if (found := read_so_far(store.run_folder(run_id))) and (not told or told[-1].missing != found.missing):
            assert found.scores and found.headline
            told.append(found)

    report = run(store, run_id, listen)
    assert [one.missing for one in told] == [THREE, ("retrieval", "finetuning"), ("finetuning",), ()]
    best = max(report.baselines, key=lambda one: one.score.mean if isinstance(one, Candidate) else -1.0)
    assert list(told[0].scores) == [best.id] and told[0].choice is None and "best baseline" in told[0].evidence


def test_a_child_that_dies_between_its_turns_is_started_again(store: Store) -> None:
    whole = run(store, add_run(store))
    run_id = add_run(store)
    killed: list[int] = []

    def kill_the_first(step: StoredStep) -> None:
        if step.strategy == "retrieval" and not killed:
            waiting = min(active_children(), key=lambda child: child.pid or 0)
            killed.append(waiting.pid or 0)
            waiting.kill()

    report = run(store, run_id, kill_the_first)
    assert killed and all(isinstance(one, Candidate) for one in report.candidates)
    assert rows_of(report) == rows_of(whole)


def test_why_it_stopped_survives_the_disk(store: Store) -> None:
    run_id = add_run(store)
    run(store, run_id)
    trial = read_trial(store.run_folder(run_id) / "prompting")
    assert trial is not None and isinstance(trial.stopped, EarlyStop)


def test_what_had_finished_when_its_run_was_killed_counts_as_done(store: Store) -> None:
    run_id = add_run(store)
    run(store, run_id)
    finished = next(step for step in store.steps(run_id) if step.strategy == "retrieval")
    store.retry_step(run_id, "finetuning")
    store.save_step(replace(finished, state="interrupted"))  # killed after the trial was written, before it was told
    run(store, run_id)
    assert {step.state for step in store.steps(run_id)} == {"done"}


def test_only_its_own_turns_count_and_those_of_an_earlier_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[StoredStep] = []

    def racer(name: str) -> Racer:
        return Racer(StepOrder(tmp_path, name, "quick", "embedded", 0), 300, 200, told.append, lambda: False)

    begun = StepOrder(tmp_path, "retrieval", "quick", "embedded", 0).begun
    begun.mkdir(parents=True)
    answers = tuple(Outcome(f"r{at}", "retrieval", "billing", 1.0, {}, 8, 1) for at in range(50))
    write_trial(begun, Trial("retrieval", "done", outcomes=answers, fit_seconds=80.0, requests_per_second=2.5))
    new, resumed = racer("prompting"), racer("retrieval")
    passed = time.monotonic() + 1000  # with the turns of others
    monkeypatch.setattr(time, "monotonic", lambda: passed)
    new.wait()
    resumed.wait()
    assert [step.worked_seconds for step in told] == [0, 100]
    assert [step.remaining_seconds for step in told] == [pytest.approx(300, abs=1), pytest.approx(200, abs=1)]


def test_the_peak_of_memory_is_that_of_all_its_processes(store: Store) -> None:
    """Fitting takes most, and another process may answer."""
    run_id = add_run(store)
    order = StepOrder(store.run_folder(run_id), "retrieval", "quick", "embedded", 0, RACING)
    order.folder.mkdir()
    Contestant(order, *TASK, lambda progress: None).answer(50)
    begun = read_trial(order.begun)
    assert begun is not None and begun.peak_memory_bytes
    write_trial(order.begun, replace(begun, peak_memory_bytes=10**15))
    run(store, run_id)
    trial = read_trial(order.folder)
    assert trial is not None and trial.status == "done" and trial.peak_memory_bytes == 10**15


def test_a_child_whose_place_another_thread_wants_while_it_ends_ends_once(tmp_path: Path) -> None:
    is_ending, is_wanted = Event(), Event()
    ended: list[str] = []

    @contextmanager
    def slow_to_end() -> Iterator[None]:
        yield
        is_ending.set()
        assert is_wanted.wait(60)
        ended.append("ended")

    racer = Racer(StepOrder(tmp_path, "prompting", "quick", "embedded", 0), None, 10, lambda _: None, lambda: False)
    racer._alive = slow_to_end()
    racer._alive.__enter__()
    with ThreadPoolExecutor() as threads:
        leaving = threads.submit(racer.leave)
        assert is_ending.wait(60)
        try:
            racer.leave_if_idle()
        finally:
            is_wanted.set()
        leaving.result()
    assert ended == ["ended"] and not racer.is_alive


class Timed:
    """A racer as far as it is timed. At its third turn, its child has to take the place of another one's."""

    def __init__(self, name: str, taken: list[str], takes_place_of: Timed | None = None) -> None:
        self.order = StepOrder(Path(), name, "quick", "embedded", 0)
        self.is_running = self.is_alive = True
        self.trial = Trial(name, "done", outcomes=tuple(outcome_of(row) for row in range(8)))
        self._taken, self._takes_place_of, self._rows = taken, takes_place_of, list[str]()

    def take(self, turn: Turn) -> Standing:
        self.is_alive = True
        self._taken.append(self.order.strategy)
        if isinstance(turn, Time):
            self._rows.append(f"r{turn.row}")
            if self._takes_place_of and len(self._rows) == 3:
                self._takes_place_of.leave()
        else:
            timed = [replace(one, seconds=0.1) if one.example_id in self._rows else one for one in self.trial.outcomes]
            self.trial = replace(self.trial, outcomes=tuple(timed))
        return Standing(self.trial)

    def wait(self) -> None: ...

    def leave(self) -> None:
        self.is_alive = False
        self._rows.clear()


def outcome_of(row: int) -> Outcome:
    return Outcome(f"r{row}", "prompting", "billing", 1.0, {}, 8, 1)


def test_who_had_to_leave_while_answers_were_timed_is_timed_alone() -> None:
    taken: list[str] = []
    second = Timed("second", taken)
    racers: list[Any] = [Timed("first", taken, second), second]
    _time(racers, range(8))
    assert taken == ["first", "second"] * 2 + ["first"] * 7 + ["second"] * 9
    assert all(one.seconds is not None for racer in racers for one in racer.trial.outcomes)
