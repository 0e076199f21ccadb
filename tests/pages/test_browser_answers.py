"""Marking answers in a real browser, with the keyboard, on a telephone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from advisor.storage.store import Store
from eval.outcomes import Trial
from eval.task import Split, Task
from tests.app import app_at, finish_run

pytestmark = pytest.mark.slow


_WAIT_SECONDS = 60


@pytest.fixture
def report_address(
    tmp_path: Path,
    synthetic_task: Callable[..., Task],
    synthetic_split: Callable[[Task], Split],
    synthetic_trials: Callable[..., tuple[Trial, ...]],
) -> Iterator[str]:
    task = synthetic_task()
    run = finish_run(Store(tmp_path / "home"), task, synthetic_split(task), synthetic_trials())
    with app_at(tmp_path / "home") as address:
        yield f"{address}/report?run={run.id}"


def test_a_mark_is_set_by_keyboard_and_counted_after_a_reload(report_address: str, page: Page, tmp_path: Path) -> None:
    page.set_viewport_size({"width": 400, "height": 800})
    page.goto(report_address)
    page.locator("summary", has_text="Answers side by side").click(timeout=60_000)
    page.get_by_role("radiogroup", name="Your mark: ").first.get_by_role("radio", name="Wrong").press("Enter")
    expect(page.locator(".own-marks")).to_contain_text(
        "You marked 1 answer: you agree with the score on it.", timeout=60_000
    )
    page.get_by_role("textbox", name="Your note: ").first.fill("Not this one")
    page.get_by_role("textbox", name="Your note: ").first.press("Enter")
    kept = next((tmp_path / "home" / "runs").iterdir()) / "marks.jsonl"
    for _ in range(_WAIT_SECONDS * 10):
        if "Not this one" in kept.read_text("utf-8"):
            break
        page.wait_for_timeout(100)
    page.get_by_role("radio", name="Marked wrong by you").click()
    expect(page).to_have_url(re.compile(r"answers=Marked\+wrong\+by\+you"))
    page.reload()
    expect(page.locator(".own-marks")).to_contain_text("You marked 1 answer", timeout=60_000)
    expect(page.get_by_role("textbox", name="Your note: ").first).to_have_value("Not this one")
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
