"""One walk through a real browser, with the real engine: from an upload to a verdict that can be read.

The base model is a folder on this machine, as a person may choose one; it holds the tiny network.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, expect

from advisor.storage.store import Store
from strategies.engine.models import EMBEDDED
from tests.app import ROOT, app_at, visit
from tests.bad_uploads import HOSTILE
from tests.tiny_model import save_tiny_model
from tests.tiny_strategies import SPEED

pytestmark = pytest.mark.slow

_RUN_MINUTES = 15
_TICKETS = "".join((ROOT / "examples" / "support_tickets.csv").read_text("utf-8").splitlines(keepends=True)[:31])


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("app") / "home"
    # As on a machine that was timed before: the walk is about another model than the one that Compare begins with.
    Store(home).save_speed(EMBEDDED, SPEED)
    with app_at(home) as address:
        yield address


def test_from_an_upload_to_a_verdict(address: str, page: Page, tmp_path: Path) -> None:
    elsewhere: list[str] = []
    page.on("request", lambda request: elsewhere.append(request.url) if _leaves(request, address) else None)
    upload = tmp_path / "tickets.csv"
    upload.write_text(_TICKETS)
    model = save_tiny_model(tmp_path / "tiny")

    visit(page, address)
    page.locator(".st-key-upload input[type=file]").first.set_input_files(upload)
    page.get_by_role("button", name="Check my data").click()
    expect(page.get_by_role("heading", name="tickets.csv")).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="Choose what to compare").click()
    expect(page.get_by_role("heading", name="What to compare")).to_be_visible(timeout=60_000)
    page.get_by_role("combobox", name="Language model").fill(str(model))
    page.get_by_role("combobox", name="Language model").press("Enter")
    expect(page.get_by_text("Before anything runs")).to_be_visible()
    page.get_by_role("button", name="Compare the four").click()
    expect(page.get_by_role("button", name="Cancel this run")).to_be_visible(timeout=60_000)
    assert re.search(r"run=[\w-]+", page.url)

    page.reload()
    verdict = page.locator(".verdict .sentence")
    expect(verdict).to_be_visible(timeout=_RUN_MINUTES * 60_000)
    assert verdict.inner_text()
    expect(page.locator("summary", has_text="Methods")).to_be_visible(timeout=60_000)
    with page.expect_download() as download:
        page.get_by_role("button", name="Page (HTML)").click()
    assert verdict.inner_text() in Path(download.value.path()).read_text("utf-8")
    assert elsewhere == []


def test_the_server_outlives_files_that_crash_their_parser(address: str, page: Page, tmp_path: Path) -> None:
    visit(page, address)
    for name, content in {**HOSTILE, "tickets.csv": _TICKETS.encode()}.items():
        (tmp_path / name).write_bytes(content)
        with page.expect_response(lambda response: response.request.method == "PUT"):
            page.locator(".st-key-upload input[type=file]").first.set_input_files(tmp_path / name)
        expect(page.locator(".problem")).to_have_count(0, timeout=60_000)  # that of the file before has gone
        page.get_by_role("button", name="Check my data").click()
        if name in HOSTILE:
            expect(page.locator(".problem")).to_contain_text(name, timeout=60_000)
    expect(page.get_by_role("heading", name="tickets.csv")).to_be_visible(timeout=60_000)


def test_a_page_fits_a_telephone(address: str, page: Page) -> None:
    page.set_viewport_size({"width": 400, "height": 800})
    visit(page, address)
    expect(page.get_by_role("button", name="Check my data")).to_be_visible(timeout=60_000)
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


def _leaves(request: Request, address: str) -> bool:
    return not request.url.startswith((address, address.replace("http", "ws"), "data:", "blob:"))
