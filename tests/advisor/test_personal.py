"""The store as one person sees it: what it shows, what it changes, and that nothing in it is forgotten."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from pathlib import Path

import pytest

from advisor.plan import Plan, Setup
from advisor.render.fitted_zip import can_download
from advisor.runs.tuning_again import with_start
from advisor.storage.about import read_about
from advisor.storage.clicks import read_clicks, write_clicks
from advisor.storage.judge_queue import ask_judge, end_judging
from advisor.storage.own_marks import OwnMark, readable_marks, write_marks
from advisor.storage.packed import pack, unpack
from advisor.storage.person import Person
from advisor.storage.personal import PersonalStore
from advisor.storage.rebuild import rebuild_database
from advisor.storage.store import Store
from advisor.storage.stored import StoredRun
from advisor.storage.task_file import task_to_json
from advisor.storage.tries import add_try, new_try
from advisor.storage.upload import Upload
from eval.blind.pairs import Choice, Click
from eval.outcomes import Trial
from eval.task import BadInput, Split, Task
from strategies.served.budget import Limit
from tests.app import finish_run
from tests.tiny_strategies import tiny_task

TABLE = b"message,label\n" + b"".join(b"text %d,%s\n" % (row, (b"yes", b"no")[row % 2]) for row in range(30))
ANNA, BOB = Person("password:anna", "Anna"), Person("password:bob", "Bob")
SETUP = Setup("message", "label")


@pytest.fixture
def machine(tmp_path: Path, each_database: None) -> Store:
    return Store(tmp_path / "home")


@pytest.fixture
def anna(machine: Store) -> PersonalStore:
    return PersonalStore(machine, ANNA)


@pytest.fixture
def bob(machine: Store) -> PersonalStore:
    return PersonalStore(machine, BOB)


def add_run(store: Store, follows: str | None = None) -> StoredRun:
    dataset = store.add_dataset("tickets.csv", TABLE)
    return store.add_run(Plan(dataset.id, SETUP, follows=follows), task_to_json(*tiny_task()))


def test_a_run_is_its_owners_alone_until_it_is_shared(machine: Store, anna: Store, bob: Store) -> None:
    run = add_run(anna)
    assert (run.owner, run.owner_name, run.is_shared) == (ANNA.key, "Anna", False)
    assert anna.runs() == machine.runs() == [run] and bob.runs() == []
    anna.share_run(run.id, True)
    assert [one.id for one in bob.runs()] == [run.id] and bob.run(run.id).is_shared
    assert anna.owns(run.id) and not bob.owns(run.id)
    anna.share_run(run.id, False)
    assert bob.runs() == []


def test_a_run_of_nobody_is_for_the_owner_of_the_machine(machine: Store, anna: Store) -> None:
    run = add_run(machine)
    assert anna.runs() == [] and machine.owns(run.id)
    machine.share_run(run.id, True)
    assert [one.id for one in anna.runs()] == [run.id] and not anna.owns(run.id)


def test_a_hidden_run_is_like_one_that_was_never_there(anna: Store, bob: Store) -> None:
    """Word for word, also by the beginning of its id, and where another run begins the same."""
    run, none = add_run(anna), "20200101-000000-00000000"
    add_run(anna)
    for hidden in (run.id, run.id[:8]):
        for look in (bob.run, bob.run_folder, bob.own_run_folder, bob.steps, bob.queue_position):
            with pytest.raises(BadInput) as said:
                look(hidden)
            with pytest.raises(BadInput) as said_of_none:
                look(none)
            assert str(said.value).replace(hidden, none) == str(said_of_none.value)
        assert bob.report(hidden) is bob.report(none) is None
    own = add_run(bob)
    assert bob.run(own.id[:4]) == own


Act = Callable[[Store, StoredRun], object]
CHANGES: dict[str, Act] = {
    "cancel": lambda store, run: store.cancel(run.id),
    "retry": lambda store, run: store.retry_step(run.id, "prompting"),
    "continue": lambda store, run: store.continue_run(run.id, Limit()),
    "describe": lambda store, run: store.describe_run(run.id, "Mine", "", ()),
    "share": lambda store, run: store.share_run(run.id, False),
    "delete": lambda store, run: store.delete_run(run.id),
    "write into": lambda store, run: store.own_run_folder(run.id),
    "try": lambda store, run: add_try(store, new_try(run.id, "hello", ("prompting",))),
    "download": lambda store, run: can_download(store, run, "finetuning"),
    "ask a judge": lambda store, run: ask_judge(store, run.id, "embedded"),
    "stop a judge": lambda store, run: end_judging(store, run.id),
}


@pytest.mark.parametrize("act", CHANGES.values(), ids=CHANGES)
def test_only_its_owner_changes_a_run(machine: Store, anna: Store, bob: Store, act: Act) -> None:
    run = add_run(anna)
    anna.share_run(run.id, True)
    before = machine.run(run.id)
    with pytest.raises(BadInput, match="Only the person who started this run"):
        act(bob, run)
    assert machine.run(run.id) == before and machine.run_folder(run.id).exists()
    act(anna, run)


LOOKS: dict[str, Callable[[Store, str], object]] = {
    "dataset": lambda store, dataset: store.dataset(dataset),
    "rows": lambda store, dataset: store.read_upload(dataset),
    "folder": lambda store, dataset: store.dataset_folder(dataset),
    "documents": lambda store, dataset: store.documents_upload(dataset),
    "reading": lambda store, dataset: store.upload_as(dataset, store.reading(dataset)),
    "problem": lambda store, dataset: store.upload_problem(dataset),
    "setup": lambda store, dataset: store.save_setup(dataset, SETUP),
    "draft": lambda store, dataset: store.save_draft(Plan(dataset, SETUP)),
    "run": lambda store, dataset: store.add_run(Plan(dataset, SETUP), task_to_json(*tiny_task())),
    "delete": lambda store, dataset: store.delete_dataset(dataset),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_an_upload_stays_private_even_if_its_run_is_shared(
    machine: Store, anna: Store, bob: Store, look: Callable[[Store, str], object]
) -> None:
    run = add_run(anna)
    anna.share_run(run.id, True)
    before = machine.dataset(run.dataset_id)
    with pytest.raises(BadInput, match="There is no dataset"):
        look(bob, run.dataset_id)
    assert machine.dataset(run.dataset_id) == before
    assert bob.draft(run.dataset_id) is None and bob.unused_datasets() == [] and bob.only_used_by([run]) == []


def test_two_who_upload_the_same_file_dont_see_each_others_changes(anna: Store, bob: Store) -> None:
    hers, his = anna.add_dataset("a.csv", TABLE), bob.add_dataset("b.csv", TABLE)
    assert hers.id != his.id and (hers.name, his.name) == ("a.csv", "b.csv")
    anna.save_setup(hers.id, Setup("label", "message"))
    assert bob.dataset(his.id).setup is None
    assert anna.upload_problem(hers.id) is None and anna.keep_upload(anna.upload_as(hers.id, anna.reading(hers.id)))
    assert [one.id for one in anna.unused_datasets()] == [hers.id]


def test_the_id_of_an_upload_depends_on_its_owner() -> None:
    of_nobody = Upload.read("a.csv", TABLE)
    with_owner = {Upload("a.csv", TABLE, None, of_nobody.table, [], owner=one).id for one in ("anna", "bob")}
    assert len(with_owner | {of_nobody.id}) == 3


def test_a_run_follows_and_tunes_from_own_runs_alone(machine: Store, anna: Store, bob: Store) -> None:
    """It would take over the clicks, marks and training rows of the other."""
    first = add_run(anna)
    mark = OwnMark("text 1", "yes", True, "hers", "2026-11-30T12:00:00+00:00", first.id)
    write_marks(machine.run_folder(first.id), [mark])
    write_clicks(machine.run_folder(first.id), [Click("text 1", "yes", "no", Choice.LEFT, "", first.id)])
    anna.share_run(first.id, True)
    hers, his = add_run(anna, follows=first.id), add_run(bob, follows=first.id)
    for run, taken_over in ((hers, True), (his, False)):
        assert bool(readable_marks(machine.run_folder(run.id))) is taken_over
        assert bool(read_clicks(machine.run_folder(run.id))) is taken_over
    plan = Plan(his.dataset_id, SETUP, strategies=("finetuning",), tunes_from=first.id)
    machine.cancel(first.id)
    with pytest.raises(BadInput, match="Only the person who started this run"):
        with_start(bob, plan, task_to_json(*tiny_task()))
    with pytest.raises(BadInput, match="Only the person who started this run"):
        bob.add_run(plan, task_to_json(*tiny_task()))


def test_owners_and_sharing_survive_the_loss_of_the_database(machine: Store, anna: Store) -> None:
    run = add_run(anna)
    anna.share_run(run.id, True)
    anna.describe_run(run.id, "A name", "", ())
    about = read_about(machine.run_folder(run.id))
    assert about is not None and (about.owner, about.owner_name, about.is_shared) == (ANNA.key, "Anna", True)
    with machine._database.transaction() as database:
        for table in ("datasets", "runs", "steps"):
            database.execute(f"DROP TABLE {table}")
    rebuild_database(machine.home)
    found = anna.run(run.id)
    assert (found.owner, found.owner_name, found.is_shared) == (ANNA.key, "Anna", True)
    assert anna.dataset(run.dataset_id).owner == ANNA.key


def test_a_packed_run_doesnt_say_whose_it_was(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    anna: Store,
    synthetic_task: Callable[..., Task],
    synthetic_split: Callable[[Task], Split],
    synthetic_trials: Callable[..., tuple[Trial, ...]],
) -> None:
    task = synthetic_task()
    run = finish_run(anna, task, synthetic_split(task), synthetic_trials())
    packed = pack(anna.machine, run.id)
    assert ANNA.key.encode() not in packed
    monkeypatch.delenv("THREEWAYS_DATABASE", raising=False)  # which belongs to one home
    elsewhere = Store(tmp_path / "elsewhere")
    found = unpack(elsewhere, "run.zip", packed, "shared")
    assert (found.owner, found.owner_name) == ("", "") and elsewhere.upload_problem(found.dataset_id) is None


FOR_THE_MACHINE = {  # what the worker and the queue need, which says nothing of what is in a run
    "device_lock", "exists", "request_speed", "requested_speed", "save_speed", "speed", "worker_alive", "worker_silent",
    "next_run", "start_run", "excuse_attempt", "await_key", "key_came", "awaited_keys", "end_run", "cancel_requested",
    "save_step",
}  # fmt: skip
FOR_THE_WORKER = FOR_THE_MACHINE - {
    "device_lock", "exists", "request_speed", "requested_speed", "save_speed", "speed", "worker_alive", "worker_silent"
}  # fmt: skip
THROUGH_OTHERS = {  # which ask only what is checked elsewhere
    "person", "owner", "machine", "owns", "as_own", "add_dataset", "keep_upload", "dataset", "read_upload", "reading",
    "upload_as", "upload_problem", "documents_upload", "save_draft", "draft", "add_run", "runs", "run",
    "unused_datasets", "only_used_by",
}  # fmt: skip


def test_each_method_of_the_store_says_for_whom_it_is() -> None:
    """A new one fails here until it is guarded, or named above with a test of its own."""
    methods = {name for name, _ in inspect.getmembers(Store) if not name.startswith("_")}
    guarded = {name for name in vars(PersonalStore) if not name.startswith("_")}
    assert methods == guarded | FOR_THE_MACHINE | THROUGH_OTHERS


def test_pages_leave_to_the_worker_what_is_the_workers() -> None:
    pages = [*(Path(__file__).parents[2] / "advisor" / "pages").glob("*.py")]
    assert len(pages) > 50
    for page in pages:
        calls = [node.func for node in ast.walk(ast.parse(page.read_text())) if isinstance(node, ast.Call)]
        called = {call.attr for call in calls if isinstance(call, ast.Attribute)}
        assert not called & FOR_THE_WORKER, page.name
