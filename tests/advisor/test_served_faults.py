"""Faults of a server in the middle of a whole run: nothing is lost, nothing is paid for twice, and the reason is a
sentence."""

from __future__ import annotations

import sqlite3
from collections import deque
from contextlib import closing
from pathlib import Path

import pytest

from advisor.plan import Plan, Setup
from advisor.runs.experiment import prepare, run_experiment
from advisor.storage.store import Store
from advisor.storage.task_file import read_task
from eval.task import BadInput
from strategies.presets import PRESETS
from strategies.served.address import ServedAddress
from strategies.served.answers_kept import AnswersKept, kept_file
from strategies.served.budget import Limit
from tests.bad_uploads import TABLE
from tests.servers.tiny_server import Behaviour, TinyServer
from tests.tiny_strategies import HURRIED, build_hurried


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Store(tmp_path / "home")


def plan_for(store: Store, server: TinyServer, limit: Limit | None = None) -> Plan:
    dataset = store.add_dataset("tickets.csv", TABLE)
    return Plan(
        dataset.id,
        Setup("message", "label"),
        strategies=("prompting",),
        model=server.name,
        limit=limit or Limit(),
        reuses=False,
    )


def answers_on_disk() -> int:
    """Without what only counts tokens."""
    with closing(sqlite3.connect(kept_file())) as database:
        (found,) = database.execute("SELECT count(*) FROM answers WHERE body LIKE '%choices%'").fetchone()
    return int(found)


def test_a_server_that_hangs_is_asked_again_or_gives_a_sentence_and_nothing_is_lost(store: Store) -> None:
    with TinyServer() as server:
        run = prepare(store, plan_for(store, server))
        probed = len(server.answered)
        server.behaviour = Behaviour(answers=probed + 7)
        run_experiment(store, run.id, lambda _: None, lambda: False, HURRIED)
        (step,) = [step for step in store.steps(run.id) if step.strategy == "prompting"]
        host = ServedAddress.parse(server.name).host
        assert step.reason is not None and step.reason.startswith(f"The server at {host} didn't answer within 1 ")
        assert "are not paid for again" in step.reason
        assert len(server.answered) - probed == answers_on_disk() == 7

        # The server works again, but for two requests. What fits and answers now is what a run does in a child.
        server.behaviour = Behaviour(faults=deque(["hang", "hang"]))
        task, split = read_task(store.run_folder(run.id))
        strategy = build_hurried("prompting", task.brief, server.name, PRESETS[run.plan.preset], run.plan.seed)
        strategy.fit(split.without_test, (), lambda _: None)
        answers = strategy.predict([row.input for row in split.test])
        assert len(answers) == len(split.test) and all(one.error is None for one in answers)
        assert len(server.answered) - probed == answers_on_disk() > 7  # the first seven weren't asked for again


def test_what_probes_spend_counts_for_the_run_and_its_limit(store: Store) -> None:
    with TinyServer() as server:
        plan = plan_for(store, server, Limit(requests=5))
        with pytest.raises(BadInput, match="The limit of this run is too low to find out what tiny can do"):
            prepare(store, plan)
        assert server.seen == 5 and store.runs() == []
        run = prepare(store, plan_for(store, server, Limit(requests=60)))
        probed = server.seen - 5
        kept = AnswersKept(kept_file())
        assert kept.spent(run.id)[server.name].requests == kept.spent(run.id, "probes")[server.name].requests == probed
        assert probed > 10
        next_one = prepare(store, plan_for(store, server))
        assert kept.spent(next_one.id) == {}  # what the server can do is known for a day
        kept.close()
