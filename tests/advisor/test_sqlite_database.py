"""A SQLite database that is damaged, gone, or of an earlier version; what is said of it, and what stays."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from advisor.plan import Plan, Setup
from advisor.storage.database import UnusableError
from advisor.storage.store import Store
from advisor.storage.task_file import task_to_json
from eval.task import BadInput
from tests.tiny_strategies import tiny_task

TABLE = b"message,label\n" + b"".join(b"text %d,%s\n" % (row, (b"yes", b"no")[row % 2]) for row in range(30))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


def add_run(store: Store) -> str:
    dataset = store.add_dataset("tickets.csv", TABLE)
    return store.add_run(Plan(dataset.id, Setup("message", "label")), task_to_json(*tiny_task())).id


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:5000]), "is damaged"),
        (lambda path: path.write_bytes(b"hello" * 1000), "is damaged"),
        (lambda path: path.write_bytes(b""), "is gone, but there are runs beside it"),
        (lambda path: path.unlink(), "is gone, but there are runs beside it"),
    ],
    ids=["cut", "another file", "empty", "none"],
)
def test_a_database_that_cannot_be_used_is_named_and_nothing_is_made_in_its_place(
    store: Store, spoil: Callable[[Path], object], said: str
) -> None:
    add_run(store)
    file = store.home / "threeways.sqlite"
    spoil(file)
    left = file.read_bytes() if file.exists() else None
    with pytest.raises(UnusableError, match=rf"threeways.sqlite {said}.*doctor --repair"):
        Store(store.home).runs()
    assert (file.read_bytes() if file.exists() else None) == left


def test_a_database_that_goes_while_it_is_used_is_said_to_be_gone(store: Store) -> None:
    add_run(store)
    (store.home / "threeways.sqlite").unlink()
    with pytest.raises(UnusableError, match=r"was deleted; .*doctor --repair"):
        store.runs()
    assert not store.exists()
    shutil.rmtree(store.home)
    with pytest.raises(UnusableError, match="was deleted while Threeways used it"):
        store.runs()
    assert not store.home.exists()


def test_a_database_is_copied_before_it_is_upgraded(store: Store) -> None:
    run_id = add_run(store)
    file = store.home / "threeways.sqlite"
    with closing(sqlite3.connect(file)) as database, database:
        for column in ("given_name", "note", "tags_json", "origin", "awaits_key", "owner", "owner_name", "is_shared"):
            database.execute(f"ALTER TABLE runs DROP COLUMN {column}")
        database.execute("ALTER TABLE steps DROP COLUMN worked_seconds")
        database.execute("PRAGMA user_version = 2")
    for _ in range(2):  # the second time there is nothing left to do
        assert [run.id for run in Store(store.home).runs()] == [run_id]
    copies = sorted(path.name for path in store.home.glob("threeways.sqlite.version-*"))
    assert copies == ["threeways.sqlite.version-2"]
    with closing(sqlite3.connect(store.home / copies[0])) as before:
        assert before.execute("PRAGMA user_version").fetchone() == (2,)
        assert before.execute("SELECT id FROM runs").fetchall() == [(run_id,)]
        assert "given_name" not in [column[1] for column in before.execute("PRAGMA table_info(runs)")]
    assert not list(store.home.glob(".*"))


def test_an_upgrade_that_fails_leaves_the_version_as_it_was(store: Store) -> None:
    add_run(store)
    file = store.home / "threeways.sqlite"
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("ALTER TABLE runs RENAME TO lost")
        database.execute("PRAGMA user_version = 4")
    with pytest.raises(UnusableError, match=r"is damaged .no such table: runs"):
        Store(store.home)
    with closing(sqlite3.connect(file)) as database, database:
        assert database.execute("PRAGMA user_version").fetchone() == (4,)
        database.execute("ALTER TABLE lost RENAME TO runs")
    assert len(Store(store.home).runs()) == 1


def test_a_damaged_text_does_not_hide_the_other_rows(store: Store) -> None:
    first, second = add_run(store), add_run(store)
    with closing(sqlite3.connect(store.home / "threeways.sqlite")) as database, database:
        database.execute("UPDATE runs SET name = CAST(x'ff66' AS TEXT) WHERE id = ?", (first,))
    assert {run.id: run.name for run in store.runs()} == {first: "\ufffdf", second: "tickets.csv"}


@pytest.mark.parametrize(
    ("column", "value"),
    [("tags_json", "[1"), ("tags_json", "7"), ("state", "dome"), ("created_at", "noon"), ("origin", "own\x00")],
)
def test_a_damaged_row_is_said_to_be_and_does_not_hide_the_others(store: Store, column: str, value: str) -> None:
    spoiled, sound = add_run(store), add_run(store)
    with closing(sqlite3.connect(store.home / "threeways.sqlite")) as database, database:
        database.execute(f"UPDATE runs SET {column} = ? WHERE id = ?", (value, spoiled))  # one of the names above
        database.execute("UPDATE steps SET state = 'doze' WHERE run_id = ?", (spoiled,))
    found = {run.id: run for run in store.runs()}
    assert found[sound].state == "queued" and found[sound].reason is None
    assert found[spoiled].state == "failed" and "is damaged" in (found[spoiled].reason or "")
    assert {step.state for step in store.steps(spoiled)} == {"failed"}
    assert {step.state for step in store.steps(sound)} == {"waiting"}


def test_the_journal_is_the_rollback_journal(store: Store) -> None:
    with sqlite3.connect(store.home / "threeways.sqlite") as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_a_home_that_called_baselines_floors_is_brought_up_to_date(store: Store) -> None:
    run = store.run_folder("r-1")
    (run / "floors" / "nearest_example" / "fitted").mkdir(parents=True)
    (run / "floors" / "nearest_example" / "fitted" / "floor.json").write_text("{}")
    with sqlite3.connect(store.home / "threeways.sqlite") as database:
        database.execute("INSERT INTO steps (run_id, strategy, state) VALUES ('r-1', 'floors', 'done')")
        database.execute("PRAGMA user_version = 1")
    for _ in range(2):  # the second time there is nothing left to do
        (step,) = Store(store.home).steps("r-1")
        assert (step.strategy, step.state) == ("baselines", "done")
        assert [path.name for path in run.glob("baselines/nearest_example/fitted/*")] == ["baseline.json"]
        assert not (run / "floors").exists()


def test_a_home_without_names_of_runs_gets_them(store: Store) -> None:
    run_id = add_run(store)
    with sqlite3.connect(store.home / "threeways.sqlite") as database:
        for column in ("given_name", "note", "tags_json", "origin"):
            database.execute(f"ALTER TABLE runs DROP COLUMN {column}")
        database.execute("PRAGMA user_version = 2")
    for _ in range(2):
        run = Store(store.home).run(run_id)
        assert (run.title, run.note, run.tags, run.is_own) == ("tickets.csv", "", (), True)
    store.describe_run(run_id, "Mine", "", ())
    assert store.run(run_id).title == "Mine"


def test_the_runs_of_a_home_before_samples_are_its_own(store: Store) -> None:
    run_id = add_run(store)
    with sqlite3.connect(store.home / "threeways.sqlite") as database:
        database.execute("ALTER TABLE runs DROP COLUMN origin")
        database.execute("PRAGMA user_version = 3")
    for _ in range(2):
        assert Store(store.home).run(run_id).is_own


def test_the_runs_of_a_home_before_log_in_belong_to_nobody(store: Store) -> None:
    run_id = add_run(store)
    with sqlite3.connect(store.home / "threeways.sqlite") as database:
        for column in ("owner", "owner_name", "is_shared"):
            database.execute(f"ALTER TABLE runs DROP COLUMN {column}")
        database.execute("ALTER TABLE datasets DROP COLUMN owner")
        database.execute("PRAGMA user_version = 7")
    for _ in range(2):
        run = Store(store.home).run(run_id)
        assert (run.owner, run.owner_name, run.is_shared) == ("", "", False)
        assert store.dataset(run.dataset_id).owner == ""
    assert add_run(store) != run_id and len(store.runs()) == 2


def test_a_home_of_another_version_is_refused_and_left_alone(store: Store) -> None:
    file = store.home / "threeways.sqlite"
    with sqlite3.connect(file) as database:
        database.execute("PRAGMA user_version = 999")
    with pytest.raises(BadInput, match="set THREEWAYS_HOME to a new folder"):
        Store(store.home)
    file.unlink()
    with sqlite3.connect(file) as database:
        database.execute("CREATE TABLE runs (id TEXT)")
    with pytest.raises(BadInput, match="Another version"):
        Store(store.home)
