"""The sample report: the way to it, its notice, and that it is nobody's own run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from advisor.pages.downloads import file_of
from advisor.pages.past_runs import measured_of
from advisor.storage.packed import open_sample
from advisor.storage.store import Store
from advisor.storage.stored import RunState, StoredStep
from tests.app import ROOT, html_of, open_page, primaries


def test_start_opens_the_sample_report_with_one_click_that_is_not_the_main_one(store: Store) -> None:
    app = open_page("Start")
    assert primaries(app) == ["Check my data"]
    app.button(key="sample-report").click().run()
    assert not app.exception
    (run,) = store.runs()
    assert app.query_params["run"] == run.id and run.origin == "sample"
    report = store.report(run.id)
    assert report is not None
    said = html_of(app)
    assert "This is a sample report" in said and report.device in said and 'class="verdict"' in said
    assert primaries(app) == ["Compare your own data"]


def test_a_sample_that_cannot_be_read_is_one_sentence(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for path, sentence in ((ROOT / "gone.zip", "install Threeways again"), (ROOT / "README.md", "or it is damaged")):
        monkeypatch.setattr("advisor.storage.packed.SAMPLE_REPORT", path)
        app = open_page("Start")
        app.button(key="sample-report").click().run()
        assert not app.exception and sentence in html_of(app) and not store.runs()


def test_the_history_marks_the_sample_and_deletes_it(store: Store) -> None:
    run = open_sample(store)
    app = open_page("History", runs=run.id)
    assert '<span class="tag">Sample</span>' in html_of(app)
    app.text_input(key="history-text").input("sample").run()
    assert [box.key for box in app.checkbox] == [f"tick-{run.id}"]
    app.button(key="delete-runs").click().run()
    app.button(key="delete-runs").click()  # the test runs the whole page again, which else closes the dialog
    app.button(key="really-delete").click().run()
    assert not store.runs()


def test_a_run_with_the_settings_of_the_sample_does_not_follow_it(store: Store) -> None:
    run = open_sample(store)
    open_page("Compare", dataset=run.dataset_id, follows=run.id).button(key="run").click().run()
    own = store.runs()[0]
    assert own.is_own and own.plan.follows is None and own.plan.strategies == run.plan.strategies


def test_a_run_that_was_measured_elsewhere_cannot_be_continued(store: Store) -> None:
    """It would compute as its plan says, which nobody here wrote."""
    run = open_sample(store)
    store.save_step(StoredStep(run.id, "prompting", "failed", reason="It crashed."))
    states: tuple[RunState, ...] = ("done", "cancelled", "stopped")
    for is_reported in (True, False):
        if not is_reported:
            (store.run_folder(run.id) / "report.json").write_text('{"schema": 99}')
        for state in states:
            store.end_run(run.id, state)
            app = open_page("Report", run=run.id)
            assert not app.exception and html_of(app)
            assert not {one.key for one in app.button} & {"prompting", "continue-with-limit"}


def test_what_people_read_of_the_sample_says_that_it_is_one(store: Store) -> None:
    run = open_sample(store)
    report = store.report(run.id)
    assert report is not None
    for name in ("report.html", "report.md"):
        told = file_of(store, run, report, measured_of(run), name).decode()
        assert "This is a sample report: questions on a company" in told and "another machine" in told
    own = file_of(store, replace(run, origin="own"), report, None, "report.md").decode()
    assert "sample report" not in own and own == (store.run_folder(run.id) / "report.md").read_text()
