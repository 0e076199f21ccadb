"""What the page tests share: a store, runs that have ended, the app under an address, and a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page, expect, sync_playwright

from advisor.storage.store import Store
from advisor.storage.stored import StoredRun
from eval.outcomes import Trial
from eval.task import Kind, Split, Task
from strategies.engine.models import EMBEDDED
from tests.app import BROWSER_WAIT, app_at, finish_run, own_home
from tests.pages.test_flow import TICKETS
from tests.tiny_strategies import SPEED

_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_MOST_SHOWN = 6_000  # characters of a page that a test failed on
SHORT_TICKET = "Ship number 0 has trouble with its mast"
LONG_TICKET = "Ship number 0 has <b>trouble</b> with its mast" + " and more" * 90


@pytest.hookimpl(tryfirst=True)  # before pytest leaves tests out by their marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "page" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where a test fails in a browser, pytest shows what a person would have seen there."""
    report = yield
    page = item.funcargs.get("page")
    if report.when == "call" and report.failed and isinstance(page, Page):
        report.sections.append(("The page", _seen(page)))
    return report


def _seen(page: Page) -> str:
    try:
        state = page.get_by_test_id("stApp").get_attribute("data-test-script-state", timeout=1_000)
        focused = page.evaluate("document.activeElement.outerHTML.slice(0, 300)")
        shown = page.locator("body").aria_snapshot()
    except PlaywrightError as wrong:  # the browser may be what failed
        return str(wrong)
    return f"{page.url}\nScript: {state}\nFocus: {focused}\n{shown[:_MOST_SHOWN]}"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    with own_home(tmp_path, monkeypatch) as store:
        yield store


@pytest.fixture
def finished(
    store: Store,
    synthetic_task: Callable[..., Task],
    synthetic_split: Callable[[Task], Split],
    synthetic_trials: Callable[..., tuple[Trial, ...]],
) -> Callable[..., StoredRun]:
    """`finished(trials, kind, task, follows)`: a run over the synthetic task of a kind, or over another task, that
    ended with these trials, or with the synthetic ones."""

    def finish(
        trials: Sequence[Trial] | None = None,
        kind: Kind = Kind.CLASSIFICATION,
        task: Task | None = None,
        follows: str | None = None,
    ) -> StoredRun:
        original = synthetic_task(kind)
        own = synthetic_trials(kind) if trials is None else trials
        return finish_run(store, task or original, synthetic_split(original), own, follows)

    return finish


@pytest.fixture
def report_address(
    tmp_path: Path,
    synthetic_task: Callable[..., Task],
    synthetic_split: Callable[[Task], Split],
    synthetic_trials: Callable[..., tuple[Trial, ...]],
) -> Iterator[str]:
    """Where a browser finds the report of a finished run; the home is in `tmp_path`."""
    task = synthetic_task()
    run = finish_run(Store(tmp_path / "home"), task, synthetic_split(task), synthetic_trials())
    with app_at(tmp_path / "home") as address:
        yield f"{address}/report?run={run.id}"


@pytest.fixture(scope="module")
def served_tickets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, Store]]:
    """The address of the app, the id of a dataset whose first row is long, and the store."""
    home = tmp_path_factory.mktemp("app") / "home"
    store = Store(home)
    store.save_speed(EMBEDDED, SPEED)
    dataset = store.add_dataset("tickets.csv", TICKETS.replace(SHORT_TICKET, LONG_TICKET).encode())
    with app_at(home) as address:
        yield address, dataset.id, store


@pytest.fixture
def page() -> Iterator[Page]:
    if _CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=_CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        page = browser.new_page(viewport={"width": 1100, "height": 900})
        # With the first listener, Playwright has the browser hand over its file choosers, and doesn't wait until it
        # does. A chooser that is opened earlier is cancelled at once.
        page.on("filechooser", lambda _: None)
        page.set_default_timeout(BROWSER_WAIT)
        expect.set_options(timeout=BROWSER_WAIT)
        yield page
        browser.close()
