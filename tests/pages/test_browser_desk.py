"""The data desk in a real browser: a row edited with the keyboard, a step undone, the cleaned file, and a phone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from advisor.storage.store import Store
from strategies.engine.models import EMBEDDED
from tests.app import app_at, visit
from tests.pages.test_flow import TICKETS
from tests.tiny_strategies import SPEED

pytestmark = pytest.mark.slow

_WAIT = 60_000  # milliseconds: the machine may be busy


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("app") / "home"
    store = Store(home)
    store.save_speed(EMBEDDED, SPEED)
    dataset = store.add_dataset("tickets.csv", TICKETS.encode())
    with app_at(home) as address:
        yield f"{address}/data?dataset={dataset.id}"


def test_rows_are_edited_with_the_keyboard_and_come_back_as_a_file(address: str, page: Page, tmp_path: Path) -> None:
    visit(page, address)
    browse = page.get_by_role("switch", name="Browse and edit the rows")
    expect(browse).to_be_attached(timeout=_WAIT)
    browse.focus()
    page.keyboard.press("Space")
    edit = page.locator(".st-key-edit-row-r3 button")
    expect(edit).to_be_visible(timeout=_WAIT)
    edit.focus()
    page.keyboard.press("Enter")
    source = page.locator(".st-key-row-r3 textarea")
    expect(source).to_be_visible(timeout=_WAIT)
    source.fill("The train never came")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("1. Input “The train never came” instead of")).to_be_visible(timeout=_WAIT)
    page.locator(".st-key-edit-row-r2 button").click()
    page.locator(".st-key-row-r2").get_by_role("button", name="Drop this row").click()
    expect(page.get_by_text("2. Drop “Ship number 0")).to_be_visible(timeout=_WAIT)
    page.reload()
    expect(page.get_by_text("2. Drop “Ship number 0")).to_be_visible(timeout=_WAIT)
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download the cleaned file").click()
    assert saved.value.suggested_filename == "tickets cleaned.csv"
    saved.value.save_as(tmp_path / "cleaned.csv")
    lines = TICKETS.splitlines()
    expected = [lines[0], "The train never came,refund", *lines[3:]]
    assert (tmp_path / "cleaned.csv").read_text("utf-8-sig").splitlines() == expected
    page.locator(".st-key-undo-0 button").click()
    expect(page.get_by_text("1. Drop “Ship number 0")).to_be_visible(timeout=_WAIT)


def test_the_desk_fits_a_phone(address: str, page: Page) -> None:
    page.set_viewport_size({"width": 400, "height": 800})
    visit(page, address)
    toggle = page.get_by_text("Browse and edit the rows")
    toggle.click(timeout=_WAIT)
    page.locator(".st-key-edit-row-r5 button").click(timeout=_WAIT)
    expect(page.locator(".st-key-row-r5 textarea")).to_be_visible(timeout=_WAIT)
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    expect(page.get_by_role("alert")).to_have_count(0)
    assert re.search(r"\d+ of \d+ rows", page.inner_text("body"))
