"""A run takes over from an earlier one what would come out the same, and measures only what changed."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from advisor.plan import Plan, Priorities, Setup
from advisor.runs.experiment import run_experiment
from advisor.runs.reuse import reusable, sentences_on
from advisor.schema import Candidate, Report
from advisor.storage.person import Person
from advisor.storage.personal import PersonalStore
from advisor.storage.store import Store
from advisor.storage.task_file import task_to_json
from advisor.storage.trial_files import read_trial
from eval.outcomes import Reused, Trial
from eval.task import Example, Split, Task
from tests.tiny_strategies import NOTING, tiny_task

PLAN = Plan("", Setup("message", "label"), strategies=("prompting", "finetuning"))
TASK, SPLIT = tiny_task(test=40)


@pytest.fixture(scope="module")
def measured_once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A home with a run, and the run."""
    folder = tmp_path_factory.mktemp("reuse")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("NOTES", str(folder / "notes"))
        run_id = measured(Store(folder / "home"))
    assert Counter((folder / "notes").read_text().splitlines())["fitted 24"] == 2
    return folder / "home", run_id


@pytest.fixture
def store(measured_once: tuple[Path, str], tmp_path: Path) -> Store:
    """With that run."""
    shutil.copytree(measured_once[0], tmp_path / "home")
    return Store(tmp_path / "home")


@pytest.fixture
def first(measured_once: tuple[Path, str]) -> str:
    return measured_once[1]


@pytest.fixture(autouse=True)
def noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Counter[str]]:
    """What was fitted and asked since the last look."""
    notes = tmp_path / "notes"
    monkeypatch.setenv("NOTES", str(notes))

    def look() -> Counter[str]:
        found = Counter(notes.read_text().splitlines()) if notes.exists() else Counter[str]()
        notes.unlink(missing_ok=True)
        return found

    return look


def measured(store: Store, split: Split = SPLIT, task: Task = TASK, plan: Plan = PLAN) -> str:
    dataset = store.add_dataset("tickets.csv", b"message,label\na,b\n")
    run = store.add_run(replace(plan, dataset_id=dataset.id), task_to_json(task, split))
    run_experiment(store, run.id, lambda step: None, lambda: False, NOTING)
    assert store.run(run.id).state == "done", store.run(run.id).reason
    return run.id


def trial_of(store: Store, run_id: str, name: str = "prompting") -> Trial:
    trial = read_trial(store.run_folder(run_id) / name)
    assert trial is not None
    return trial


def report_of(store: Store, run_id: str) -> Report:
    report = store.report(run_id)
    assert report is not None
    return report


def with_test(*test: Example) -> Split:
    return replace(SPLIT, test=test)


def test_the_same_comparison_again_asks_nothing_and_keeps_every_figure(
    store: Store, first: str, noted: Callable[[], Counter[str]]
) -> None:
    again = measured(store, plan=replace(PLAN, priorities=Priorities(monthly_volume=7_000)))
    assert not noted()
    for name in ("prompting", "finetuning", "baselines/nearest_example"):
        before, now = trial_of(store, first, name), trial_of(store, again, name)
        assert now.reused == Reused(first, 40) and replace(now, reused=None) == before
    third = trial_of(store, measured(store))
    assert third.reused == Reused(first, 40)  # the run that measured it, not the one that took it over


def test_changed_test_rows_alone_are_asked_and_the_others_keep_their_seconds(
    store: Store, first: str, noted: Callable[[], Counter[str]]
) -> None:
    moved = replace(SPLIT.test[0], input="a new message")
    again = measured(store, with_test(*SPLIT.test[1:], moved))
    asked = noted()
    assert "fitted 24" not in asked
    assert {line for line in asked if line.startswith("asked")} == {
        "asked a new message",
        "asked message 31",
    }  # warm-up
    before, now = trial_of(store, first), trial_of(store, again)
    assert now.reused == Reused(first, 39) and len(now.outcomes) == 40
    assert {one.example_id: one.seconds for one in now.outcomes[:-1]} == {
        one.example_id: one.seconds for one in before.outcomes[1:]
    }
    assert (now.fit_seconds, now.settings) == (before.fit_seconds, before.settings)
    assert any("39 of 40 answers" in note for note in candidate(report_of(store, again)).notes)


def test_a_corrected_answer_is_scored_again_without_asking(
    store: Store, first: str, noted: Callable[[], Counter[str]]
) -> None:
    before = trial_of(store, first)
    wrong = next(row for row, one in zip(SPLIT.test, before.outcomes, strict=True) if not one.score)
    corrected = [replace(row, target="billing") if row is wrong else row for row in SPLIT.test]
    now = trial_of(store, measured(store, with_test(*corrected)))
    assert not noted()
    assert sum(one.score for one in now.outcomes) == sum(one.score for one in before.outcomes) + 1


def test_rows_that_moved_in_the_file_are_the_same_rows(
    store: Store, first: str, noted: Callable[[], Counter[str]]
) -> None:
    train, dev, test = (
        tuple(replace(row, id=f"moved {row.id}") for row in side) for side in (SPLIT.train, SPLIT.dev, SPLIT.test)
    )
    moved = Split(train, dev, test)
    now = trial_of(store, measured(store, moved))
    assert not noted() and now.reused == Reused(first, 40)
    assert [one.example_id for one in now.outcomes] == [row.id for row in moved.test]


@pytest.mark.parametrize(
    ("split", "task", "plan"),
    [
        (replace(SPLIT, train=SPLIT.train[1:]), TASK, PLAN),
        (replace(SPLIT, dev=(replace(SPLIT.dev[0], target="billing"), *SPLIT.dev[1:])), TASK, PLAN),
        (SPLIT, replace(TASK, instruction="Sort these."), PLAN),
        (SPLIT, TASK, replace(PLAN, seed=1)),
        (SPLIT, TASK, replace(PLAN, preset="standard")),
        (SPLIT, TASK, replace(PLAN, reuses=False)),
    ],
)
def test_whatever_decides_a_fit_has_it_fitted_again(
    store: Store, noted: Callable[[], Counter[str]], split: Split, task: Task, plan: Plan
) -> None:
    now = trial_of(store, measured(store, split, task, plan))
    assert sum(count for line, count in noted().items() if line.startswith("fitted")) >= 2 and now.reused is None


def test_files_that_were_damaged_since_are_not_taken_over(
    store: Store, first: str, noted: Callable[[], Counter[str]]
) -> None:
    (store.run_folder(first) / "prompting/fitted/answer.json").write_text('{"answer": "nothing"}')
    again = measured(store, with_test(*SPLIT.test[:-1]))
    assert trial_of(store, again).reused is None and trial_of(store, again, "finetuning").reused == Reused(first, 39)
    assert noted()["fitted 24"] == 1


def test_another_strategy_is_added_to_what_was_measured(
    store: Store, first: str, noted: Callable[[], Counter[str]]
) -> None:
    again = measured(store, plan=replace(PLAN, strategies=("prompting", "retrieval", "finetuning")))
    assert noted()["fitted 24"] == 1
    assert trial_of(store, again).reused == Reused(first, 40) and trial_of(store, again, "retrieval").reused is None


def test_deleting_the_earlier_run_leaves_what_was_taken_over(store: Store, first: str) -> None:
    again = measured(store)
    store.delete_run(first)
    assert (store.run_folder(again) / "prompting/fitted/answer.json").read_text() == '{"answer": "billing"}'


def test_nothing_is_taken_over_from_another_person(store: Store, first: str, noted: Callable[[], Counter[str]]) -> None:
    """Also if they share it: the report would name their run, and its speed would tell of runs that they don't."""
    store.share_run(first, True)
    anna, bob = (Person(f"password:{name}", name) for name in ("anna", "bob"))
    for person, fitted in ((anna, 2), (bob, 2), (anna, 0)):
        noted()
        own = PersonalStore(store, person)
        dataset = own.add_dataset("tickets.csv", b"message,label\na,b\n")
        run = own.add_run(replace(PLAN, dataset_id=dataset.id), task_to_json(TASK, SPLIT))
        run_experiment(store, run.id, lambda step: None, lambda: False, NOTING)
        assert noted()["fitted 24"] == fitted
        assert (trial_of(store, run.id).reused is None) == bool(fitted)


def test_what_is_taken_over_and_why_something_is_not_is_said_before_the_start(store: Store, first: str) -> None:
    fewer = replace(SPLIT, test=SPLIT.test[:30])
    found = reusable(store, PLAN, TASK, fewer, Path("/nowhere"), "", NOTING)
    assert found["prompting"].answers == 30 and found["prompting"].run == first
    assert sentences_on(found) == [
        f"Prompting and adapter fine-tuning are taken over from run {first}, with 30 of 30 answers."
    ]
    learned = replace(SPLIT, train=SPLIT.train[1:])
    found = reusable(store, PLAN, TASK, learned, Path("/nowhere"), "", NOTING)
    assert sentences_on(found) == ["Prompting and adapter fine-tuning are set up again, because training rows changed."]


def candidate(report: Report) -> Candidate:
    found = report.candidates[0]
    assert isinstance(found, Candidate)
    return found


def test_the_run_with_most_answers_is_taken_and_not_the_newest(store: Store, first: str) -> None:
    measured(store, with_test(*SPLIT.test[:20], replace(SPLIT.test[20], input="another")))
    assert trial_of(store, measured(store)).reused == Reused(first, 40)
