"""Comparing answers blind in a real browser: by keyboard, on a telephone, without the page being drawn anew."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.app import visit

pytestmark = pytest.mark.slow


def test_pairs_are_compared_by_keyboard_on_a_telephone(report_address: str, page: Page) -> None:
    page.set_viewport_size({"width": 400, "height": 800})
    visit(page, report_address)
    page.locator("summary", has_text="Check the score yourself").click(timeout=60_000)
    page.get_by_role("button", name="Start comparing").click()
    progress = page.locator(".blind [role=status]")
    expect(progress).to_have_text("0 of 20 compared", timeout=60_000)
    page.locator(".verdict").evaluate("element => element.dataset.drawn = 'once'")
    page.locator(".blind summary").click()
    for done, key in enumerate("1234", 1):
        page.keyboard.press(key)
        expect(progress).to_have_text(f"{done} of 20 compared")
    expect(page.locator(".blind details")).not_to_have_attribute("open", "")  # the next expected answer is hidden again
    page.get_by_role("button", name="Left is better").press("Enter")
    expect(progress).to_have_text("5 of 20 compared")
    expect(page.get_by_role("button", name="Left is better")).to_be_focused()
    assert page.locator(".verdict").get_attribute("data-drawn") == "once"
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    page.get_by_role("button", name="Stop here").click()
    expect(page.get_by_text("By your clicks,").first).to_be_visible(timeout=60_000)
