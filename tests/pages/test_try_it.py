"""Trying a run on its report: the page only queues the input and shows what was answered."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from advisor.runs.trying import NOTHING_SAVED, strategies_to_try
from advisor.storage.store import Store
from advisor.storage.stored import StoredRun, StoredStep
from advisor.storage.tries import (
    Likelihood,
    TriedAnswer,
    Try,
    add_try,
    leave_queue,
    new_try,
    save_try,
    tries_of,
    waiting_tries,
)
from eval.outcomes import Trial
from eval.sent import Part, Piece
from tests.app import html_of, open_page

Finish = Callable[..., StoredRun]
BAD = "<script>alert(1)</script> ![x](http://x.test/p.png)"


@pytest.fixture
def run(store: Store, finished: Finish) -> StoredRun:
    """A finished run whose strategies were saved."""
    run = finished()
    for strategy in ("prompting", "retrieval", "finetuning"):
        (store.run_folder(run.id) / strategy / "fitted").mkdir()
    (store.run_folder(run.id) / "baselines" / "majority_label" / "fitted").mkdir(parents=True)
    return run


def prompt_of(text: str) -> tuple[Piece, ...]:
    return (Piece(Part.INSTRUCTION, "Sort this.", (1, 2)), Piece(Part.INPUT, text, (3,)))


def ask(app: AppTest, text: str) -> AppTest:
    app.text_area(key="try-input").set_value(text)
    (button,) = (button for button in app.button if button.label == "Answer with every strategy")
    return button.click().run()


def answered(store: Store, run: StoredRun, text: str, *answers: TriedAnswer) -> Try:
    one = replace(new_try(run.id, text, strategies_to_try(store, run)), state="done", answers=answers)
    add_try(store, one)
    leave_queue(store, one.id)
    return one


def test_an_input_is_queued_for_every_strategy_and_its_place_is_said(store: Store, run: StoredRun) -> None:
    app = ask(open_page("Report", run=run.id), "Where is my parcel?")
    (one,) = tries_of(store, run.id)
    assert one.input == "Where is my parcel?" and waiting_tries(store) == [(run.id, one.id)]
    assert one.strategies == ("prompting", "retrieval", "finetuning", "majority_label")
    assert "This input is next. Waiting for" in html_of(app)
    app = ask(app, "And my invoice?")
    assert "1 other input will be answered before it." in html_of(app)


def test_an_empty_input_is_refused_in_a_sentence(store: Store, run: StoredRun) -> None:
    app = ask(open_page("Report", run=run.id), "   ")
    assert "The input is empty: write something to answer." in html_of(app) and not waiting_tries(store)


def test_what_goes_on_is_said_with_its_seconds_and_the_answers_so_far(store: Store, run: StoredRun) -> None:
    one = new_try(run.id, "a parcel", strategies_to_try(store, run))
    add_try(store, one)
    first = TriedAnswer(
        "prompting", "refund", seconds=0.42, loading_seconds=2.0, prompt=prompt_of("the whole prompt"), tokens_in=3
    )
    save_try(store, replace(one, state="running", strategy="retrieval", stage="loading", answers=(first,)))
    app = open_page("Report", run=run.id)
    said = html_of(app)
    assert re.search(r"Loading retrieval \(\d+ s\)\. 1 of 4 answers so far\.", said)
    assert "0.42 s (after 2.0 s of loading)" in said
    assert "Sort this.the whole prompt" in [code.value for code in app.code]
    assert '<span class="part input"><b>input</b><i>the whole prompt</i></span>' in said


def test_answers_stand_side_by_side_with_probabilities_and_sources(store: Store, run: StoredRun) -> None:
    answered(store, run, "an earlier input")
    likely = (Likelihood("refund", 0.914), Likelihood(BAD, 0.004))
    answered(
        store,
        run,
        BAD,
        TriedAnswer("prompting", BAD, seconds=0.1, likely=likely, labels=7, prompt=prompt_of(BAD), tokens_in=9),
        TriedAnswer("retrieval", problem="The model is gone."),
        TriedAnswer("majority_label", "refund", seconds=0.001, sources=("train:row-0",)),
    )
    app = open_page("Report", run=run.id)
    said = html_of(app)
    assert BAD not in said and "The model is gone." in said
    assert (
        "<span>refund</span><span>91 %</span>" in said and "under 1 %" in said and "5 other labels less likely" in said
    )
    assert "Sources (1)" in said and "Question number 0" in said
    assert "All answers were there after" in said
    assert f"Sort this.{BAD}" in [code.value for code in app.code]
    (box,) = (box for box in app.selectbox if box.label == "Inputs you tried")
    box.select_index(1).run()
    assert "an earlier input" in html_of(app) and "The model is gone." not in html_of(app)


def test_the_answer_with_the_adapter_off_stands_under_the_own_one_and_what_changed_is_said(
    store: Store, run: StoredRun
) -> None:
    app = open_page("Report", run=run.id)
    app.checkbox(key="try-adapter-off").check()
    ask(app, "Where is my parcel?")
    (one,) = tries_of(store, run.id)
    assert [(each.strategy, each.adapter_off) for each in one.asked] == [
        ("prompting", False),
        ("retrieval", False),
        ("finetuning", False),
        ("finetuning", True),
        ("majority_label", False),
    ]
    own = TriedAnswer("finetuning", "delivery", seconds=0.1)
    for base, changed in (("refund", "Training changed this answer."), ("delivery", "The same answer.")):
        off = TriedAnswer("finetuning", base, seconds=0.2, adapter_off=True)
        save_try(store, replace(one, state="running", strategy="finetuning", is_off=True, answers=(own, off)))
        said = html_of(open_page("Report", run=run.id))
        assert "Starting the process" in said and "2 of 5 answers so far." in said
        card = said.split("<b>Adapter switched off</b>")[1]
        assert f'<p class="text answer">{base}</p>' in card and changed in card
    save_try(store, replace(one, state="running", stage="loading", strategy="finetuning", is_off=True))
    assert "Loading adapter fine-tuning, its adapter switched off" in html_of(open_page("Report", run=run.id))


def test_what_trained_the_weights_themselves_says_that_nothing_can_be_switched_off(
    store: Store, finished: Finish, synthetic_trials: Callable[..., tuple[Trial, ...]]
) -> None:
    trials = [replace(one, strategy="last_layers") for one in synthetic_trials() if one.strategy == "finetuning"]
    run = finished(trials)
    (store.run_folder(run.id) / "last_layers" / "fitted").mkdir()
    app = open_page("Report", run=run.id)
    assert "Last-layer fine-tuning changed the model&#x27;s own weights, so it has no adapter to switch off." in (
        html_of(app)
    )
    assert not [box for box in app.checkbox if box.key == "try-adapter-off"]


def test_a_run_with_nothing_saved_says_why_it_cannot_be_tried(store: Store, run: StoredRun) -> None:
    for fitted in list(store.run_folder(run.id).rglob("fitted")):
        shutil.rmtree(fitted)
    app = open_page("Report", run=run.id)
    assert NOTHING_SAVED in html_of(app).replace("&#x27;", "'")
    assert not [area for area in app.text_area if area.key == "try-input"]


def test_a_strategy_whose_files_are_gone_is_named(store: Store, run: StoredRun) -> None:
    shutil.rmtree(store.run_folder(run.id) / "retrieval" / "fitted")
    (store.run_folder(run.id) / "baselines" / "nearest_example" / "fitted").mkdir(parents=True)
    app = open_page("Report", run=run.id)
    assert "The fitted files of Retrieval are gone" in html_of(app)
    labels = [button.label for button in app.download_button]
    assert any(label.startswith("Adapter fine") for label in labels)
    assert any(label.startswith("Nearest example") for label in labels)
    assert not any(label.startswith(("Retrieval", "Most common label")) for label in labels)


def test_a_strategy_that_was_not_measured_is_neither_tried_nor_downloaded(store: Store, run: StoredRun) -> None:
    store.save_step(StoredStep(run.id, "retrieval", "cancelled"))  # after it was saved
    app = open_page("Report", run=run.id)
    assert "Retrieval wasn&#x27;t measured in this run, so there is nothing to try." in html_of(app)
    assert [button.label for button in app.download_button if button.label.endswith("kB)")] == [
        "Prompting (1 kB)",
        "Adapter fine\\-tuning (1 kB)",
    ]


def test_without_a_worker_the_page_offers_to_start_it(
    store: Store, run: StoredRun, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    add_try(store, new_try(run.id, "a parcel", strategies_to_try(store, run)))
    monkeypatch.setattr(Store, "worker_alive", lambda self: False)
    app = open_page("Report", run=run.id)
    assert "the program that answers it (the worker) has stopped" in html_of(app)
    assert "Start the worker" in [button.label for button in app.button]
