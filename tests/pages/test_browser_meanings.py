"""The meaning of a label, typed in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from advisor.storage.store import Store
from tests.app import visit

pytestmark = pytest.mark.slow

_WAIT = 60_000  # milliseconds: the machine may be busy


def test_a_meaning_is_typed_and_kept(served_tickets: tuple[str, str, Store], page: Page) -> None:
    address, dataset, store = served_tickets
    visit(page, f"{address}/data?dataset={dataset}")
    tables = page.get_by_test_id("stDataFrame")
    expect(tables).to_have_count(2, timeout=_WAIT)
    meanings = tables.last
    meanings.scroll_into_view_if_needed()
    size = meanings.bounding_box()
    assert size is not None
    meanings.click(position={"x": size["width"] - 60, "y": 55})
    page.keyboard.type("a")  # opens the cell
    cell = page.locator("textarea.gdg-input")
    expect(cell).to_be_focused(timeout=_WAIT)
    cell.fill("a wish to travel")
    expect(cell).to_have_value("a wish to travel")
    cell.press("Enter")
    expect(page.get_by_text("You explained 1 of 3 labels.")).to_be_visible(timeout=_WAIT)
    page.get_by_role("button", name="Choose what to compare").click(timeout=_WAIT)
    page.wait_for_url("**/compare?*", timeout=_WAIT)
    saved = store.dataset(dataset).setup
    assert saved is not None and saved.meanings == (("booking", "a wish to travel"),)
    visit(page, f"{address}/data?dataset={dataset}")
    expect(page.get_by_test_id("stDataFrame").last).to_contain_text("a wish to travel", timeout=_WAIT)
