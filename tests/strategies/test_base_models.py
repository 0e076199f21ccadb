"""A model's name decides who is asked: the engine on this machine, or a server."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from advisor.estimate import measure_speed
from advisor.plan import Plan, Setup
from advisor.runs.experiment import draft_task
from advisor.runs.timing import take_speed
from advisor.storage.store import Store
from eval.reading.table import read_table
from eval.task import BadInput, Brief, Kind
from strategies.base_models import check_model, context_tokens, is_here, refusal
from strategies.presets import PRESETS
from strategies.registry import BY_SERVICE, CHANGES_WEIGHTS, DECLARATIONS, STRATEGIES, build_strategy
from strategies.served.serving import ServedLoader
from tests.servers.tiny_server import Behaviour, TinyServer

BRIEF = Brief("tiny", Kind.CLASSIFICATION, "", ("a", "b"))


@pytest.fixture(scope="module")
def server() -> Iterator[TinyServer]:
    with TinyServer() as running:
        yield running


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_a_served_model_is_checked_at_its_server_once_a_day(server: TinyServer) -> None:
    assert context_tokens(server.name) is None
    assert check_model(server.name) is None
    asked = server.seen
    assert context_tokens(server.name) == 2048 and is_here(server.name)
    assert check_model(server.name) is None
    ServedLoader(server.name)().close()
    assert server.seen == asked


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("served:m@host", "doesn't say where the server is: write it as served:MODEL@http://HOST:PORT/v1"),
        ("served:@http://host", "doesn't name the model"),
    ],
)
def test_what_is_wrong_with_a_served_model_is_a_sentence(name: str, said: str) -> None:
    assert said in (check_model(name) or "")


def test_a_server_that_wants_a_key_says_so_before_a_run(server: TinyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.behaviour = Behaviour(key="sk-right")
    try:
        assert "asks for a key (401): set THREEWAYS_KEY_127_0_0_1_" in (check_model(server.name) or "")
        monkeypatch.setenv(f"THREEWAYS_KEY_127_0_0_1_{server.url.rsplit(':')[-1].removesuffix('/v1')}", "sk-right")
        assert check_model(server.name) is None
    finally:
        server.behaviour = Behaviour()


@pytest.mark.parametrize("name", STRATEGIES)
def test_strategies_that_train_refuse_a_served_model(server: TinyServer, name: str) -> None:
    said = refusal(server.name, DECLARATIONS[name], ask=True)
    if name not in CHANGES_WEIGHTS:
        assert said is None
        return
    why = "The server of tiny offers no fine-tuning" if name in BY_SERVICE else "those of tiny are on a server"
    assert said is not None and why in said
    with pytest.raises(BadInput, match="leave"):
        build_strategy(name, BRIEF, server.name, PRESETS["quick"], 0)
    assert (refusal("embedded", DECLARATIONS[name]) is None) == (name not in BY_SERVICE)


def test_a_plan_that_trains_a_served_model_is_refused_before_anything_runs(server: TinyServer) -> None:
    table = "message,label\n" + "".join(f"order number {row},{'ab'[row % 2]}\n" for row in range(40))
    plan = Plan("d", Setup("message", "label"), strategies=("prompting", "finetuning"), model=server.name)
    with pytest.raises(BadInput, match="fine-tuning changes the weights of a model"):
        draft_task(plan, "t.csv", read_table("t.csv", table.encode()), [])
    assert draft_task(replace(plan, strategies=("prompting",)), "t.csv", read_table("t.csv", table.encode()), [])


def test_a_served_model_is_not_timed_on_this_machine(server: TinyServer, tmp_path: Path) -> None:
    store = Store(tmp_path / "home")
    take_speed(store, server.name)
    stored = store.speed(server.name)
    assert stored is not None and stored.speed is None
    assert stored.problem == "The model is on a server, so timing this machine would say nothing about it."
    with pytest.raises(BadInput, match="The model is on a server"):
        measure_speed(server.name)


def test_asking_a_served_model_never_loads_torch(server: TinyServer) -> None:
    program = (
        "import sys; from strategies.base_models import check_model; from strategies.registry import build_strategy;"
        "from strategies.presets import PRESETS; from eval.task import Brief, Kind;"
        "strategy = build_strategy('prompting', Brief('t', Kind.WRITING, ''), sys.argv[1], PRESETS['quick'], 0);"
        "strategy.load_model().close(); sys.exit('torch' in sys.modules)"
    )
    finished = subprocess.run([sys.executable, "-c", program, server.name], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
