"""Uploads and the Data page in a real browser: a refused file, and a row read whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from advisor.storage.store import Store
from eval.reading.table import MAX_BYTES
from tests.app import visit
from tests.bad_uploads import HOSTILE
from tests.pages.conftest import LONG_TICKET
from tests.pages.test_flow import TICKETS

pytestmark = pytest.mark.slow

_WAIT = 60_000  # milliseconds: the machine may be busy
_REFUSED_WITHIN = 15_000


def test_a_refused_file_says_why_in_the_red_line(
    served_tickets: tuple[str, str, Store], page: Page, tmp_path: Path
) -> None:
    address, _, _ = served_tickets
    visit(page, address)
    task_file = page.locator(".st-key-task-file input[type=file]")
    task_file.wait_for(state="attached", timeout=_WAIT)
    task_file.set_input_files({"name": "photo.heic", "mimeType": "image/heic", "buffer": b"not a table"})
    alert = page.get_by_role("alert")
    expect(alert).to_have_text(
        "photo.heic isn't a table that we can read. Save it as CSV, TSV, JSONL, JSON, Excel or Parquet.", timeout=_WAIT
    )
    expect(page.get_by_role("button", name="Check my data")).to_be_disabled()
    large = tmp_path / "large.csv"
    with large.open("wb") as file:
        file.truncate(MAX_BYTES + 1)  # a sparse file: nothing is written
    task_file.set_input_files(large)
    expect(alert).to_have_text(
        "large.csv has 201 MB, and we read at most 200 MB. Upload fewer rows, or a Parquet file.", timeout=_WAIT
    )
    task_file.set_input_files({"name": "tickets.csv", "mimeType": "text/csv", "buffer": TICKETS.encode()})
    expect(alert).to_have_count(0, timeout=_WAIT)
    page.get_by_role("button", name="Check my data").click()
    expect(page.get_by_text("45 rows in 2 columns")).to_be_visible(timeout=_WAIT)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_in_words_and_disturbs_nobody(
    served_tickets: tuple[str, str, Store], page: Page, name: str
) -> None:
    address, dataset, _ = served_tickets
    assert page.context.browser is not None
    other = page.context.browser.new_context(viewport=page.viewport_size).new_page()
    visit(other, f"{address}/data?dataset={dataset}")
    visit(page, address)
    task_file = page.locator(".st-key-task-file input[type=file]")
    task_file.wait_for(state="attached", timeout=_WAIT)
    task_file.set_input_files({"name": name, "mimeType": "application/octet-stream", "buffer": HOSTILE[name]})
    page.get_by_role("button", name="Check my data").click()
    _see_the_second_row_whole(other)  # while the file is read
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text(name, timeout=_REFUSED_WITHIN)
    expect(alert).to_have_count(1)
    assert "Traceback" not in page.locator("body").inner_text()
    visit(other, f"{address}/data?dataset={dataset}")
    _see_the_second_row_whole(other)


def test_one_click_shows_a_row_whole(served_tickets: tuple[str, str, Store], page: Page) -> None:
    address, dataset, _ = served_tickets
    visit(page, f"{address}/data?dataset={dataset}")
    _see_the_second_row_whole(page)


def _see_the_second_row_whole(page: Page) -> None:
    tables = page.get_by_test_id("stDataFrame")
    expect(tables).to_have_count(2, timeout=_WAIT)
    tables.first.click(position={"x": 120, "y": 55})
    whole = page.locator(".st-key-whole-row")
    expect(whole.get_by_text(LONG_TICKET, exact=True)).to_be_visible(timeout=_WAIT)
    expect(whole.get_by_text("Row 2")).to_be_visible()
    assert whole.locator("b").count() == 0
