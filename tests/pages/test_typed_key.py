"""The key of a server through a whole comparison: from the environment, and typed on the page of the run that asks."""

from __future__ import annotations

import json
import sys
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st

from advisor.command_line.commands import main
from advisor.plan import Plan, Setup
from advisor.runs.experiment import prepare
from advisor.storage.store import Store
from advisor.storage.trial_files import read_trial
from advisor.storage.tries import tries_of
from strategies.base_models import check_model
from strategies.served.address import ServedAddress
from strategies.served.keys import own_variable
from tests.app import html_of, open_page
from tests.bad_uploads import TABLE
from tests.servers.tiny_server import Behaviour, TinyServer
from tests.tiny_strategies import ASKING, files_with, wait_until, working

SECRET, OTHER = "sk-very-secret-and-typed", "sk-another-secret"
FAULTS = (429, 500, "cut", "malformed", "page")  # fewer than the tries of a request, which may meet them all


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("THREEWAYS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])  # in whose place AppTest puts the app's
    st.cache_resource.clear()
    yield tmp_path
    st.cache_resource.clear()


def test_a_key_in_the_environment_is_written_nowhere_and_faults_cost_a_retry(
    home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (home / "task.csv").write_bytes(TABLE)
    with TinyServer(Behaviour(key=SECRET, retry_after="0.01")) as server:
        variable = own_variable(ServedAddress.parse(server.name))
        arguments = ["compare", "task.csv", "--strategies", "prompting", "--model", server.name, "--json"]
        assert main(arguments, ASKING) == 2
        refused = capfd.readouterr().err
        assert f"asks for a key (401): set {variable}" in refused and refused.count("\n") == 1
        monkeypatch.setenv(variable, SECRET)
        assert check_model(server.name) is None
        server.behaviour.faults = deque(FAULTS)
        assert main(arguments, ASKING) == 0
        assert not server.behaviour.faults
    said = capfd.readouterr()
    (candidate,) = json.loads(said.out)["candidates"]
    assert candidate["strategy"] == "prompting"
    (trial,) = home.glob("home/runs/*/prompting")
    found = read_trial(trial)
    assert found is not None and not any(outcome.error for outcome in found.outcomes)
    assert SECRET not in f"{said}" and files_with(SECRET, home) == []


def test_a_key_typed_where_the_run_asks_for_it_is_written_nowhere(
    home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    store = Store()
    dataset = store.add_dataset("tickets.csv", TABLE)
    with TinyServer() as server:
        plan = Plan(dataset.id, Setup("message", "label"), strategies=("prompting",), model=server.name)
        run = prepare(store, plan)
        server.behaviour.key = SECRET  # the worker that had it has ended since
        host = ServedAddress.parse(server.name).host
        with working(store) as worker:
            wait_until(lambda: store.run(run.id).awaits_key == host, worker)
            app = open_page("Report", run=run.id)
            assert f"This run waits for the key of {host}." in html_of(app)
            assert f"The server at {host} asks for a key (401): set THREEWAYS_KEY_127_0_0_1_" in html_of(app)
            app.text_input(key=f"key-of-{host}").set_value("sk with a space")
            app.button[0].click().run()
            assert "A key has no spaces" in html_of(app)
            app.text_input(key=f"key-of-{host}").set_value(SECRET)
            app.button[0].click().run()
            assert "A key has no spaces" not in html_of(app) and SECRET not in repr(app.session_state)
            wait_until(lambda: store.run(run.id).state == "done", worker)
            app.run()
            assert not app.exception and SECRET not in f"{app.main}"
            server.behaviour.key = OTHER  # changed since: whoever tries the run types the new one
            for typed in (OTHER, None):
                app.text_area(key="try-input").set_value("where is my parcel")
                next(one for one in app.button if one.label == "Answer with every strategy").click().run()
                wait_until(lambda: tries_of(store, run.id)[0].state == "done", worker)
                app.run()
                refused = f"The server at {host} refuses the key (401)" in html_of(app)
                assert refused == (typed is not None)
                if typed is not None:
                    app.text_input(key=f"key-of-{host}").set_value(typed)
                    next(one for one in app.button if one.label == "Use this key").click().run()
    assert (store.run_folder(run.id) / "report.html").exists()
    said = f"{capfd.readouterr()}"
    assert not [one for one in (SECRET, OTHER) if one in said or files_with(one, home)]
