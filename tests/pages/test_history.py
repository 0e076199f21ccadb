"""History over runs whose trials were made without a model."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button

from advisor.plan import Plan, Setup
from advisor.report.run_summary import summary_of
from advisor.sections.run_list import line_of, matching, ordered
from advisor.storage.seals import write_sealed
from advisor.storage.store import Store
from advisor.storage.stored import StoredRun
from eval.outcomes import Trial
from eval.statistics.inference import Interval
from eval.task import Kind, Split, Task
from tests.app import finish_run, html_of, open_page, primaries

MakeTrials = Callable[..., tuple[Trial, ...]]
Finish = Callable[..., StoredRun]


def listed(app: AppTest) -> list[str]:
    """The ids of the runs in the table, from top to bottom."""
    return [box.key.removeprefix("tick-") for box in app.checkbox if box.key and box.key.startswith("tick-")]


def two_runs(finished: Finish, synthetic_trials: MakeTrials) -> tuple[StoredRun, StoredRun]:
    return finished(), finished(synthetic_trials(seed=1))


def test_an_empty_history_says_so(store: Store) -> None:
    app = open_page("History")
    assert "You haven&#x27;t compared anything yet." in html_of(app)


def test_a_single_run_has_its_score_its_rows_and_its_verdict(store: Store, finished: Finish) -> None:
    run = finished()
    app = open_page("History")
    report = store.report(run.id)
    assert report is not None
    said = html_of(app)
    assert report.recommendation.headline in said and "accuracy, 95 % CI" in said
    assert "80 rows" in said and "quick effort" in said and "SmolLM2-135M-Instruct" in said
    assert primaries(app) == ["Compare new data"] and "1 run." in said


def test_a_run_that_was_started_in_no_year_hides_no_other(
    store: Store, finished: Finish, synthetic_trials: MakeTrials
) -> None:
    first, second = two_runs(finished, synthetic_trials)
    with closing(sqlite3.connect(store.home / "threeways.sqlite")) as database, database:
        database.execute("UPDATE runs SET created_at = 1e18 WHERE id = ?", (first.id,))
    app = open_page("History")
    assert not app.exception and set(listed(app)) == {first.id, second.id} and "unknown" in html_of(app)


def test_runs_are_sorted_by_a_click_on_a_head_and_turned_by_a_second(
    finished: Finish, synthetic_trials: MakeTrials
) -> None:
    first, second = two_runs(finished, synthetic_trials)
    app = open_page("History")
    assert listed(app) == [second.id, first.id]
    app.button(key="sort-Date").click().run()
    assert listed(app) == [first.id, second.id]
    app.button(key="sort-Date").click().run()
    assert listed(app) == [second.id, first.id]
    app.button(key="sort-Run").click().run()
    assert app.session_state["history-order"] == "Run" and not app.session_state["history-falling"]


def test_the_best_score_is_first_or_last_and_a_run_without_one_always_last(store: Store, finished: Finish) -> None:
    run = finished()
    report = store.report(run.id)
    assert report is not None
    summary = summary_of(report)
    without, low, high = (
        line_of(run, None),
        *(line_of(run, replace(summary, score=Interval(mean, mean, mean, 80))) for mean in (0.2, 0.9)),
    )
    assert ordered([without, low, high], "Score", is_falling=True) == [high, low, without]
    assert ordered([without, high, low], "Score", is_falling=False) == [low, high, without]


def test_a_search_looks_through_names_notes_tags_and_verdicts(
    store: Store, finished: Finish, synthetic_trials: MakeTrials
) -> None:
    first, _ = two_runs(finished, synthetic_trials)
    store.describe_run(first.id, "Before cleaning", "Typos everywhere", ["June"])
    lines = [line_of(run, None) for run in store.runs()]
    for text in ("before", "JUNE typos", "cleaning quick"):
        assert [line.run.id for line in matching(lines, text, None)] == [first.id]
    assert len(matching(lines, "questions.csv", None)) == 2 and not matching(lines, "", "other.csv")
    app = open_page("History")
    app.text_input(key="history-text").input("june").run()
    assert listed(app) == [first.id] and "1 of 2 runs." in html_of(app)
    app.text_input(key="history-text").input("nothing like it").run()
    assert "No run matches this search." in html_of(app)


def test_the_history_of_a_report_begins_with_the_runs_of_its_data(store: Store, finished: Finish) -> None:
    run = finished()
    other = store.add_dataset("other.csv", b"question,label\n" + b"".join(b"q%d,%d\n" % (n, n % 2) for n in range(20)))
    waiting = store.add_run(Plan(other.id, Setup("question", "label")), "{}")
    assert listed(open_page("History")) == [waiting.id, run.id]
    assert listed(open_page("History", run=run.id)) == [run.id]


def test_what_a_person_calls_a_run_stands_in_the_history_and_on_the_report(store: Store, finished: Finish) -> None:
    run = finished()
    app = open_page("History", runs=run.id)
    button(app, "Name, note, tags").click().run()
    button(app, "Name, note, tags").click()  # the test runs the whole page again, which else closes the dialog
    app.text_input(key="given-name").input("<b>Mine</b>")
    app.text_area(key="note").input("After *cleaning*")
    app.button(key="save-name").click().run()
    assert store.run(run.id).title == "<b>Mine</b>" and store.run(run.id).note == "After *cleaning*"
    store.describe_run(run.id, "<b>Mine</b>", "After *cleaning*", ["June"])
    for page in (open_page("History"), open_page("Report", run=run.id)):
        said = html_of(page)
        assert "After *cleaning*" in said and "June" in said
    assert "&lt;b&gt;Mine&lt;/b&gt; · June" in said


def test_a_run_is_deleted_after_one_question_that_says_what_goes(
    store: Store, finished: Finish, synthetic_trials: MakeTrials
) -> None:
    first, second = two_runs(finished, synthetic_trials)
    app = open_page("History", runs=first.id)
    app.button(key="delete-runs").click().run()
    assert "We delete this run, its report, every answer and the trained models (" in html_of(app)
    assert len(store.runs()) == 2
    app.button(key="delete-runs").click()
    app.button(key="really-delete").click().run()
    assert [run.id for run in store.runs()] == [second.id]
    assert listed(app) == [second.id] and "runs" not in app.query_params


def test_the_uploaded_file_goes_with_its_last_run_if_wanted(
    store: Store, finished: Finish, synthetic_trials: MakeTrials
) -> None:
    first, second = two_runs(finished, synthetic_trials)
    app = open_page("History", runs=first.id)
    app.button(key="delete-runs").click().run()
    assert "The uploaded files stay." in html_of(app)
    assert "delete-data" not in [box.key for box in app.checkbox]
    app = open_page("History", runs=f"{first.id},{second.id}")
    app.button(key="delete-runs").click().run()
    app.button(key="delete-runs").click()
    app.checkbox(key="delete-data").check()
    app.button(key="really-delete").click().run()
    assert not store.runs() and not store.dataset_folder(first.dataset_id).exists()


def test_a_running_run_is_not_deleted(store: Store, finished: Finish) -> None:
    run = finished()
    store.retry_step(run.id, "prompting")
    with store.device_lock:
        assert store.start_run(run.id)
        app = open_page("History", runs=run.id)
        app.button(key="delete-runs").click().run()
        assert app.button(key="really-delete").disabled and "still running" in html_of(app)


def test_settings_are_used_again_and_later_changes_of_the_data_are_not_lost_unasked(
    store: Store, finished: Finish
) -> None:
    run = finished()
    store.save_setup(run.dataset_id, run.plan.setup)
    app = open_page("History", runs=run.id)
    button(app, "Run again with these settings").click().run()
    assert app.query_params["follows"] == run.id and app.query_params["dataset"] == run.dataset_id
    open_page("Compare", dataset=run.dataset_id, follows=run.id).button(key="run").click().run()
    assert store.runs()[0].plan == replace(run.plan, follows=run.id)
    changed = replace(run.plan.setup, instruction="Answer with one label.")
    store.save_setup(run.dataset_id, changed)
    app = open_page("History", runs=run.id)
    button(app, "Run again with these settings").click().run()
    assert "discards these later changes" in html_of(app)
    assert store.dataset(run.dataset_id).setup == changed
    button(app, "Run again with these settings").click()
    button(app, "Use the data as it was").click().run()
    assert store.dataset(run.dataset_id).setup == run.plan.setup


def test_two_ticked_runs_are_compared_and_the_address_keeps_it(finished: Finish, synthetic_trials: MakeTrials) -> None:
    first, second = two_runs(finished, synthetic_trials)
    app = open_page("History")
    for run in (second, first):
        app.checkbox(key=f"tick-{run.id}").check().run()
    assert primaries(app) == ["Compare 2 runs"]
    button(app, "Compare 2 runs").click().run()
    assert app.query_params["runs"] == f"{second.id},{first.id}" and app.query_params["view"] == "compare"
    for page in (app, open_page("History", runs=f"{second.id},{first.id}", view="compare")):
        said = html_of(page)
        assert "Rows that flipped" in said and "right in one run, wrong in another" in said
        assert 'class="judged right"' in said and 'class="judged wrong"' in said
    app.button(key="all-runs").click().run()
    assert listed(app) == [second.id, first.id]
    app.checkbox(key=f"tick-{first.id}").uncheck().run()
    assert app.query_params["runs"] == second.id


def test_a_run_is_compared_with_the_one_whose_data_it_changed(
    store: Store,
    synthetic_task: Callable[..., Task],
    synthetic_split: Callable[[Task], Split],
    synthetic_trials: MakeTrials,
    finished: Finish,
) -> None:
    task = synthetic_task()
    first = finished()
    changed = replace(
        task,
        examples=(
            replace(task.examples[0], target="invoice"),
            *task.examples[2:],
            replace(task.examples[1], id="row-new", input="Something nobody asked before"),
        ),
    )
    split = synthetic_split(task)
    split = replace(split, train=(changed.examples[0], *split.train[2:], changed.examples[-1]))
    second = finish_run(store, changed, split, synthetic_trials(seed=1), first.id)
    said = html_of(open_page("History", runs=f"{first.id},{second.id}", view="compare"))
    assert "All runs answered the same 80 test rows." in said
    assert "Rows: 1 added, 1 removed, 1 with a new answer, 238 unchanged." in said


def test_runs_of_other_data_are_said_not_to_be_comparable(finished: Finish) -> None:
    runs = [finished(), finished(kind=Kind.ANSWERING)]
    app = open_page("History", runs=",".join(run.id for run in runs), view="compare")
    said = html_of(app)
    assert "These runs are on different data" in said and "so we don&#x27;t compare their scores." in said
    assert "figures-table" not in said and "Rows that flipped" not in said


def test_runs_without_results_are_named_and_the_others_compared(
    store: Store, finished: Finish, synthetic_trials: MakeTrials
) -> None:
    runs = [finished(synthetic_trials(seed=seed)) for seed in range(4)]
    write_sealed(store.run_folder(runs[1].id) / "report.json", '{"schema": 1, "candidates": []}')
    write_sealed(store.run_folder(runs[0].id) / "task.json", "{}")
    assert "Done, by another version of Threeways" in html_of(open_page("History"))
    said = html_of(open_page("History", runs=",".join(run.id for run in runs), view="compare"))
    assert said.count("another version of Threeways wrote its results") == 2 and "figures-table" in said
    store.delete_run(runs[2].id)
    said = html_of(open_page("History", runs=f"{runs[1].id},{runs[3].id}", view="compare"))
    assert "Fewer than two of these runs have results" in said


@pytest.mark.parametrize("damage", ["report cut", "report changed", "report gone", "folder gone", "answers changed"])
def test_one_damaged_run_is_named_and_the_others_are_shown(
    store: Store, finished: Finish, synthetic_trials: MakeTrials, damage: str
) -> None:
    sound, spoiled = two_runs(finished, synthetic_trials)
    folder = store.run_folder(spoiled.id)
    report, before = folder / "report.json", store.report(spoiled.id)
    match damage:
        case "report cut":
            report.write_bytes(report.read_bytes()[:999])
        case "report changed":
            report.write_bytes(report.read_bytes().replace(b"0.5", b"0.6"))
        case "report gone":
            report.unlink()
        case "folder gone":
            shutil.rmtree(folder)
        case "answers changed":
            (folder / "prompting" / "outcomes.jsonl").write_text("")
            (folder / "task.json").write_text("{}")
    app = open_page("History")
    assert listed(app) == [spoiled.id, sound.id]
    lost = {"report cut": "damaged", "report changed": "damaged", "answers changed": ""}.get(damage, "gone")
    assert (
        f"Done. The {'folder' if damage == 'folder gone' else 'report'} of this run is {lost}" in html_of(app)
    ) == bool(lost)
    said = html_of(open_page("Report", run=spoiled.id))
    if damage == "folder gone":
        assert f"The folder of this run is gone ({folder})." in said
    else:  # written again from the answers
        assert before is not None and before.recommendation.headline in said
        again = store.report(spoiled.id)
        assert again is not None and again.candidates == before.candidates


def test_a_deleted_run_in_the_address_is_forgotten(store: Store, finished: Finish) -> None:
    run = finished()
    app = open_page("History", runs=f"gone,{run.id}", view="compare")
    assert app.query_params["runs"] == run.id and listed(app) == [run.id]


def button(app: AppTest, label: str) -> Button:
    return next(each for each in app.button if each.label == label)
