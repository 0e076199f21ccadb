"""The page of a run that has not ended: where it stands, what to expect, and the first answers."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest

from advisor.plan import DEFAULT_STRATEGIES, Plan, Setup
from advisor.runs.experiment import run_experiment
from advisor.runs.so_far import read_so_far
from advisor.runs.timing import estimate_run
from advisor.storage.first_answers import read_first_answers
from advisor.storage.store import Store
from advisor.storage.stored import StoredStep
from advisor.storage.task_file import task_to_json
from eval.measuring.runner import first_rows
from eval.task import Split, Task
from tests.app import SPEED, html_of, open_page, own_home, primaries
from tests.tiny_strategies import HALTING, tiny_task

MakeTask = Callable[..., Task]
MakeSplit = Callable[[Task], Split]
_PATIENCE_SECONDS = 60


def queued(store: Store, task: Task, split: Split, *strategies: str) -> str:
    dataset = store.add_dataset("rows.csv", b"question,label\n" + b"a,b\n" * 3)
    plan = Plan(dataset.id, Setup("question", "label"), strategies=strategies or DEFAULT_STRATEGIES)
    return store.add_run(plan, task_to_json(task, split)).id


@contextmanager
def going(store: Store, run_id: str, build_strategy: str, until: Callable[[], bool]) -> Iterator[None]:
    """A real run in this process, with its children, that has come so far; it is cancelled at the end."""
    run = Thread(
        target=run_experiment,
        args=(store, run_id, lambda _: None, lambda: store.cancel_requested(run_id), build_strategy),
    )
    run.start()
    try:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not until():
            run.join(0.05)
            assert run.is_alive() and time.monotonic() < deadline, store.steps(run_id)
        yield
    finally:
        store.cancel(run_id)
        run.join(_PATIENCE_SECONDS)


def test_first_answers_stand_side_by_side_while_a_strategy_still_answers(store: Store) -> None:
    task, split = tiny_task(test=80)
    marked_up = {"billing": "<b>billing</b>", "delivery": "**delivery**"}
    train, dev, test = (
        tuple(replace(one, target=marked_up[one.target]) for one in side)
        for side in (split.train, split.dev, split.test)
    )
    split = Split(train, dev, test)
    task = replace(task, examples=(*train, *dev, *test), labels=tuple(marked_up.values()))
    run_id = queued(store, task, split, "prompting", "retrieval", "finetuning")
    answering = store.run_folder(run_id) / "retrieval"
    with going(store, run_id, HALTING, lambda: bool(read_first_answers(answering))):
        said = html_of(open_page("Report", run=run_id))
    shown = first_rows(split.test)
    cards = re.findall(r"<article.*?</article>", said)
    assert re.findall(r'class="text">(message \d+)<', "".join(cards)) == [row.input for row in shown]
    who = [re.findall(r"</i>([^<]+)</span>", card) for card in cards]
    assert all(each[:2] == ["Prompting", "Retrieval"] and len(each) == 3 for each in who)  # and the best baseline
    for row, card in zip(shown, cards, strict=True):
        judged = "right" if row.target == "<b>billing</b>" else "wrong"
        assert card.count(f'class="judged {judged}">{judged}<') == card.count('class="judged') == 1  # all answer alike
    assert "&lt;b&gt;billing&lt;/b&gt;" in said and "<b>billing" not in said
    assert re.search(r"Scores \.\d+ \(95 % CI \.\d+ to \.\d+\) so far\.", said)
    assert 'aria-label="Retrieval"' in said


def test_a_run_says_what_to_expect_before_it_has_begun(store: Store) -> None:
    run_id = queued(store, *tiny_task(train=150), "prompting", "retrieval")
    said = html_of(open_page("Report", run=run_id))
    assert "Rules of thumb favour adapter fine-tuning for this task." in said
    assert "This run doesn&#x27;t include adapter fine-tuning." in said
    assert "150 examples of your own 2 categories favour fine-tuning. Training learns exactly those categories." in said
    assert "First answers" not in said


def test_a_run_that_was_not_timed_shows_its_stage(
    store: Store, synthetic_task: MakeTask, synthetic_split: MakeSplit
) -> None:
    task = synthetic_task()
    run_id = queued(store, task, synthetic_split(task))
    store.save_speed("embedded", None, "Not timed.")
    with store.device_lock:
        assert store.start_run(run_id)
        store.save_step(StoredStep(run_id, "prompting", "running", "answering the test rows", 12, 80, 95.0))
        said = html_of(open_page("Report", run=run_id))
    assert "Answering the test rows: 12 of 80 rows. This stage has about 2 minutes left." in said
    assert 'aria-valuenow="15"' in said
    assert said.count("Waiting.") == len(DEFAULT_STRATEGIES)  # the baselines too, and prompting runs


def test_a_silent_worker_is_shown_with_a_button_that_ends_it(
    store: Store, synthetic_task: MakeTask, synthetic_split: MakeSplit
) -> None:
    task = synthetic_task()
    run_id = queued(store, task, synthetic_split(task))
    labels = [button.label for button in open_page("Report", run=run_id).button]
    assert "Cancel this run" in labels and "End the worker and start a new one" not in labels
    file = store.home / "worker.present"  # of this test, which stands for the worker: so the button stays unpressed
    process, beat = file.read_text().split()
    file.write_text(f"{process} {float(beat) - 600}")
    app = open_page("Report", run=run_id)
    assert "has been silent for more than 2 minutes" in html_of(app)
    assert "End the worker and start a new one" in [button.label for button in app.button]


def test_a_run_that_waits_for_a_timing_can_go_on_without_it(
    store: Store, synthetic_task: MakeTask, synthetic_split: MakeSplit
) -> None:
    task = synthetic_task()
    run_id = queued(store, task, synthetic_split(task))
    assert all(button.label != "Skip the timing" for button in open_page("Report", run=run_id).button)
    store.request_speed("embedded")
    open_page("Report", run=run_id).button(key="skip-timing").click().run()
    timed = store.speed("embedded")
    assert store.requested_speed() is None and timed is not None and "You skipped the timing" in (timed.problem or "")


def test_runs_say_how_long_they_still_take_and_what_they_wait_for(
    store: Store, synthetic_task: MakeTask, synthetic_split: MakeSplit
) -> None:
    task = synthetic_task()
    run_id, next_id, last_id = (queued(store, task, synthetic_split(task)) for _ in range(3))
    with store.device_lock:
        assert store.start_run(run_id)
        assert estimate_run(store, run_id)
        started = time.time() - 50
        store.save_step(
            StoredStep(run_id, "finetuning", "running", "training", 12_300, 30_000, 150.0, started_at=started)
        )
        said, behind, last = (html_of(open_page("Report", run=one)) for one in (run_id, next_id, last_id))
    assert "Training: 12,300 of 30,000 tokens. About 2 minutes left." in said
    bars = [int(value) for value in re.findall(r'aria-valuenow="(\d+)"', said)]
    assert bars[:-1] == [0] * (len(DEFAULT_STRATEGIES)) and 25 <= bars[-1] < 50
    assert "longer than estimated" not in said
    left = re.search(r"Running for \d+ seconds\. Time left: (\d+ to \d+ minutes)\.", said)
    assert left is not None
    assert len(re.findall(r"Waiting\. Estimated time: [^.]+ (?:seconds|minutes?)\.", said)) == len(DEFAULT_STRATEGIES)
    assert (
        f"This run is number 1 in the queue. It waits for rows.csv, which is running. It starts in {left[1]}." in behind
    )
    later = re.search(
        r"This run is number 2 in the queue\. It waits for rows\.csv, which is running, and for 1 queued run\. "
        r"It starts in (\d+) to \d+ minutes\.",
        last,
    )
    assert later is not None and int(later[1]) > int(left[1].split()[0])
    store.save_speed("embedded", replace(SPEED, busy=0.9))
    caveat = "Other programs used 90 % of the processor when this machine was timed"
    assert caveat in html_of(open_page("Report", run=next_id)) and caveat not in behind


def test_a_strategy_that_takes_longer_than_estimated_promises_no_end(store: Store) -> None:
    run_id = queued(store, *tiny_task(), "prompting")
    with store.device_lock:
        assert store.start_run(run_id)
        assert estimate_run(store, run_id)
        begun = time.time() - 3600
        store.save_step(StoredStep(run_id, "prompting", "running", "choosing settings", 3, 6, 5.0, started_at=begun))
        said = html_of(open_page("Report", run=run_id))
    assert re.search(r"Choosing settings: 3 of 6 rows\. This takes longer than estimated \([^)]+ seconds\)\.", said)


def test_without_a_worker_the_page_says_so_and_offers_to_start_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with own_home(tmp_path, monkeypatch) as store:
        run_id = queued(store, *tiny_task())
    app = open_page("Report", run=run_id)
    assert "(the worker) has stopped" in html_of(app)
    assert primaries(app) == ["Start the worker"]


def test_a_verdict_so_far_names_what_is_not_measured_yet(store: Store) -> None:
    run_id = queued(store, *tiny_task(test=80), "prompting", "retrieval", "finetuning")

    def is_judged() -> bool:
        found = read_so_far(store.run_folder(run_id))
        return found is not None and found.choice is not None

    with going(store, run_id, HALTING, is_judged):
        said = html_of(open_page("Report", run=run_id))
    assert "Verdict so far" in said and "From 20 of 80 test rows. It may still change." in said
    assert "Not measured yet: retrieval and adapter fine-tuning." in said


def test_a_strategy_that_waits_for_its_turn_is_not_said_to_be_late(store: Store) -> None:
    run_id = queued(store, *tiny_task(), "prompting")
    with store.device_lock:
        assert store.start_run(run_id)
        assert estimate_run(store, run_id)
        step = StoredStep(run_id, "prompting", "running", "waiting for its next turn", 5, 10, 5.0, time.time() - 3600)
        store.save_step(replace(step, worked_seconds=8.0))
        said = html_of(open_page("Report", run=run_id))
    assert "Waiting for its next turn: 5 of 10 rows. About 5 seconds left." in said
