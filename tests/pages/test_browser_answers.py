"""Marking answers in a real browser, with the keyboard, on a telephone, and faster than the page is drawn."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from advisor.storage.own_marks import read_marks
from advisor.storage.store import Store
from eval.outcomes import Trial
from eval.task import Split, Task
from tests.app import app_at, finish_run, visit

pytestmark = pytest.mark.slow
_WAIT = 60_000  # milliseconds: the machine may be busy


def test_a_mark_is_set_by_keyboard_and_counted_after_a_reload(report_address: str, page: Page) -> None:
    page.set_viewport_size({"width": 400, "height": 800})
    visit(page, report_address)
    page.locator("summary", has_text="Answers side by side").click(timeout=_WAIT)
    page.get_by_role("radiogroup", name="Your mark: ").first.get_by_role("radio", name="Wrong").press("Enter")
    expect(page.locator(".own-marks")).to_contain_text(
        "You marked 1 answer: you agree with the score on it.", timeout=_WAIT
    )
    page.get_by_role("textbox", name="Your note: ").first.fill("Not this one")
    page.get_by_role("textbox", name="Your note: ").first.press("Enter")
    page.get_by_role("radio", name="Marked wrong by you").click()
    expect(page).to_have_url(re.compile(r"answers=Marked\+wrong\+by\+you"), timeout=_WAIT)
    page.reload()
    expect(page.locator(".own-marks")).to_contain_text("You marked 1 answer", timeout=_WAIT)
    expect(page.get_by_role("textbox", name="Your note: ").first).to_have_value("Not this one")
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


class SlowLine:
    """What the app sends a page while the line is held reaches it when it is released."""

    def __init__(self, page: Page) -> None:
        self._page, self._held, self._is_held = page, list[str | bytes](), False
        page.route_web_socket(re.compile("_stcore/stream"), self._connect)

    def _connect(self, browser: WebSocketRoute) -> None:
        app = browser.connect_to_server()
        browser.on_message(app.send)
        app.on_message(lambda message: self._held.append(message) if self._is_held else browser.send(message))
        self._browser = browser

    def hold(self) -> None:
        self._is_held = True

    def wait_for_the_app(self, reruns: int) -> None:
        """Until it has drawn the page so often since the line is held."""
        for _ in range(_WAIT):
            if sum(map(_ends_a_rerun, self._held)) >= reruns:
                return
            self._page.wait_for_timeout(1)
        raise AssertionError(f"the app hasn't drawn the page {reruns} times")

    def release(self) -> None:
        self._is_held = False
        for message in self._held:
            self._browser.send(message)


def _ends_a_rerun(message: str | bytes) -> bool:
    read = ForwardMsg()
    read.ParseFromString(message if isinstance(message, bytes) else message.encode())
    return read.WhichOneof("type") == "script_finished"


def test_a_note_outlives_clicks_on_a_page_that_shows_it_late(
    tmp_path: Path,
    page: Page,
    synthetic_task: Callable[..., Task],
    synthetic_split: Callable[[Task], Split],
    synthetic_trials: Callable[..., tuple[Trial, ...]],
) -> None:
    """Two rows with the same input and answer have one mark, and a field for its note each."""
    first, second, *_ = synthetic_split(synthetic_task()).test
    twice = {row.id: replace(row, input="Asked twice", target=first.target) for row in (first, second)}
    task = replace(synthetic_task(), examples=tuple(twice.get(row.id, row) for row in synthetic_task().examples))
    trials = [
        replace(
            trial, outcomes=(trial.outcomes[0], replace(trial.outcomes[0], example_id=second.id), *trial.outcomes[2:])
        )
        for trial in synthetic_trials()
    ]
    run = finish_run(store := Store(tmp_path / "home"), task, synthetic_split(task), trials)
    line = SlowLine(page)
    with app_at(tmp_path / "home") as address:
        visit(page, f"{address}/report?run={run.id}&find=Asked+twice")
        marks = page.get_by_role("radiogroup", name="Your mark: ")
        expect(marks.first).to_be_visible(timeout=_WAIT)
        marks.first.get_by_role("radio", name="Wrong").click(timeout=_WAIT)
        notes = page.get_by_role("textbox", name="Your note: ")
        expect(notes).to_have_count(2, timeout=_WAIT)
        line.hold()
        notes.first.fill("Not this one")
        notes.first.press("Enter")
        line.wait_for_the_app(reruns=1)
        page.get_by_role("radio", name="Marked wrong by you").click()
        line.wait_for_the_app(reruns=2)
        line.release()
        for note in notes.all():
            expect(note).to_have_value("Not this one", timeout=_WAIT)
        assert [mark.note for mark in read_marks(store.run_folder(run.id))] == ["Not this one"]
