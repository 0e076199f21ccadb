"""A report as a browser shows it: what its first screen holds, and how long it is with everything folded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import cycle
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from advisor.storage.store import Store
from eval.outcomes import Trial
from eval.task import Kind, Split, Task
from strategies.registry import LOCAL, baselines_for
from tests.app import app_at, finish_run, visit

pytestmark = pytest.mark.slow
WIDE, SCREEN = 1280, 800  # pixels of what counts as a screen
KINDS = [Kind.CLASSIFICATION, Kind.EXTRACTION, Kind.ANSWERING, Kind.WRITING]


@pytest.fixture
def addresses(
    tmp_path: Path,
    synthetic_task: Callable[..., Task],
    synthetic_split: Callable[[Task], Split],
    synthetic_trials: Callable[..., tuple[Trial, ...]],
) -> Iterator[list[str]]:
    store = Store(tmp_path / "home")
    tasks = [(synthetic_task(kind), synthetic_trials(kind)) for kind in KINDS]
    runs = [finish_run(store, task, synthetic_split(task), trials) for task, trials in tasks]
    task, trials = tasks[0]
    strategies = [replace(trial, strategy=name) for name, trial in zip(LOCAL, cycle(trials), strict=False)]
    baselines = [
        replace(trial, strategy=name)
        for name, trial in zip(baselines_for(task.kind, False), cycle(trials), strict=False)
    ]
    runs.append(finish_run(store, task, synthetic_split(task), strategies, baselines=baselines))
    with app_at(tmp_path / "home") as address:
        yield [f"{address}/report?run={run.id}" for run in runs]


def test_the_first_screen_holds_the_verdict_and_the_whole_is_short(addresses: list[str], page: Page) -> None:
    for address in addresses:
        page.set_viewport_size({"width": WIDE, "height": SCREEN})
        visit(page, address)
        expect(page.get_by_role("button", name="Data (JSON)")).to_be_attached(timeout=60_000)  # the last on the page
        chart = page.locator(".st-key-opening [data-testid=stVegaLiteChart]")
        expect(chart.locator("canvas, svg").first).to_be_visible(timeout=60_000)
        for shown in (page.locator(".verdict"), chart, page.locator(".st-key-opening .beside h2").first):
            box = shown.bounding_box()
            assert box is not None and box["y"] + box["height"] <= SCREEN
        assert page.locator(".verdict .figures > div").count() == 3
        assert page.locator(".st-key-opening .beside li:visible").count() <= 7
        assert len(page.locator("[data-testid=stMain]").inner_text().split()) <= 900
        assert page.locator("[data-testid=stMain]").evaluate("main => main.scrollHeight") <= 3.5 * SCREEN
        page.set_viewport_size({"width": 400, "height": SCREEN})
        expect(chart.locator("canvas, svg").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
