"""A newcomer's first minute in a real browser: from a fresh home to the verdict of the sample report."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.app import app_at, visit

pytestmark = pytest.mark.slow
_SECONDS = 2.0  # what a person should wait at most, on a quiet machine
_TIMES_AS_LONG = 10  # on a busy one


def test_the_sample_report_opens_at_once(
    tmp_path: Path, page: Page, record_property: Callable[[str, object], None]
) -> None:
    with app_at(tmp_path / "home") as address:
        visit(page, address)
        button = page.get_by_role("button", name="See a sample report")
        expect(button).to_be_visible(timeout=60_000)
        clicked = time.monotonic()
        button.click()
        expect(page.locator(".verdict .sentence")).to_be_visible(timeout=60_000)
        seconds = time.monotonic() - clicked
        record_property("seconds", seconds)
        assert seconds < _TIMES_AS_LONG * _SECONDS
        expect(page.get_by_text("This is a sample report")).to_be_visible()
