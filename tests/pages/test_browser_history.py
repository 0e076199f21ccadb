"""The history in a real browser with the keyboard alone: runs ticked, compared, named and deleted; and on a phone."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from advisor.storage.store import Store
from eval.outcomes import Trial
from eval.task import Split, Task
from tests.app import app_at, finish_run, visit

pytestmark = pytest.mark.slow
_WAIT = 60_000  # milliseconds: the machine may be busy


def press(key: str, element: Locator) -> None:
    expect(element).to_be_attached(timeout=_WAIT)
    element.focus()
    element.page.keyboard.press(key)


def test_runs_are_compared_named_and_deleted_with_the_keyboard(
    tmp_path: Path,
    page: Page,
    synthetic_task: Callable[..., Task],
    synthetic_split: Callable[[Task], Split],
    synthetic_trials: Callable[..., tuple[Trial, ...]],
) -> None:
    store, task = Store(tmp_path / "home"), synthetic_task()
    runs = [finish_run(store, task, synthetic_split(task), synthetic_trials(seed=seed)) for seed in range(3)]
    with app_at(tmp_path / "home") as address:
        visit(page, f"{address}/history")
        boxes = page.get_by_role("checkbox")
        expect(boxes).to_have_count(3, timeout=_WAIT)
        press("Space", boxes.nth(0))
        expect(page.get_by_text("1 run ticked")).to_be_visible(timeout=_WAIT)
        press("Enter", page.get_by_role("button", name="Name, note, tags"))
        page.get_by_label("Name", exact=True).fill("After cleaning")
        press("Enter", page.get_by_role("button", name="Save"))
        expect(page.get_by_role("link", name="After cleaning")).to_be_visible(timeout=_WAIT)
        press("Space", boxes.nth(2))
        press("Enter", page.get_by_role("button", name="Compare 2 runs"))
        flips = page.get_by_role("heading", name="Rows that flipped")
        expect(flips).to_be_visible(timeout=_WAIT)
        expect(page).to_have_url(re.compile("view=compare"))
        page.reload()
        expect(flips).to_be_visible(timeout=_WAIT)
        expect(page.get_by_role("link", name=re.compile("^B After cleaning"))).to_be_visible()
        page.set_viewport_size({"width": 400, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        press("Enter", page.get_by_role("button", name="All runs"))
        expect(page.get_by_text("2 runs ticked")).to_be_visible(timeout=_WAIT)
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        press("Space", boxes.nth(2))
        expect(page.get_by_text("1 run ticked")).to_be_visible(timeout=_WAIT)
        press("Enter", page.locator(".st-key-delete-runs button"))
        press("Enter", page.get_by_role("button", name="Delete it"))
        expect(boxes).to_have_count(2, timeout=_WAIT)
        assert [run.id for run in store.runs()] == [runs[1].id, runs[0].id]
