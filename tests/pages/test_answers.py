"""The answers side by side on a report: searched, sorted, paged and marked."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace

from streamlit.testing.v1 import AppTest

from advisor.storage.own_marks import read_marks
from advisor.storage.store import Store
from advisor.storage.stored import StoredRun
from eval.outcomes import Trial
from tests.app import html_of, open_answers

MakeTrials = Callable[..., tuple[Trial, ...]]
Finish = Callable[..., StoredRun]


def inputs_of(app: AppTest) -> list[str]:
    bodies = [element.proto.body for element in app.get("html")]
    return [body.split('<p class="text">')[1].split("</p>")[0] for body in bodies if "<h3>Input</h3>" in body[:60]]


def test_a_search_leaves_only_rows_with_the_text_and_is_kept_in_the_address(finished: Finish) -> None:
    run = finished()
    app = open_answers(run=run.id)
    assert len(inputs_of(app)) == 6
    app.text_input(key="find").set_value("NUMBER 17").run()
    assert len(inputs_of(app)) == 6 and all(one.startswith("Question number 17") for one in inputs_of(app))
    again = open_answers(run=run.id, find="number 17", order="Order of your file")
    assert len(inputs_of(again)) == 6 and again.text_input(key="find").value == "number 17"
    assert next(fold for fold in again.expander if "Answers side by side" in fold.label).proto.expanded
    app.selectbox(key="find-in").set_value("expected").run()
    assert inputs_of(app) == []


def test_a_bad_regular_expression_is_one_sentence_under_the_field(finished: Finish) -> None:
    app = open_answers(run=finished().id)
    app.checkbox(key="regex").check().run()
    app.text_input(key="find").set_value(r"number 1[67]\d,").run()
    assert "20 of 80 test rows." in html_of(app)
    app.text_input(key="find").set_value("(17").run()
    assert not app.exception
    assert html_of(app).count('class="problem"') == 1 and "A closing “)” is missing in “(17”." in html_of(app)
    assert len(inputs_of(app)) == 6


def test_the_lowest_scores_come_first_and_a_page_holds_six(finished: Finish) -> None:
    app = open_answers(run=finished().id)
    given = [element.proto.body for element in app.get("html") if 'class="judged' in element.proto.body]
    judged = [("judged wrong" in body) for body in given if "answered-part" in body]
    assert judged[:3] == [True] * 3, "the three rows that all get wrong in the same way"
    app.selectbox(key="order").set_value("file").run()
    assert inputs_of(app)[0].startswith("Question number 160")


def test_an_answer_is_marked_with_one_click_counted_and_exported(store: Store, finished: Finish) -> None:
    run = finished()
    app = open_answers(run=run.id)
    assert "see whether the score agrees with you" in html_of(app)
    first, *_ = [one for one in app.button_group if str(one.key).startswith("mark-")]
    first.set_value("Wrong").run()
    assert "You marked 1 answer: you agree with the score on it." in html_of(app)
    (mark,) = read_marks(store.run_folder(run.id))
    assert (mark.is_right, mark.marked_in) == (False, run.id)
    app.text_input(key=str(first.key).replace("mark-", "note-")).set_value("Not =this").run()
    open_answers(run=run.id)
    report = store.report(run.id)
    assert report is not None and report.marked is not None
    assert [one.note for one in report.marked.notes] == ["Not =this"]
    rows = list(csv.DictReader((store.run_folder(run.id) / "marks.csv").read_text("utf-8-sig").splitlines()))
    assert rows[0]["mark"] == "wrong" and rows[0]["note"] == "Not =this" and rows[0]["strategies"]
    for name in ("report.html", "report.md"):
        written = (store.run_folder(run.id) / name).read_text()
        assert "Your marks" in written
        assert "you: wrong" in written or name == "report.md", "which shows only some answers"


def test_a_mark_is_taken_back_by_a_second_click(store: Store, finished: Finish) -> None:
    run = finished()
    app = open_answers(run=run.id)
    mark = next(one for one in app.button_group if str(one.key).startswith("mark-"))
    mark.set_value("Right").run()
    chip = next(one for one in app.button_group if one.key == "answers")
    assert any("You disagree" in option.content for option in chip.proto.options)
    mark = next(one for one in app.button_group if one.key == mark.key)
    mark.set_value(None).run()
    assert read_marks(store.run_folder(run.id)) == () and "You marked" not in html_of(app)


def test_strategies_that_gave_the_same_answer_stand_together_and_have_one_mark(finished: Finish) -> None:
    app = open_answers(run=finished().id, answers="All wrong")
    heads = [element.proto.body for element in app.get("html") if 'given"><header>' in element.proto.body]
    assert heads[0].count('class="marked"') == 3 and heads[0].count('class="judged wrong"') == 1
    assert len([one for one in app.button_group if str(one.key).startswith("mark-")]) == len(inputs_of(app))


def test_a_note_outlives_a_mark_that_is_changed_before_the_page_has_drawn_it(store: Store, finished: Finish) -> None:
    """Whoever leaves the field by a click on a button sends the note and the click at once."""
    run = finished()
    app = open_answers(run=run.id)
    mark = next(one for one in app.button_group if str(one.key).startswith("mark-"))
    mark.set_value("Right").run()
    app.text_input(key=str(mark.key).replace("mark-", "note-")).set_value("Not this one")
    next(one for one in app.button_group if one.key == mark.key).set_value("Wrong").run()
    (kept,) = read_marks(store.run_folder(run.id))
    assert (kept.is_right, kept.note) == (False, "Not this one")


def test_a_damaged_file_of_marks_is_one_sentence_and_the_answers_stand(store: Store, finished: Finish) -> None:
    run = finished()
    (store.run_folder(run.id) / "marks.jsonl").write_text("{\n")
    app = open_answers(run=run.id)
    assert html_of(app).count("Your marks can&#x27;t be read: line 1 of") == 1
    assert len(inputs_of(app)) == 6 and not [one for one in app.button_group if str(one.key).startswith("mark-")]


def test_a_missing_answer_cannot_be_marked(synthetic_trials: MakeTrials, finished: Finish) -> None:
    trials = list(synthetic_trials())
    failed = [replace(one, error="Too long.", text="", score=0.0) for one in trials[0].outcomes]
    app = open_answers(run=finished([replace(trials[0], outcomes=tuple(failed)), *trials[1:]]).id)
    marks = [str(one.key) for one in app.button_group if str(one.key).startswith("mark-")]
    assert 6 <= len(marks) <= 12 and not any("-prompting-" in key for key in marks)
