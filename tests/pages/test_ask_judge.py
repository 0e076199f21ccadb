"""A judge asked on the page of a report: what it costs, that it waits its turn, and what the report then says."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from advisor.plan import Plan, Setup
from advisor.runs.judge_desk import judge_next
from advisor.storage.ballots import read_ballots
from advisor.storage.judge_queue import ask_judge, judging_of
from advisor.storage.store import Store
from advisor.storage.stored import StoredRun
from eval.task import Kind
from strategies.served.keys import Key, accept
from tests.app import html_of, open_page
from tests.pages.test_served_form import connect
from tests.servers.tiny_server import Behaviour, TinyServer

SECRET = "sk-of-the-judge"


@pytest.fixture
def judge(store: Store) -> Callable[[], bool]:
    """What the worker does for the next judge in the queue."""
    original = sys.modules["__main__"]

    def go() -> bool:
        sys.modules["__main__"] = original  # which children import; AppTest puts the app's in its place
        return judge_next(store)

    return go


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_a_judge_is_asked_on_the_page_and_says_its_say_in_the_report(
    store: Store, finished: Callable[..., StoredRun], judge: Callable[[], bool]
) -> None:
    run = finished(kind=Kind.ANSWERING)
    with TinyServer() as server:
        app = open_page("Report", run=run.id)
        connect(app, server.url, place=f"judge-{run.id}")
        assert "pairs of answers, with 2 requests for each" in html_of(app)
        app.button(key="ask-judge").click().run()
        assert f"{server.url[7:-3]} is next, when the machine is free." in html_of(app)
        server.behaviour.key = SECRET
        assert judge()
        asked = judging_of(store, run.id)
        assert asked is not None and asked.awaits_key == server.url[7:-3] and not judge()
        app = open_page("Report", run=run.id)
        assert "waits for the key of its server." in html_of(app) and "asks for a key (401)" in html_of(app)
        accept({asked.awaits_key: Key(SECRET)})
        ask_judge(store, run.id, server.name)
        assert judge()
    assert judging_of(store, run.id) is None and not judge()
    said = html_of(open_page("Report", run=run.id))
    assert f"tiny at {server.url[7:-3]} compared the answers." in said


def test_a_judge_makes_way_for_runs_and_can_be_stopped(
    store: Store, finished: Callable[..., StoredRun], judge: Callable[[], bool]
) -> None:
    run = finished(kind=Kind.ANSWERING)
    waiting = store.add_run(Plan(run.dataset_id, Setup("question", "label")), "{}")
    with TinyServer(Behaviour(seconds=0.2)) as server:
        ask_judge(store, run.id, server.name)
        assert judge()
        asked = judging_of(store, run.id)
        assert asked is not None and asked.state == "waiting" and not read_ballots(store.run_folder(run.id))
    store.cancel(waiting.id)
    app = open_page("Report", run=run.id)
    app.button(key="stop-judge").click().run()
    assert judging_of(store, run.id) is None and not judge()
