"""From an upload to a verdict with the keyboard alone: every control is reached with Tab and used with a key."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from advisor.storage.store import Store
from strategies.engine.models import EMBEDDED
from tests.app import ROOT, app_at, visit, wait_for_the_page
from tests.tiny_model import save_tiny_model
from tests.tiny_strategies import SPEED

pytestmark = pytest.mark.slow
_WAIT = 120_000  # milliseconds: the machine may be busy, also with the run itself
_RUN_MINUTES = 15
_MOST_TABS = 80
_TICKETS = "".join((ROOT / "examples" / "support_tickets.csv").read_text("utf-8").splitlines(keepends=True)[:31])


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    home = tmp_path / "home"
    Store(home).save_speed(EMBEDDED, SPEED)  # as on a machine that was timed before
    with app_at(home) as address:
        yield address


def test_from_an_upload_to_a_verdict_without_a_mouse(address: str, page: Page, tmp_path: Path) -> None:
    upload = tmp_path / "tickets.csv"
    upload.write_text(_TICKETS)
    model = save_tiny_model(tmp_path / "tiny")
    visit(page, address)

    tab_to(page.get_by_role("button", name=re.compile("^Upload: Your task")))
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    with page.expect_response(lambda response: response.request.method == "PUT"):
        chooser.value.set_files(upload)
    press(page.get_by_role("button", name="Check my data"))
    expect(page.get_by_role("heading", name="tickets.csv")).to_be_focused(timeout=_WAIT)

    press(page.get_by_role("button", name="Choose what to compare"))
    expect(page.get_by_role("heading", name="What to compare")).to_be_focused(timeout=_WAIT)
    press(page.get_by_role("checkbox", name="Include: Retrieval", exact=True), "Space")
    press(page.get_by_role("checkbox", name="Include: Adapter fine-tuning"), "Space")
    run = page.get_by_role("button", name="Compare the two")
    expect(run).to_be_visible(timeout=_WAIT)
    tab_to(page.get_by_role("combobox", name="Language model"))
    page.keyboard.type(str(model))
    page.keyboard.press("Enter")
    expect(page.get_by_text("Before anything runs")).to_be_visible(timeout=_WAIT)
    press(run)
    expect(page.get_by_role("button", name="Cancel this run")).to_be_visible(timeout=_WAIT)

    verdict = page.locator(".verdict .sentence")
    expect(verdict).to_be_visible(timeout=_RUN_MINUTES * 60_000)
    assert verdict.inner_text()
    press(page.locator("summary", has_text="Try other priorities"))
    press(page.get_by_role("slider", name="Requests a month"), "ArrowRight")
    expect(page.locator(".rejudged .then")).to_be_visible(timeout=_WAIT)
    page.wait_for_url(re.compile("if-volume="))

    press(page.locator("summary", has_text="Try it"))
    tab_to(page.get_by_role("textbox", name="A new input"))
    page.keyboard.type("The screen of my phone is broken")
    press(page.get_by_role("button", name="Answer with every strategy"))
    expect(page.get_by_text("All answers were there after")).to_be_visible(timeout=_RUN_MINUTES * 60_000)
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []


def press(wanted: Locator, key: str = "Enter") -> None:
    tab_to(wanted)
    wanted.page.keyboard.press(key)


def tab_to(wanted: Locator) -> None:
    """Goes on from where the keyboard is until it is there, which can be seen."""
    expect(wanted).to_be_visible(timeout=_WAIT)
    expect(wanted).to_be_enabled(timeout=_WAIT)  # Tab passes what is disabled
    wait_for_the_page(wanted.page)
    for _ in range(_MOST_TABS):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        wanted.page.keyboard.press("Tab")
    raise AssertionError(f"{_MOST_TABS} presses of Tab didn't reach {wanted}")
