from __future__ import annotations

import errno
import json
import multiprocessing
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, replace
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Barrier

import pytest

from advisor.plan import Plan, Priorities, Setup, read_plan
from advisor.storage.files import write_whole
from advisor.storage.store import Store
from advisor.storage.stored import StoredStep
from advisor.storage.task_file import task_to_json
from advisor.storage.upload import Upload
from eval.mapping.steps import Fix
from eval.reading.table import Table
from eval.task import BadInput, Document, Kind
from tests.bad_uploads import HOSTILE
from tests.tiny_strategies import SPEED, tiny_task

TABLE = b"message,label\n" + b"".join(b"text %d,%s\n" % (row, (b"yes", b"no")[row % 2]) for row in range(30))


@pytest.fixture
def store(tmp_path: Path, each_database: None) -> Store:
    return Store(tmp_path / "home")


def add_run(store: Store, seed: int = 0) -> str:
    dataset = store.add_dataset("tickets.csv", TABLE)
    three = ("prompting", "retrieval", "finetuning")
    plan = Plan(dataset.id, Setup("message", "label"), strategies=three, seed=seed)
    return store.add_run(plan, task_to_json(*tiny_task())).id


def test_the_same_content_is_the_same_dataset(store: Store) -> None:
    first = store.add_dataset("tickets.csv", TABLE)
    assert store.add_dataset("renamed.csv", TABLE) == first
    assert store.add_dataset("more.csv", TABLE + b"one more,yes\n").id != first.id
    assert (first.name, first.rows, first.documents) == ("tickets.csv", 30, 0)


def test_documents_belong_to_the_dataset(store: Store) -> None:
    alone = store.add_dataset("tickets.csv", TABLE)
    both = store.add_dataset("tickets.csv", TABLE, "facts.md", b"# Prices\nA cake is 30 euros.")
    assert both.id != alone.id
    assert (both.documents_name, both.documents) == ("facts.md", 1)
    table, documents = store.read_upload(both.id)
    assert table.columns == ("message", "label")
    assert [document.title for document in documents] == ["Prices"]
    assert store.documents_upload(both.id) == ("facts.md", b"# Prices\nA cake is 30 euros.")
    assert store.documents_upload(alone.id) is None


def test_a_stored_dataset_is_read_again_without_a_child(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = Upload.read("tickets.csv", TABLE, ("facts.md", b"# Prices\nA cake is 30 euros."))
    monkeypatch.setattr("sys.executable", str(store.home / "no such program"))
    with pytest.raises(FileNotFoundError):
        Upload.read("tickets.csv", TABLE)  # so a child would be noticed
    dataset = store.keep_upload(upload)
    assert store.read_upload(dataset.id) == (upload.table, upload.documents)
    assert (store.dataset_folder(dataset.id) / "upload").read_bytes() == TABLE


def test_what_was_read_comes_back_to_the_letter(store: Store) -> None:
    odd = ("half \ud83d", "two halves \ud83d\ude00", "a\u2028b\x85c\r\nd", "\0", '"{', "公司 😀", "")
    table = Table(("input", "half \udc00"), tuple((text, text) for text in odd), (1, 3, 4, 5, 6, 7, 9), odd[0])
    documents = [Document(text, text, text) for text in odd]
    dataset = store.keep_upload(Upload("rows.jsonl", b"as it came", ("facts.jsonl", b"too"), table, documents))
    assert (dataset.rows, dataset.documents) == (7, 7)
    assert store.read_upload(dataset.id) == (table, documents)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(path.read_bytes().replace(b'"version": 1', b'"version": 0')),
        lambda path: path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1])),
        lambda path: path.write_bytes(path.read_bytes()[:-9]),
        lambda path: path.write_bytes(b""),
    ],
    ids=["none", "another version", "a line short", "a line cut", "empty"],
)
def test_a_dataset_without_a_readable_result_is_parsed_once_more(
    store: Store, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Path], object]
) -> None:
    dataset = store.add_dataset("tickets.csv", TABLE)
    before = store.read_upload(dataset.id)
    spoil(store.dataset_folder(dataset.id) / "parsed.jsonl")
    assert store.read_upload(dataset.id) == before
    monkeypatch.setattr("sys.executable", str(store.home / "no such program"))
    assert store.read_upload(dataset.id) == before


def test_two_tabs_can_upload_the_same_file_at_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    both_write = Barrier(2)

    def write(path: Path, content: str | bytes) -> None:
        both_write.wait(timeout=30)  # so that neither finds the other's folder
        write_whole(path, content)

    monkeypatch.setattr("advisor.storage.store.write_whole", write)
    with ThreadPoolExecutor(2) as tabs:
        first, second = tabs.map(lambda _: store.add_dataset("tickets.csv", TABLE), range(2))
    assert first == second
    assert len(list((store.home / "datasets").iterdir())) == 1


@pytest.mark.parametrize(
    ("name", "content", "documents"),
    [
        ("empty.csv", b"", None),
        ("tickets.csv", TABLE, b""),
        ("tickets.csv", TABLE, b"\xff\xfe\x00\x00broken"),
        *((name, content, None) for name, content in HOSTILE.items()),
    ],
)
def test_nothing_is_kept_of_an_upload_that_cannot_be_read(
    store: Store, name: str, content: bytes, documents: bytes | None
) -> None:
    with pytest.raises(BadInput):
        store.add_dataset(name, content, None if documents is None else "facts.pdf", documents)
    assert not (store.home / "datasets").exists()


def test_a_setup_is_kept_and_one_of_another_version_is_as_good_as_none(store: Store) -> None:
    dataset = store.add_dataset("tickets.csv", TABLE)
    assert dataset.setup is None
    setup = Setup("message", "label", kind=Kind.CLASSIFICATION, instruction="Sort.", steps=(Fix("duplicates"),))
    store.save_setup(dataset.id, setup)
    assert store.dataset(dataset.id).setup == setup
    assert replace(dataset, setup_json='{"columns": 2}').setup is None


def test_a_run_is_found_by_the_beginning_of_its_id(store: Store) -> None:
    first, second = add_run(store), add_run(store, seed=7)
    assert store.run(second).plan.seed == 7
    assert store.run(first[:-1] if first[:-1] != second[:-1] else first).id == first
    with pytest.raises(BadInput, match="More than one run begins with '2'"):
        store.run("2")
    with pytest.raises(BadInput, match="No run begins with 'x%'"):
        store.run("x%")


def test_a_run_keeps_its_plan_and_task_as_files(store: Store) -> None:
    run_id = add_run(store, seed=3)
    folder = store.run_folder(run_id)
    assert read_plan((folder / "plan.json").read_text()) == store.run(run_id).plan
    assert len(json.loads((folder / "task.json").read_text())["test"]) == 10
    assert [step.strategy for step in store.steps(run_id)] == ["baselines", "prompting", "retrieval", "finetuning"]


def test_a_plan_of_an_earlier_version_is_read() -> None:
    stored = {
        "dataset_id": "d",
        "setup": {"input": "message", "target": "label", "group": None, "split": None, "kind": None, "mends": []},
        "priorities": {"monthly_volume": 500, "margin": 0.03, "max_seconds": 2.0, "machine_per_hour": 0.2},
    }
    priorities = read_plan(json.dumps(stored)).priorities
    assert priorities == Priorities(monthly_volume=500, margin=0.03, max_seconds=2.0, machine_per_hour=0.2)
    known = asdict(Priorities(months=6, hosted="a model", read_per_million=1.0, written_per_million=2.0))
    assert asdict(read_plan(json.dumps({**stored, "priorities": known})).priorities) == known
    with pytest.raises(BadInput, match="Another version"):
        read_plan(json.dumps({**stored, "priorities": {"thrift": 1}}))


def test_runs_wait_in_order_and_a_cancelled_one_leaves_the_queue(store: Store) -> None:
    first, second, third = (add_run(store, seed) for seed in range(3))
    assert [store.queue_position(run_id) for run_id in (first, second, third)] == [1, 2, 3]
    store.cancel(first)
    assert store.run(first).state == "cancelled"
    assert {step.state for step in store.steps(first)} == {"cancelled"}
    assert store.next_run() == second
    assert store.queue_position(third) == 2
    assert store.queue_position(first) is None
    with store.device_lock:
        assert not store.start_run(first)
        assert store.start_run(second)
        assert not store.start_run(second)


def test_a_running_run_is_asked_to_stop(store: Store) -> None:
    run_id = add_run(store)
    with store.device_lock:
        store.start_run(run_id)
        assert not store.cancel_requested(run_id)
        store.cancel(run_id)
        assert store.run(run_id).state == "running"
        assert store.cancel_requested(run_id)
        store.end_run(run_id, "cancelled")
    assert store.run(run_id).state == "cancelled"


def _start_and_stay(home: Path, run_id: str, started: Connection) -> None:
    store = Store(home)
    with store.device_lock:
        store.start_run(run_id)
        store.save_step(StoredStep(run_id, "prompting", "running", stage="choosing", done=1, total=2))
        started.send(True)
        started.recv()  # never comes


@contextmanager
def running_elsewhere(store: Store, run_id: str) -> Iterator[None]:
    """Another process runs it, and dies at the end of the block."""
    context = multiprocessing.get_context("spawn")
    received, started = context.Pipe()
    process = context.Process(target=_start_and_stay, args=(store.home, run_id, started))
    process.start()
    try:
        received.recv()
        yield
    finally:
        process.kill()
        process.join()


def test_a_run_whose_process_died_is_interrupted_and_waits_again(store: Store) -> None:
    run_id = add_run(store)
    with running_elsewhere(store, run_id):
        assert store.run(run_id).state == "running"
        assert store.queue_position(run_id) is None
    assert store.run(run_id).state == "interrupted"
    assert [step.state for step in store.steps(run_id)] == ["waiting", "interrupted", "waiting", "waiting"]
    assert store.next_run() == run_id


def test_a_run_whose_process_died_while_it_was_cancelled_is_cancelled(store: Store) -> None:
    run_id = add_run(store)
    with running_elsewhere(store, run_id):
        store.cancel(run_id)
    run = store.run(run_id)
    assert (run.state, run.cancel_requested, store.next_run()) == ("cancelled", False, None)
    assert {step.state for step in store.steps(run_id)} == {"cancelled"}


def test_a_clock_that_was_set_back_makes_no_negative_seconds() -> None:
    step = StoredStep("run", "prompting", "done", started_at=900.0, ended_at=100.0)
    assert step.seconds == 0.0 and step.elapsed_seconds(now=100.0) == 0.0


def test_one_strategy_is_tried_again_and_the_others_are_kept(store: Store) -> None:
    run_id = add_run(store)
    for strategy in ("prompting", "retrieval"):
        (store.run_folder(run_id) / strategy).mkdir()
        store.save_step(StoredStep(run_id, strategy, "failed", reason="It stopped."))
    store.end_run(run_id, "failed", "None could be measured.")
    store.retry_step(run_id, "prompting")
    run = store.run(run_id)
    assert (run.state, run.reason, store.next_run()) == ("queued", None, run_id)
    assert [(step.strategy, step.state) for step in store.steps(run_id)] == [
        ("baselines", "waiting"),
        ("prompting", "waiting"),
        ("retrieval", "failed"),
        ("finetuning", "waiting"),
    ]
    assert not (store.run_folder(run_id) / "prompting").exists()
    assert (store.run_folder(run_id) / "retrieval").exists()


def test_a_run_keeps_the_name_note_and_tags_that_a_person_gives_it(store: Store) -> None:
    run_id = add_run(store)
    assert (store.run(run_id).title, store.run(run_id).tags) == ("tickets.csv", ())
    store.describe_run(run_id, " Before cleaning ", "With typos.", ["June", " June ", ""])
    run = Store(store.home).run(run_id)
    assert (run.title, run.name, run.note, run.tags) == ("Before cleaning", "tickets.csv", "With typos.", ("June",))


def test_a_deleted_run_is_gone_with_its_files_and_the_others_stay(store: Store) -> None:
    first, second = add_run(store), add_run(store, seed=1)
    store.delete_run(second)
    store.delete_run("")
    assert [run.id for run in store.runs()] == [first]
    assert store.run_folder(first).exists() and not store.run_folder(second).exists()
    assert not store.steps(second) and store.dataset(store.run(first).dataset_id).name == "tickets.csv"
    with running_elsewhere(store, first), pytest.raises(BadInput, match="stop it before you delete it"):
        store.delete_run(first)
    assert store.run_folder(first).exists()


def test_data_goes_only_when_no_run_uses_it(store: Store) -> None:
    first, second = add_run(store), add_run(store, seed=1)
    data = store.run(first).dataset_id
    assert not store.unused_datasets() and not store.only_used_by([store.run(first)])
    assert [one.id for one in store.only_used_by(store.runs())] == [data]
    with pytest.raises(BadInput, match=r"A run uses tickets\.csv; delete that run first"):
        store.delete_dataset(data)
    for run_id in (first, second):
        store.delete_run(run_id)
    assert [one.id for one in store.unused_datasets()] == [data]
    store.delete_dataset(data)
    assert not store.dataset_folder(data).exists() and not store.unused_datasets()
    with pytest.raises(BadInput, match="upload the file again"):
        store.dataset(data)


@pytest.mark.parametrize("name", ["", ".", "..", "../runs"])
def test_a_damaged_name_in_the_database_deletes_no_other_folder(store: Store, name: str) -> None:
    run_id = add_run(store)
    with store._database.transaction() as database:
        database.execute("INSERT INTO runs (id, dataset_id, name, plan_json, state, created_at)"
                         " SELECT ?, dataset_id, name, plan_json, state, created_at FROM runs", (name,))  # fmt: skip
    store.delete_run(name)
    assert [run.id for run in store.runs()] == [run_id] and (store.run_folder(run_id) / "plan.json").exists()


def test_a_folder_that_cannot_be_deleted_keeps_its_run(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = add_run(store)

    def fail(path: Path, target: Path) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", fail)
        with pytest.raises(BadInput, match=r"can't be deleted \(Permission denied\); allow Threeways to write to"):
            store.delete_run(run_id)
    assert [run.id for run in store.runs()] == [run_id] and store.run_folder(run_id).exists()


def test_a_run_of_another_version_is_listed_and_says_so_when_opened(store: Store) -> None:
    run_id = add_run(store)
    with store._database.transaction() as database:
        database.execute("UPDATE runs SET plan_json = ?", ('{"dataset": "a"}',))
    assert [run.id for run in store.runs()] == [run_id]
    with pytest.raises(BadInput, match="Another version of Threeways"):
        _ = store.run(run_id).plan


def test_threads_write_and_read_at_once_without_losing_anything(store: Store) -> None:
    run_id = add_run(store)

    def use(strategy: str) -> list[str]:
        added = []
        for done in range(1, 16):
            store.save_step(StoredStep(run_id, strategy, "running", stage="answering", done=done, total=15))
            added.append(add_run(store, seed=done))
            assert added[-1] in [run.id for run in store.runs()]
        return added

    with ThreadPoolExecutor(2) as threads:
        added = [each for part in threads.map(use, ("prompting", "retrieval")) for each in part]
    assert {run.id for run in store.runs()} == {run_id, *added}
    assert len(set(added)) == 30
    assert [step.done for step in store.steps(run_id)] == [0, 15, 15, 0]


def test_a_timing_is_asked_for_taken_and_kept(store: Store) -> None:
    assert store.speed("embedded") is None
    store.request_speed("embedded")
    assert store.requested_speed() == "embedded"
    store.save_speed("embedded", SPEED)
    timed = store.speed("embedded")
    assert timed is not None and timed.speed == SPEED and timed.made_at is not None
    assert store.requested_speed() is None
    with store._database.transaction() as database:
        database.execute("UPDATE speeds SET measured = ?", ('{"of another version": 300.0}',))
    other = store.speed("embedded")
    assert other is not None and other.speed is None


def test_what_kept_a_timing_from_being_taken_is_not_final(store: Store) -> None:
    store.save_speed("embedded", None, "Memory ran out.")
    failed = store.speed("embedded")
    assert failed is not None and failed.made_at is not None
    assert (failed.speed, failed.problem, store.requested_speed()) == (None, "Memory ran out.", None)
    store.request_speed("embedded")
    asked = store.speed("embedded")
    assert asked is not None and (asked.problem, asked.made_at) == (None, None)
    assert store.requested_speed() == "embedded"


def test_a_home_that_cannot_be_made_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BadInput, match="set THREEWAYS_HOME"):
        Store(tmp_path / "file" / "home")


def test_only_the_owner_can_read_the_home_and_a_folder_for_others_stays_as_it_is(tmp_path: Path) -> None:
    earlier, shared, full = tmp_path / "earlier", tmp_path / "shared", tmp_path / "full"
    for folder, mode in ((earlier, 0o755), (shared, 0o1777), (full, 0o755)):
        folder.mkdir()
        folder.chmod(mode)
    Store(earlier)
    earlier.chmod(0o755)
    (earlier / "threeways.sqlite").chmod(0o644)  # as versions before left it
    (full / "others.txt").write_text("not ours")
    for folder, mode in ((earlier, 0o700), (shared, 0o1777), (full, 0o755)):
        Store(folder)
        assert stat.S_IMODE(folder.stat().st_mode) == mode
        assert stat.S_IMODE((folder / "threeways.sqlite").stat().st_mode) == 0o600


def test_what_is_kept_is_private_and_what_is_asked_for_is_the_persons(tmp_path: Path) -> None:
    """Also what libraries and child processes write, whatever the umask is. It is one of the whole process."""
    program = f"""
import os, subprocess, sys
from pathlib import Path
from advisor.command_line.commands import main
from advisor.storage.files import give, write_whole
from advisor.storage.store import Store
os.umask(0o002)
store = Store()
(store.home / "by_a_library").write_text("")
subprocess.run([sys.executable, "-c", "import os; os.mkdir('folder'); open('folder/file', 'w')"], cwd=store.home)
write_whole(store.home / "whole", "")
os.chdir({str(tmp_path)!r})
main(["check", "task.csv", "--output", "clean.csv"])
write_whole(Path("packed.zip"), "")
give(Path("packed.zip"))
"""
    (tmp_path / "task.csv").write_text("text,label\n" + "".join(f"text {i},{'ab'[i % 2]}\n" for i in range(40)))
    home = tmp_path / "above" / "home"
    subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"THREEWAYS_HOME": str(home)},
        check=True,
        capture_output=True,
    )
    modes = {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in (home, *home.rglob("*"))}
    assert {modes.pop(name) for name in ("home", "folder")} == {"0o700"}
    assert set(modes) >= {"threeways.sqlite", "by_a_library", "file", "whole"} and set(modes.values()) == {"0o600"}
    assert {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("clean.csv", "packed.zip")} == {0o664}
