"""A typed key goes to the worker's memory, and from there to the children that ask its server; never to the disk."""

from __future__ import annotations

import socket
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from advisor.plan import Plan, Setup
from advisor.runs import worker
from advisor.runs.experiment import prepare
from advisor.runs.key_socket import receiving_keys, send_key
from advisor.storage.person import Person
from advisor.storage.personal import PersonalStore
from advisor.storage.store import Store
from advisor.storage.stored import StoredStep
from advisor.storage.task_file import task_to_json
from eval.task import BadInput
from strategies.served.address import ServedAddress
from strategies.served.answers_kept import kept_file
from strategies.served.keys import (
    Key,
    accept,
    forget,
    handed_over,
    key_for,
    typed_key,
    use_keys_of,
    was_handed_over,
)
from tests.bad_uploads import TABLE
from tests.servers.tiny_server import Behaviour, TinyServer
from tests.tiny_strategies import files_with, tiny_task, wait_until, working

SECRET, OTHER = "sk-typed-and-secret", "sk-another-secret"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Store(tmp_path / "home")


def test_a_key_reaches_the_worker_through_a_socket_of_this_user_alone(store: Store) -> None:
    taken: list[tuple[str, str]] = []
    with receiving_keys(store, lambda host, key, _: taken.append((host, key.reveal()))):
        folder = store.home / "keys"
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((folder / "socket").stat().st_mode) == 0o600
        send_key(store, "gpu-box:8000", Key(SECRET), "A_VARIABLE")
        with socket.socket(socket.AF_UNIX) as rude:  # what isn't a key ends nothing
            rude.connect(str(folder / "socket"))
            rude.sendall(b"hello\n")
            assert rude.recv(10) == b""
        send_key(store, "other", Key("sk-2"), "A_VARIABLE")
    assert taken == [("gpu-box:8000", SECRET), ("other", "sk-2")]
    assert not (folder / "socket").exists()


def test_a_home_with_a_long_path_has_a_socket_too(tmp_path: Path) -> None:
    store, taken = Store(tmp_path / ("long" * 30)), []
    with receiving_keys(store, lambda host, *_: taken.append(host)):
        send_key(store, "host", Key(SECRET), "A_VARIABLE")
    assert taken == ["host"]


def test_where_no_worker_listens_the_variable_is_named(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("advisor.runs.key_socket._SECONDS_TO_LISTEN", 0.0)
    with pytest.raises(BadInput, match=r"didn't take the key: .* set A_VARIABLE"):
        send_key(store, "host", Key(SECRET), "A_VARIABLE")
    monkeypatch.delattr(socket, "AF_UNIX")
    with pytest.raises(BadInput, match=r"no Unix sockets.*: set A_VARIABLE"):
        send_key(store, "host", Key(SECRET), "A_VARIABLE")


def test_a_run_that_waits_for_a_key_holds_up_no_other(store: Store) -> None:
    plan = Plan(store.add_dataset("tickets.csv", TABLE).id, Setup("message", "label"), strategies=("prompting",))
    task = task_to_json(*tiny_task())
    first, second = store.add_run(plan, task), store.add_run(plan, task)
    assert store.start_run(first.id)
    store.save_step(StoredStep(first.id, "prompting", "running", "answering", 3, 10))
    store.await_key(first.id, "GPU-box:8000", "The server asks for a key.")
    waiting = store.run(first.id)
    assert (waiting.state, waiting.awaits_key) == ("queued", "gpu-box:8000")
    assert [step.state for step in store.steps(first.id)] == ["waiting", "waiting"]
    assert not store.start_run(first.id) and store.queue_position(first.id) is None
    assert store.next_run() == second.id and store.awaited_keys() == ["gpu-box:8000"]
    store.key_came("other")
    assert store.next_run() == second.id
    store.key_came("gpu-box:8000")
    assert store.next_run() == first.id and store.run(first.id).reason is None
    assert store.start_run(first.id)
    store.await_key(first.id, "gpu-box:8000", "The server asks for a key.")
    store.cancel(first.id)
    assert store.run(first.id).state == "cancelled" and store.awaited_keys() == []


def test_a_run_goes_on_once_the_environment_has_the_key_of_its_service(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = Plan(store.add_dataset("tickets.csv", TABLE).id, Setup("message", "label"), strategies=("prompting",))
    run = store.add_run(plan, task_to_json(*tiny_task()))
    assert store.start_run(run.id)
    store.await_key(run.id, "api.openai.com", "The server asks for a key.")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    worker._look_for_awaited_keys(store)
    assert store.awaited_keys() == ["api.openai.com"]
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    worker._look_for_awaited_keys(store)
    assert store.awaited_keys() == []


def test_a_refused_key_is_forgotten_unless_another_has_come() -> None:
    model, refused, typed = "served:m@http://gpu-box:8000/v1", Key("sk-1"), Key("sk-2")
    accept({"GPU-box:8000": refused})
    assert handed_over([model, "embedded", "served:m@http://other/v1"]) == {"gpu-box:8000": refused}
    accept({"gpu-box:8000": typed})
    forget("gpu-box:8000", refused)
    assert handed_over([model]) == {"gpu-box:8000": typed}
    forget("gpu-box:8000", typed)
    assert handed_over([model]) == {}


@pytest.mark.parametrize(("text", "said"), [(" ", "is empty"), ("sk 1", "no spaces"), ("schlüssel", "accented")])
def test_what_cannot_be_a_key_is_refused(text: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        typed_key(text)


def test_a_run_waits_for_a_typed_key_and_again_when_the_server_refuses_it(store: Store, tmp_path: Path) -> None:
    """A worker that lost the key is one that never had it."""
    with TinyServer(Behaviour()) as server:
        dataset = store.add_dataset("tickets.csv", TABLE)
        plan = Plan(dataset.id, Setup("message", "label"), strategies=("prompting",), model=server.name)
        run = prepare(store, plan)
        probed, host = len(server.answered), ServedAddress.parse(server.name).host
        server.behaviour = Behaviour(key=SECRET, answers=probed + 7, then=401)
        with working(store) as worker:
            wait_until(lambda: store.run(run.id).awaits_key == host, worker)
            reason = store.run(run.id).reason or ""
            assert reason.startswith(f"The server at {host} asks for a key (401): set THREEWAYS_KEY_127_0_0_1_")
            send_key(store, host, Key(SECRET), "A_VARIABLE")
            refused = f"The server at {host} refuses the key (401): check THREEWAYS_KEY_127_0_0_1_"
            wait_until(lambda: (store.run(run.id).reason or "").startswith(refused), worker)
            assert store.run(run.id).awaits_key == host and len(server.answered) - probed == 7
            server.behaviour = Behaviour(key=OTHER)
            send_key(store, host, Key(OTHER), "A_VARIABLE")
            wait_until(lambda: store.run(run.id).state == "done", worker)
        with closing(sqlite3.connect(kept_file())) as database:
            (kept,) = database.execute("SELECT count(*) FROM answers WHERE body LIKE '%choices%'").fetchone()
        assert len(server.answered) - probed == kept > 7  # the seven weren't paid for again
    assert files_with(SECRET, tmp_path) == files_with(OTHER, tmp_path) == []


def test_a_typed_key_pays_for_the_runs_of_its_person_alone(store: Store) -> None:
    """Where people log in: of two runs that wait for the key of the same server, one gets it."""
    anna, bob = (PersonalStore(store, Person(f"password:{name}", name)) for name in ("anna", "bob"))
    with TinyServer(Behaviour()) as server:
        host = ServedAddress.parse(server.name).host
        runs = []
        for person in (anna, bob):
            dataset = person.add_dataset("tickets.csv", TABLE)
            setup = Setup("message", "label", instruction=f"For {dataset.owner}")  # or the answers would be kept ones
            runs.append(prepare(person, Plan(dataset.id, setup, strategies=("prompting",), model=server.name)))
        server.behaviour = Behaviour(key=SECRET)
        hers, his = runs
        with working(store) as worker:
            wait_until(lambda: all(store.run(run.id).awaits_key for run in runs), worker)
            send_key(bob, host, Key(SECRET), "A_VARIABLE")
            wait_until(lambda: store.run(his.id).state == "done", worker)
            assert store.run(hers.id).awaits_key == host
            store.key_came(host)  # so it is tried once more, by the worker that holds his key
            assert store.run(hers.id).awaits_key == ""
            wait_until(lambda: bool(store.run(hers.id).awaits_key) or store.run(hers.id).state == "done", worker)
        assert store.run(hers.id).awaits_key == host


def test_keys_of_different_people_are_kept_apart() -> None:
    model, hers, his = "served:m@http://gpu-box:8000/v1", Key("sk-1"), Key("sk-2")
    accept({"gpu-box:8000": hers}, "anna")
    try:
        assert handed_over([model]) == {}
        use_keys_of("bob")
        assert handed_over([model]) == {} and key_for(ServedAddress.parse(model)) is None
        accept({"gpu-box:8000": his}, "bob")
        assert handed_over([model]) == {"gpu-box:8000": his}
        forget("gpu-box:8000", his)
        use_keys_of("anna")
        assert handed_over([model]) == {"gpu-box:8000": hers}
        forget("gpu-box:8000", hers)
        assert not was_handed_over("gpu-box:8000")
    finally:
        use_keys_of("")
