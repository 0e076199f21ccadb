"""A finished run answers new inputs: through the queue, in a child of the worker."""

from __future__ import annotations

import multiprocessing
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from advisor.plan import BASELINES_STEP, Plan, Setup
from advisor.runs.trying import NOTHING_SAVED, TryDesk, strategies_to_try, tryable
from advisor.storage.person import Person
from advisor.storage.personal import PersonalStore
from advisor.storage.store import Store
from advisor.storage.stored import StoredRun, StoredStep
from advisor.storage.task_file import task_to_json
from advisor.storage.trial_files import write_trial
from advisor.storage.tries import KEPT, MOST_CHARACTERS, Try, add_try, new_try, read_try, tries_of, waiting_tries
from eval.outcomes import Trial
from eval.task import BadInput
from tests.tiny_strategies import ENDLESS, STEADY, CommonestAnswer, serve, tiny_task, wait_until

TABLE = b"message,label\n" + b"".join(b"text %d,%s\n" % (row, (b"yes", b"no")[row % 2]) for row in range(30))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


@pytest.fixture
def desk(store: Store) -> Iterator[TryDesk]:
    desk = TryDesk(store, STEADY)
    yield desk
    desk.close()


def add_run(store: Store, *strategies: str) -> StoredRun:
    dataset = store.add_dataset("tickets.csv", TABLE)
    plan = Plan(dataset.id, Setup("message", "label"), strategies=strategies)
    return store.add_run(plan, task_to_json(*tiny_task()))


def finished(store: Store, *strategies: str) -> StoredRun:
    """A run that has ended, with what its steps save; of the baselines, one."""
    run = add_run(store, *strategies)
    _, split = tiny_task()
    for name in (f"{BASELINES_STEP}/majority_label", *strategies):
        strategy = CommonestAnswer()
        folder = store.run_folder(run.id) / name
        (folder / "fitted").mkdir(parents=True)
        strategy.fit(split.without_test, (), lambda _: None)
        strategy.save(folder / "fitted")
        write_trial(folder, Trial(folder.name, "done"))
        store.save_step(StoredStep(run.id, name, "done"))
    store.end_run(run.id, "done")
    return store.run(run.id)


def asked(store: Store, run: StoredRun, text: str = "my invoice") -> Try:
    one = new_try(run.id, text, strategies_to_try(store, run))
    add_try(store, one)
    return one


def stored(store: Store, one: Try) -> Try:
    found = read_try(store, one.run_id, one.id)
    assert found is not None
    return found


def test_each_strategy_and_baseline_answers_and_the_child_stays_for_the_next_input(store: Store, desk: TryDesk) -> None:
    run = finished(store, "prompting", "finetuning")
    first, second = asked(store, run), asked(store, run, "another one")
    assert [try_id for _, try_id in waiting_tries(store)] == [first.id, second.id]
    assert desk.answer_next() and desk.is_warm
    answers = stored(store, first).answers
    assert stored(store, first).state == "done" and stored(store, second).state == "waiting"
    assert [answer.strategy for answer in answers] == [*strategies_to_try(store, run)]
    assert [answer.strategy for answer in answers][:3] == ["prompting", "finetuning", "majority_label"]
    assert {answer.text for answer in answers} == {"billing"}
    assert all(answer.seconds is not None and answer.loading_seconds is not None for answer in answers)
    assert desk.answer_next() and not waiting_tries(store)
    assert all(answer.loading_seconds is None for answer in stored(store, second).answers)
    assert [one.id for one in tries_of(store, run.id)] == [second.id, first.id]
    assert not desk.answer_next()


def test_the_child_ends_when_nobody_tries_anything_for_a_while(store: Store) -> None:
    desk = TryDesk(store, STEADY, idle_seconds=0.0)
    asked(store, finished(store, "prompting"))
    desk.answer_next()
    child = multiprocessing.active_children()
    assert desk.is_warm and len(child) == 1
    desk.rest()
    assert not desk.is_warm and not child[0].is_alive()


def test_a_run_goes_first_and_the_try_is_answered_after_it(store: Store, desk: TryDesk) -> None:
    run = finished(store, "prompting")
    one, queued = asked(store, run), add_run(store, "prompting")
    assert desk.answer_next()
    assert stored(store, one).state == "waiting" and waiting_tries(store) and not desk.is_warm
    store.cancel(queued.id)
    assert desk.answer_next()
    assert stored(store, one).state == "done"


def test_a_worker_answers_after_the_run_that_goes_on(store: Store) -> None:
    run = finished(store, "prompting")
    endless = add_run(store, "retrieval")
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(store.home, ENDLESS))
    process.start()
    try:
        wait_until(lambda: store.run(endless.id).state == "running", process)
        one = asked(store, run)
        assert not TryDesk(store, STEADY).answer_next()  # another process has the machine
        store.cancel(endless.id)
        wait_until(lambda: stored(store, one).state == "done", process)
        assert [answer.text for answer in stored(store, one).answers][:1] == ["billing"]
    finally:
        process.kill()
        process.join()


def test_a_strategy_that_cannot_answer_says_why_and_the_others_answer(store: Store, desk: TryDesk) -> None:
    run = finished(store, "prompting", "retrieval", "finetuning")
    one = asked(store, run)
    folder = store.run_folder(run.id)
    (folder / "retrieval" / "fitted" / "answer.json").unlink()
    shutil.rmtree(folder / "finetuning" / "fitted")
    assert desk.answer_next()
    answers = {answer.strategy: answer for answer in stored(store, one).answers}
    assert answers["prompting"].text == "billing" and answers["prompting"].problem is None
    assert "FileNotFoundError" in (answers["retrieval"].problem or "")
    assert answers["finetuning"].problem == f"Run {run.id} has no fitted finetuning to answer with."
    assert [one.problem is None for one in tryable(store, run)[:3]] == [True, True, False]
    assert strategies_to_try(store, run)[:2] == ("prompting", "retrieval")


def test_a_child_that_dies_leaves_a_sentence_and_the_next_strategy_answers(store: Store) -> None:
    desk = TryDesk(store, "tests.tiny_strategies:build_deadly")
    one = asked(store, finished(store, "prompting", "retrieval"))
    desk.answer_next()
    desk.close()
    prompting, retrieval, *_ = stored(store, one).answers
    assert prompting.problem is not None and "stopped by the system" in prompting.problem
    assert retrieval.text == "billing"


def test_a_run_without_fitted_strategies_says_why_it_cannot_be_tried(store: Store) -> None:
    run = finished(store, "prompting")
    for fitted in store.run_folder(run.id).rglob("fitted"):
        shutil.rmtree(fitted)
    with pytest.raises(BadInput) as refused:
        strategies_to_try(store, run)
    assert str(refused.value) == NOTHING_SAVED


@pytest.mark.parametrize(("text", "said"), [("  \n", "is empty"), ("x" * (MOST_CHARACTERS + 1), "100,001 characters")])
def test_an_input_that_cannot_be_answered_is_refused(text: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        new_try("r", text, ("prompting",))


def test_only_the_last_tries_are_kept_and_none_that_waits_is_lost(store: Store, desk: TryDesk) -> None:
    run = finished(store, "prompting")
    waiting = [asked(store, run, str(number)) for number in range(KEPT + 2)]
    assert len(tries_of(store, run.id)) == KEPT + 2
    while desk.answer_next():
        pass
    asked(store, run)
    assert len(tries_of(store, run.id)) == KEPT
    assert all(stored(store, one).state == "done" for one in waiting[3:])


def test_a_deleted_run_takes_its_tries_along(store: Store, desk: TryDesk) -> None:
    run = finished(store, "prompting")
    asked(store, run)
    store.delete_run(run.id)
    assert desk.answer_next() and not waiting_tries(store)


def test_the_child_of_one_person_answers_nobody_else(store: Store, desk: TryDesk) -> None:
    """It may know a key that the person typed."""
    children = []
    for name in ("anna", "anna", "bob"):
        asked(store, finished(PersonalStore(store, Person(f"password:{name}", name)), "prompting"))
        assert desk.answer_next()
        (child,) = multiprocessing.active_children()
        children.append(child.pid)
    assert children[0] == children[1] != children[2]
