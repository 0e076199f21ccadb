"""The key of a server through a whole comparison: from the environment, and typed on the page of the run that asks."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st

from advisor.command_line.commands import main
from advisor.storage.trial_files import read_trial
from strategies.base_models import check_model
from strategies.served.address import ServedAddress
from strategies.served.keys import own_variable
from tests.bad_uploads import TABLE
from tests.servers.tiny_server import Behaviour, TinyServer
from tests.tiny_strategies import ASKING

SECRET = "sk-very-secret-and-typed"
FAULTS = (429, 500, "cut", "malformed", "page")  # fewer than the tries of a request, which may meet them all


def files_with(secret: str, folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("THREEWAYS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
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
