"""The rows that flipped between two runs: searched, filtered and marked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from streamlit.testing.v1 import AppTest

from advisor.storage.own_marks import read_marks
from advisor.storage.store import Store
from advisor.storage.stored import StoredRun
from eval.outcomes import Trial
from tests.app import html_of, open_page
from tests.pages.test_answers import inputs_of

Finish = Callable[..., StoredRun]
MakeTrials = Callable[..., tuple[Trial, ...]]


def compared(*runs: StoredRun) -> AppTest:
    return open_page("History", runs=",".join(run.id for run in runs), view="compare")


def test_flipped_rows_are_searched_and_the_answers_of_each_run_marked(
    store: Store, finished: Finish, synthetic_trials: MakeTrials
) -> None:
    runs = [finished(synthetic_trials(seed=seed)) for seed in (0, 1, 0)]
    app = compared(*runs)
    assert len(inputs_of(app)) == 6
    number = inputs_of(app)[0].split(",")[0]
    app.text_input(key="find").set_value(number).run()
    assert len(inputs_of(app)) == 1
    heads = [element.proto.body for element in app.get("html") if "<header><b>" in element.proto.body]
    assert "<b>A and C</b>" in heads[0] and "<b>B</b>" in heads[1]
    mark = next(one for one in app.button_group if str(one.key).startswith("mark-"))
    mark.set_value("Wrong").run()
    app.text_input(key=str(mark.key).replace("mark-", "note-")).set_value("Not this one").run()
    kept = [read_marks(store.run_folder(run.id)) for run in runs]
    assert [[(one.is_right, one.note) for one in each] for each in kept] == [
        [(False, "Not this one")], [], [(False, "Not this one")],
    ]  # fmt: skip
    app.text_input(key="find").set_value("not THIS").run()
    assert len(inputs_of(app)) == 1, "notes are searched, too"
    open_page("Report", run=runs[0].id)
    report = store.report(runs[0].id)
    assert report is not None and report.marked is not None and report.marked.wrong == 1


def test_an_answer_that_was_cut_off_says_so(finished: Finish, synthetic_trials: MakeTrials) -> None:
    first = [
        replace(trial, outcomes=tuple(replace(one, cut_off=True) for one in trial.outcomes))
        for trial in synthetic_trials()
    ]
    said = html_of(compared(finished(first), finished(synthetic_trials(seed=1))))
    assert said.count(">cut off</span>") == 6, "that of the first run in each of six rows"
