"""The app under test: at a page, with a home of its own, as a server for a browser, and over runs that have ended."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import streamlit as st
from pandas import DataFrame
from playwright.sync_api import Page
from streamlit import config
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from advisor.estimate import Speed
from advisor.pages.frame import SCRIPT
from advisor.pairing import model_in, strategy_of
from advisor.plan import DEFAULT_MODEL, Plan, Setup
from advisor.runs.report_files import write_report
from advisor.storage.presence import present
from advisor.storage.store import Store, home_at
from advisor.storage.stored import StoredRun, StoredStep
from advisor.storage.task_file import task_to_json
from advisor.storage.trial_files import write_trial
from eval.outcomes import Trial
from eval.task import Split, Task

ROOT = Path(__file__).parent.parent
SECRETS = "secrets.toml"
SECONDS = 60  # a first run imports the app, and the machine may be busy
BROWSER_WAIT = 120_000  # milliseconds, likewise
SPEED = Speed("cpu", 1.0, read=300.0, read_alone=200.0, write=40.0, write_alone=10.0, train=120.0, embed=50.0)
_scan_once = cache(manifest_scanner.scan_component_manifests)  # AppTest reads what is installed anew for each app
_WHOLE = """() =>
    document.querySelector("[data-testid=stApp]")?.dataset.testScriptState === "notRunning"
    && !document.querySelector("[data-testid^=stSkeleton]")
    && [...document.querySelectorAll("[data-testid=stVegaLiteChart]")].every(
        chart => chart.querySelector("svg") || chart.closest("details:not([open])"))"""


@contextmanager
def own_home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A store for the pages alone, whose worker is this test: no page starts a real one."""
    monkeypatch.setenv("THREEWAYS_HOME", str(folder))
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])  # in whose place AppTest puts the app's
    monkeypatch.setattr(manifest_scanner, "scan_component_manifests", _scan_once)
    st.cache_resource.clear()
    store = Store()
    store.request_speed("embedded")
    store.save_speed("embedded", SPEED)
    with present(folder), secrets_at(folder / SECRETS):
        yield store
    st.cache_resource.clear()


@contextmanager
def secrets_at(file: Path) -> Iterator[None]:
    """Streamlit's settings with secrets are in this file, if it is there, and nowhere else."""
    before = config.get_option("secrets.files")
    config.set_option("secrets.files", [str(file)])
    try:
        yield
    finally:
        config.set_option("secrets.files", before)


def as_toml(tables: dict[str, dict[str, Any]]) -> str:
    """Of texts, numbers, and lists of them."""
    return "".join(
        f"[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())
        for name, table in tables.items()
    )


def open_page(title: str, **address: str) -> AppTest:
    """The app at a page, as if a person had opened this address."""
    return open_page_as({}, {}, title, **address)


def open_page_as(user: dict[str, Any], secrets: dict[str, dict[str, Any]], title: str, **address: str) -> AppTest:
    """The same for a person of whom Streamlit knows this, with these settings in secrets.toml."""
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=SECONDS)
    app.user = user
    if secrets:
        (home_at() / SECRETS).write_text(as_toml(secrets))
    for name, value in address.items():
        app.query_params[name] = value
    app.run()
    if title != "Start":
        app.switch_page(f"advisor/pages/{title.lower()}.py").run()
    assert not app.exception, app.exception
    return app


def open_answers(**address: str) -> AppTest:
    """The report at this address with its answers side by side unfolded."""
    app = open_page("Report", **address)
    app.session_state["answers-fold"] = True
    return app.run()


def html_of(app: AppTest) -> str:
    """Everything the page says in its own HTML, without the frame's style sheet and script."""
    bodies = [element.proto.body for element in app.get("html")]
    return " ".join(body for body in bodies if not body.startswith("<style>") and body != SCRIPT)


def visit(page: Page, address: str) -> None:
    page.goto(address)
    wait_for_the_page(page)


def wait_for_the_page(page: Page) -> None:
    """Until nothing is still to come that moves or replaces what is shown: the script, code that Streamlit loads for an
    element when it first needs it, and charts."""
    page.wait_for_function(_WHOLE, timeout=BROWSER_WAIT)


def primaries(app: AppTest) -> list[str]:
    return [button.label for button in app.button if button.proto.type == "primary"]


def finish_run(
    store: Store,
    task: Task,
    split: Split,
    trials: Sequence[Trial],
    follows: str | None = None,
    baselines: Sequence[Trial] = (),
    cluster: str = "",
) -> StoredRun:
    """A run over this task as if it had been uploaded, with these results, in the order of their models."""
    table = DataFrame(
        {"question": [row.input for row in task.examples], "label": [row.target for row in task.examples]}
    )
    dataset = store.add_dataset("questions.csv", table.to_csv(index=False).encode())
    chosen: dict[str, list[str]] = {}
    for trial in trials:
        chosen.setdefault(model_in(trial.strategy) or DEFAULT_MODEL, []).append(strategy_of(trial.strategy))
    plan = Plan(dataset.id, Setup("question", "label"), follows=follows, cluster=cluster)
    plan = plan.with_chosen([(model, tuple(names)) for model, names in chosen.items()])
    run = store.add_run(plan, task_to_json(task, split))
    folder = store.run_folder(run.id)
    store.save_step(StoredStep(run.id, "baselines", "done"))
    for trial in trials:
        (folder / trial.strategy).mkdir(exist_ok=True)
        write_trial(folder / trial.strategy, trial)
        store.save_step(StoredStep(run.id, trial.strategy, trial.status, reason=trial.reason))
    for trial in baselines:
        (folder / "baselines" / trial.strategy).mkdir(parents=True)
        write_trial(folder / "baselines" / trial.strategy, trial)
    write_report(folder, run, trials, store.steps(run.id), baselines)
    store.end_run(run.id, "done")
    return store.run(run.id)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def app_at(home: Path, *more: str, port: int | None = None) -> Iterator[str]:
    """The app on a free port, or on this one, with a home of its own, which is gone at the end, and `more` options;
    where a test fails, pytest shows what the server said."""
    port = port or free_port()
    options = ["--server.port", str(port), "--server.headless", "true"]
    with subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", *options, *more],
        cwd=ROOT,
        env=os.environ | {"THREEWAYS_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as app:
        try:
            assert app.stdout is not None
            assert any("URL" in line for line in app.stdout), "the app ended before it was ready"
            Thread(target=shutil.copyfileobj, args=(app.stdout, sys.stdout), daemon=True).start()
            yield f"http://127.0.0.1:{port}"
        finally:
            app.terminate()
            app.wait(60)
            shutil.rmtree(home, ignore_errors=True)  # by which a worker knows that it is to end
