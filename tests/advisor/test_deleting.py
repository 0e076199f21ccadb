"""`python -m advisor delete` deletes what it named before, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from advisor.command_line.commands import main
from advisor.plan import Plan, Setup
from advisor.storage.store import Store
from advisor.storage.stored import StoredRun
from advisor.storage.task_file import task_to_json
from strategies.search.vectors_kept import kept_bytes, vectors_file
from tests.tiny_strategies import tiny_task


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("THREEWAYS_HOME", str(tmp_path / "home"))
    return Store()


def add_run(store: Store, name: str) -> StoredRun:
    """Of data of its own name and rows."""
    rows = "".join(f"{name} {number},{number % 2}\n" for number in range(30))
    dataset = store.add_dataset(name, f"message,label\n{rows}".encode())
    plan = Plan(dataset.id, Setup("message", "label"), strategies=("prompting",))
    return store.add_run(plan, task_to_json(*tiny_task()))


def test_a_run_goes_when_that_was_confirmed(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = add_run(store, "first.csv"), add_run(store, "second.csv")
    assert main(["delete", first.id, "--with-data"]) == 2
    said = capsys.readouterr()
    assert f"Run {first.id} (first.csv), " in said.out and "first.csv (30 rows), uploaded " in said.out
    assert "second.csv" not in said.out and "add --yes" in said.err
    assert len(store.runs()) == 2 and not store.unused_datasets()

    assert main(["delete", first.id, first.id, "--with-data", "--yes"]) == 0
    assert [run.id for run in store.runs()] == [second.id] and not store.run_folder(first.id).exists()
    assert not store.dataset_folder(first.dataset_id).exists() and store.dataset_folder(second.dataset_id).exists()


def test_data_that_no_run_uses_goes_at_once(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = add_run(store, "first.csv"), add_run(store, "second.csv")
    assert main(["delete", "--unused-data", "--yes"]) == 2
    assert "There is nothing to delete" in capsys.readouterr().err
    assert main(["delete", first.id, "--yes"]) == 0
    assert [one.name for one in store.unused_datasets()] == ["first.csv"]
    assert main(["delete", "--unused-data", "--yes"]) == 0
    assert not store.unused_datasets() and [run.id for run in store.runs()] == [second.id]


def test_a_running_run_keeps_all_that_were_named(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = add_run(store, "first.csv"), add_run(store, "second.csv")
    with store.device_lock:
        assert store.start_run(second.id)
        assert main(["delete", first.id, second.id, "--yes"]) == 2
    assert "stop it before you delete it" in capsys.readouterr().err and len(store.runs()) == 2


def test_kept_vectors_go_when_that_was_confirmed(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    vectors_file().parent.mkdir(parents=True)
    vectors_file().write_bytes(b"0" * 3_000_000)
    assert main(["delete", "--vectors"]) == 2
    assert f"Vectors of texts, 3.0 MB, in {vectors_file()}" in capsys.readouterr().out and kept_bytes()
    assert main(["delete", "--vectors", "--yes"]) == 0
    assert not kept_bytes() and main(["delete", "--vectors", "--yes"]) == 2
