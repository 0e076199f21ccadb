"""A database of PostgreSQL that can't be reached, is damaged or belongs to others; and how runs get into it. What the
store does with it is in `test_store.py` and `test_personal.py`, whose tests run with both kinds of database."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from advisor.command_line.commands import main
from advisor.plan import Plan, Setup
from advisor.storage import databases
from advisor.storage.database import UnusableError
from advisor.storage.store import Store
from advisor.storage.task_file import task_to_json
from eval.task import BadInput
from tests.tiny_strategies import tiny_task

TABLE = b"message,label\n" + b"".join(b"text %d,%s\n" % (row, (b"yes", b"no")[row % 2]) for row in range(30))


def add_run(store: Store) -> str:
    dataset = store.add_dataset("tickets.csv", TABLE)
    return store.add_run(Plan(dataset.id, Setup("message", "label")), task_to_json(*tiny_task())).id


def test_what_was_stored_is_there_for_the_next_process_and_no_sqlite_file_is_made(
    postgres: str, tmp_path: Path
) -> None:
    run_id = add_run(Store(tmp_path / "home"))
    listed = subprocess.run(
        [sys.executable, "-c", "from advisor.storage.store import Store; print(Store().runs()[0].id)"],
        env={"THREEWAYS_HOME": str(tmp_path / "home"), "THREEWAYS_DATABASE": postgres, "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=True,
    )
    assert listed.stdout.strip() == run_id
    assert not list((tmp_path / "home").glob("threeways.sqlite*"))


def test_a_database_belongs_to_one_home(postgres: str, tmp_path: Path) -> None:
    run_id = add_run(Store(tmp_path / "home"))
    with pytest.raises(BadInput, match=r"belongs to another home folder than .*elsewhere"):
        Store(tmp_path / "elsewhere")
    (tmp_path / "home").rename(tmp_path / "moved")
    assert [run.id for run in Store(tmp_path / "moved").runs()] == [run_id]


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("threeways", "isn't the address of a PostgreSQL database; write postgresql://USER@HOST/NAME"),
        ("postgresql://anna:secret@127.0.0.1:9/threeways", r"threeways on 127.0.0.1 can't be used \(.*refused"),
        ("postgresql://anna:secret@/threeways?host=/nowhere", r"threeways on /nowhere can't be used \(.*No such file"),
    ],
    ids=["no address", "no server", "no socket"],
)
def test_a_database_that_cannot_be_reached_is_named_without_the_password(
    address: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THREEWAYS_DATABASE", address)
    with pytest.raises(BadInput, match=said) as refused:
        Store(tmp_path / "home")
    assert "secret" not in str(refused.value) and "THREEWAYS_DATABASE" in str(refused.value)


def test_without_psycopg_it_is_said_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THREEWAYS_DATABASE", "postgresql://anna@127.0.0.1/threeways")
    monkeypatch.setattr(databases, "find_spec", lambda name: None)
    with pytest.raises(BadInput, match=r"needs psycopg; install it with: make team"):
        Store(tmp_path / "home")


def test_another_version_is_refused_and_left_alone(postgres: str, tmp_path: Path) -> None:
    Store(tmp_path / "home")
    with psycopg.connect(postgres) as database:
        database.execute("UPDATE home SET version = 999")
    with pytest.raises(BadInput, match="Another version of Threeways wrote"):
        Store(tmp_path / "home")


def test_a_connection_that_the_server_closed_is_replaced(postgres: str, tmp_path: Path) -> None:
    store = Store(tmp_path / "home")
    run_id = add_run(store)
    with psycopg.connect(postgres) as other:
        ended = other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid != pg_backend_pid()"
        )
        assert ended.fetchall()
    assert [run.id for run in store.runs()] == [run_id]


Doctor = Callable[..., tuple[int, str]]


@pytest.fixture
def doctor(capsys: pytest.CaptureFixture[str]) -> Doctor:
    def call(*arguments: str) -> tuple[int, str]:
        code = main(["doctor", *arguments])
        said = capsys.readouterr()
        return code, said.out + said.err

    return call


def test_runs_move_from_sqlite_with_all_that_was_said_of_them(
    postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, doctor: Doctor
) -> None:
    monkeypatch.setenv("THREEWAYS_HOME", str(tmp_path / "home"))
    with monkeypatch.context() as before:
        before.delenv("THREEWAYS_DATABASE")
        store = Store()
        first, *_, second = [add_run(store) for _ in range(6)]  # in one second, so that their ids don't tell the order
        store.describe_run(first, "Mine", "A note.", ["June"])
        store.cancel(second)
        runs, steps = store.runs(), store.steps(second)
    with pytest.raises(UnusableError, match=r"is empty, but there are runs in .*doctor --repair"):
        Store()
    code, said = doctor()
    assert code == 3 and "is empty, but there are runs" in said
    code, said = doctor("--repair")
    assert code == 0 and "We rebuilt it from the folders" in said and "kept the old one" not in said
    assert Store().runs() == runs and Store().steps(second) == steps
    assert doctor()[0] == 0


def test_a_table_that_is_gone_is_filled_again(
    postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, doctor: Doctor
) -> None:
    monkeypatch.setenv("THREEWAYS_HOME", str(tmp_path / "home"))
    run_id = add_run(Store())
    Store().describe_run(run_id, "Mine", "", ())
    with psycopg.connect(postgres) as database:
        database.execute("DROP TABLE runs")
    with pytest.raises(UnusableError, match=r"is damaged \(relation \"runs\" does not exist\).*doctor --repair"):
        Store().runs()
    assert doctor("--repair")[0] == 0
    assert [(run.id, run.title) for run in Store().runs()] == [(run_id, "Mine")]


def test_a_text_that_postgres_has_no_room_for_is_kept_as_far_as_it_can_be(postgres: str, tmp_path: Path) -> None:
    store = Store(tmp_path / "home")
    run_id = add_run(store)
    store.describe_run(run_id, "M\0ine", "100 % :name ? %s", ())
    run = store.run(run_id)
    assert (run.given_name, run.note) == ("M\ufffdine", "100 % :name ? %s")
