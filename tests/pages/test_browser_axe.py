"""axe over every page, light and dark, and over a report as a file; and no page is wider than a phone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import cycle
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from advisor.plan import STRATEGIES, Plan, Setup
from advisor.storage.presence import present
from advisor.storage.store import Store
from advisor.storage.task_file import task_to_json
from eval.outcomes import Trial
from eval.task import Split, Task
from strategies.registry import baselines_for
from tests.app import app_at, finish_run, wait_for_the_page

pytestmark = pytest.mark.slow
_WAIT = 60_000  # milliseconds: the machine may be busy
_PAGES = ("Start", "Data", "Compare", "Running", "Report", "History", "Run comparison", "Advice", "No run", "File")
_SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
_WIDTHS = (1280, 400)
_MOST_TABS = 80
# Streamlit draws the other colours a moment after our own style sheet does; the export has only a style sheet.
_SCHEME_IS_SHOWN = """(scheme) => {
    const app = document.querySelector("[data-testid=stApp]");
    if (app === null) return true;
    const [red, green, blue] = getComputedStyle(app).backgroundColor.match(/[0-9]+/g).map(Number);
    return (red + green + blue < 384) === (scheme === "dark");
}"""
# On the way from light to dark a colour has no contrast yet.
_NOTHING_FADES = """() => document.getAnimations().every(
    (one) => one.playState !== "running" || one.effect.getComputedTiming().endTime === Infinity)"""
_WHERE_THE_KEYBOARD_IS = """() => {
    const stop = document.activeElement;
    if (stop === null || stop === document.body) return null;
    const isRinged = (element) => /solid/.test(getComputedStyle(element).outlineStyle)
        && getComputedStyle(element).outlineWidth === "3px";
    const around = [stop, stop.closest("label"), stop.parentElement, stop.parentElement.parentElement];
    const bar = document.querySelector(".st-key-run-bar"), box = stop.getBoundingClientRect();
    return {
        name: (stop.getAttribute("aria-label") || stop.textContent).replace("play_arrow", "").trim().slice(0, 60),
        ring: around.some((element) => element !== null && isRinged(element)),
        hidden: !bar.contains(stop) && !stop.contains(bar) && box.bottom > bar.getBoundingClientRect().top,
    };
}"""


@pytest.fixture(scope="module")
def addresses(
    tmp_path_factory: pytest.TempPathFactory,
    synthetic_task: Callable[..., Task],
    synthetic_split: Callable[[Task], Split],
    synthetic_trials: Callable[..., tuple[Trial, ...]],
) -> Iterator[dict[str, str]]:
    """Where each page stands; no worker starts, so that the run that waits goes on waiting."""
    home = tmp_path_factory.mktemp("axe") / "home"
    store, task = Store(home), synthetic_task()
    split, trials = synthetic_split(task), synthetic_trials()
    every = [replace(trial, strategy=name) for name, trial in zip(STRATEGIES, cycle(trials), strict=False)]
    names = baselines_for(task.kind, False)
    baselines = [replace(trial, strategy=name) for name, trial in zip(names, cycle(trials), strict=False)]
    done = finish_run(store, task, split, every, baselines=baselines)
    before = finish_run(store, task, split, synthetic_trials(seed=1))
    waiting = store.add_run(Plan(done.dataset_id, Setup("question", "label")), task_to_json(task, split))
    with present(home), app_at(home) as address:
        yield {
            "Start": f"{address}/",
            "Data": f"{address}/data?dataset={done.dataset_id}",
            "Compare": f"{address}/compare?dataset={done.dataset_id}",
            "Running": f"{address}/report?run={waiting.id}",
            "Report": f"{address}/report?run={done.id}",
            "History": f"{address}/history",
            "Run comparison": f"{address}/history?runs={before.id},{done.id}&view=compare",
            "Advice": f"{address}/advice",
            "No run": f"{address}/report",
            "File": (store.run_folder(done.id) / "report.html").as_uri(),
        }


@pytest.mark.parametrize("name", _PAGES)
def test_axe_finds_nothing_serious(addresses: dict[str, str], page: Page, name: str) -> None:
    page.emulate_media(reduced_motion="reduce")
    _open(page, addresses[name])
    _open_every_fold(page)
    assert _problems(page) == []


def test_axe_finds_nothing_serious_in_the_sample_report(addresses: dict[str, str], page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    _open(page, addresses["Start"])
    page.get_by_role("button", name="See a sample report").click()
    expect(page.get_by_text("This is a sample report")).to_be_visible(timeout=_WAIT)
    _open_every_fold(page)
    assert _problems(page) == []


def test_axe_finds_nothing_serious_where_answers_are_compared_blind(addresses: dict[str, str], page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    _open(page, addresses["Report"])
    page.locator("summary", has_text="Check the score yourself").click()
    page.get_by_role("button", name="Start comparing").click()
    expect(page.locator(".blind .sides")).to_be_visible(timeout=_WAIT)
    assert _problems(page) == []


def test_titles_names_and_focus_say_where_one_is(addresses: dict[str, str], page: Page) -> None:
    _open(page, addresses["Report"])
    expect(page).to_have_title("Report · questions — Threeways")
    steps = page.get_by_role("navigation", name="Steps")
    expect(steps.get_by_role("link", name="Report")).to_have_attribute("aria-current", "page")
    steps.get_by_role("link", name="Compare").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="What to compare")).to_be_focused(timeout=_WAIT)
    expect(page).to_have_title("Compare · questions — Threeways")
    boxes = page.get_by_role("checkbox", name=re.compile("^Include"))
    expect(boxes).to_have_count(len(STRATEGIES), timeout=_WAIT)
    names = boxes.evaluate_all("boxes => boxes.map(box => box.getAttribute('aria-label'))")
    assert len(set(names)) == len(STRATEGIES)
    _open(page, addresses["Start"])
    expect(page).to_have_title("Start — Threeways")
    expect(steps.get_by_role("link", name="Report")).to_have_attribute("aria-disabled", "true")
    uses = page.get_by_role("button", name=re.compile("^Use this sample: "))
    assert len(set(uses.evaluate_all("all => all.map(one => one.getAttribute('aria-label'))"))) == uses.count() > 1
    assert page.get_by_role("button", name=re.compile("^Upload: ")).count() == 2


def test_the_keyboard_is_seen_wherever_it_is(addresses: dict[str, str], page: Page) -> None:
    page.set_viewport_size({"width": 400, "height": 800})
    _open(page, addresses["Compare"])
    page.locator("summary", has_text="Advanced").click()
    expect(page.get_by_role("spinbutton", name="Seed")).to_be_visible(timeout=_WAIT)
    _settle(page)
    page.evaluate("document.activeElement.blur()")
    seen: list[str] = []
    for _ in range(_MOST_TABS):
        page.keyboard.press("Tab")
        where = page.evaluate(_WHERE_THE_KEYBOARD_IS)
        if where is None:
            break
        seen.append(where["name"])
        assert where["ring"], f"no ring around {where['name']}"
        assert not where["hidden"], f"{where['name']} is behind the run bar"
    assert {"Requests a month", "Seed"} <= set(seen)
    assert seen[-1].startswith("Compare the ")


def _open(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.locator("h1, .stop").first).to_be_visible(timeout=_WAIT)
    _settle(page)


def _settle(page: Page) -> None:
    """Until the whole page has come."""
    if not page.url.startswith("file:"):
        wait_for_the_page(page)
    page.wait_for_function(_NOTHING_FADES, timeout=_WAIT)


def _open_every_fold(page: Page) -> None:
    closed = page.locator("details:not([open]) > summary")
    while closed.count():  # a fold may hold others, which come when it opens
        closed.evaluate_all("folds => folds.forEach(fold => fold.click())")
        _settle(page)


def _problems(page: Page) -> list[str]:
    """What axe finds, light and dark, on a screen and on a phone, which nothing may be wider than."""
    found = []
    for width in _WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        for scheme in _SCHEMES:
            page.emulate_media(color_scheme=scheme)
            page.wait_for_function(_SCHEME_IS_SHOWN, arg=scheme, timeout=_WAIT)
            _settle(page)
            found += [f"{scheme}, {width} px wide: {problem}" for problem in _serious(page)]
        wide = page.evaluate(
            "[document.documentElement, document.querySelector('[data-testid=stMain]') || document.body]"
            ".map(box => box.scrollWidth - box.clientWidth)"
        )
        if max(wide) > 0:
            found.append(f"{width} px wide: it scrolls sideways by {max(wide)} px")
    return found


def _serious(page: Page) -> list[str]:
    response: dict[str, Any] = Axe().run(page, options={"resultTypes": ["violations"]}).response
    return [
        f"{one['id']}: {node['html'][:200]}"
        for one in response["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]
