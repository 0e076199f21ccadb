"""`python -m advisor doctor` names what is damaged, and `--repair` puts right what can be."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from advisor.command_line.commands import main
from advisor.runs.machine_file import device_of, versions_of, write_machine
from advisor.storage.store import Store
from advisor.storage.stored import StoredRun
from advisor.storage.trial_files import read_trials
from eval.outcomes import Trial
from eval.task import Split, Task
from tests.app import finish_run


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("THREEWAYS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Store()


@pytest.fixture
def run(
    store: Store,
    synthetic_task: Callable[..., Task],
    synthetic_split: Callable[[Task], Split],
    synthetic_trials: Callable[..., tuple[Trial, ...]],
) -> StoredRun:
    task = synthetic_task()
    run = finish_run(store, task, synthetic_split(task), synthetic_trials())
    store.describe_run(run.id, "Mine", "A note.", ["June"])
    return store.run(run.id)


Doctor = Callable[..., tuple[int, str]]


@pytest.fixture
def doctor(capsys: pytest.CaptureFixture[str]) -> Doctor:
    def call(*arguments: str) -> tuple[int, str]:
        code = main(["doctor", *arguments])
        said = capsys.readouterr()
        return code, said.out + said.err

    return call


def test_a_sound_home_is_said_to_be_sound(store: Store, run: StoredRun, doctor: Doctor) -> None:
    code, said = doctor()
    assert code == 0 and "Everything that is stored is sound." in said and "1 run with" in said


@pytest.mark.parametrize("damage", ["cut", "another file", "gone", "empty"])
def test_the_database_is_rebuilt_from_the_folders(store: Store, run: StoredRun, doctor: Doctor, damage: str) -> None:
    file = store.home / "threeways.sqlite"
    dataset, steps = store.dataset(run.dataset_id), store.steps(run.id)
    match damage:
        case "cut":
            file.write_bytes(file.read_bytes()[:5000])
        case "another file":
            file.write_bytes(b"hello" * 1000)
        case "gone":
            file.unlink()
        case "empty":
            file.write_bytes(b"")
    assert main(["runs"]) == 2
    code, said = doctor()
    assert code == 3 and f"The database {file} is" in said and "--repair" in said
    code, said = doctor("--repair")
    assert code == 0 and "We rebuilt it from the folders" in said
    (again,) = Store().runs()
    kept = ("id", "dataset_id", "name", "plan_json", "state", "given_name", "note", "tags", "origin", "created_at")
    assert [getattr(again, name) for name in kept] == [getattr(run, name) for name in kept]
    assert replace(Store().dataset(dataset.id), created_at=0) == replace(dataset, created_at=0)
    assert [(one.strategy, one.state) for one in Store().steps(run.id)] == [(one.strategy, one.state) for one in steps]
    assert doctor()[0] == 0 and main(["runs"]) == 0


def test_what_can_be_read_of_a_damaged_database_is_kept(store: Store, run: StoredRun, doctor: Doctor) -> None:
    (store.run_folder(run.id) / "about.json").unlink()  # so that only the rows know
    with closing(sqlite3.connect(store.home / "threeways.sqlite")) as database, database:
        database.execute("DROP TABLE steps")
    assert doctor()[0] == 3 and doctor("--repair")[0] == 0
    (again,) = Store().runs()
    assert (again.given_name, again.started_at, again.ended_at) == ("Mine", run.started_at, run.ended_at)
    assert len(Store().steps(run.id)) == 4
    assert len(list(store.home.glob("threeways.sqlite.damaged-*"))) == 1


def test_a_run_that_the_database_lacks_comes_back_and_can_be_continued(
    store: Store, run: StoredRun, doctor: Doctor
) -> None:
    with closing(sqlite3.connect(store.home / "threeways.sqlite")) as database, database:
        database.execute("DELETE FROM runs")
        database.execute("DELETE FROM steps")
    shutil.rmtree(store.run_folder(run.id) / "finetuning")
    (store.run_folder(run.id) / "report.json").unlink()
    code, said = doctor()
    assert code == 3 and f"The database lacks 1 run whose folders are there: {run.id}." in said
    doctor("--repair")
    again = store.run(run.id)
    assert again.state == "cancelled" and "The database was rebuilt" in (again.reason or "")
    states = {one.strategy: one.state for one in store.steps(run.id)}
    assert (states["prompting"], states["finetuning"]) == ("done", "cancelled")
    store.retry_step(run.id, "finetuning")
    assert store.next_run() == run.id


def test_what_is_damaged_of_a_run_is_named_and_its_report_written_again(
    store: Store, run: StoredRun, doctor: Doctor
) -> None:
    folder, before = store.run_folder(run.id), store.report(run.id)
    (folder / "report.json").write_text("{")
    (store.dataset_folder(run.dataset_id) / "parsed.jsonl").write_text("{")
    code, said = doctor()
    assert code == 3 and "2 problems left." in said
    assert f"The report of this run is damaged ({folder / 'report.json'})." in said
    code, said = doctor("--repair")
    assert code == 0 and "We wrote it again from the answers." in said and "once more." in said
    again = store.report(run.id)
    assert before is not None and again is not None and again.candidates == before.candidates
    (folder / "prompting" / "outcomes.jsonl").write_text("")
    (store.dataset_folder(run.dataset_id) / "upload").write_text("other,rows\n")
    code, said = doctor("--repair")
    assert code == 3 and "2 problems left." in said
    assert f"the answers in {folder / 'prompting'} are damaged" in said
    assert "aren't those that were uploaded; upload them again" in said
    shutil.rmtree(folder)
    assert f"its folder is gone ({folder})" in doctor()[1]


@pytest.mark.parametrize("damage", [lambda path: path.write_bytes(b""), lambda path: path.write_text('{"name": "x"}')])
def test_what_a_rebuilt_database_would_need_is_written_again(
    store: Store, run: StoredRun, doctor: Doctor, damage: Callable[[Path], object]
) -> None:
    folder, dataset = store.run_folder(run.id), store.dataset_folder(run.dataset_id)
    files = (folder / "about.json", folder / "plan.json", dataset / "names.json")
    before = [path.read_bytes() for path in files]
    for path in files:
        damage(path)
    code, said = doctor()
    assert code == 3 and "3 problems left." in said
    assert all(str(path) in said and "if the database is lost" in said for path in files)
    assert doctor("--repair")[0] == 0
    assert [path.read_bytes() for path in files] == before


def test_nobody_is_told_of_hardware_that_a_damaged_file_names(store: Store, run: StoredRun, doctor: Doctor) -> None:
    folder = store.run_folder(run.id)
    trials, _ = read_trials(folder, ["prompting", "retrieval"])
    for trial in trials:
        write_machine(folder / trial.strategy, "NVIDIA H200")
    file = folder / "prompting" / "machine.json"
    file.write_text(file.read_text().replace("H200", "H100"))  # still JSON
    assert (device_of(folder, trials), device_of(folder, trials[:1])) == ("NVIDIA H200", "unknown hardware")
    assert not versions_of(folder, trials[:1])
    code, said = doctor()
    assert code == 3 and f"{file} is damaged" in said and "1 problem left." in said
    code, said = doctor("--repair")
    assert code == 0 and "We removed it." in said
    assert not list(file.parent.glob("machine.json*")) and doctor()[0] == 0


def test_leftovers_of_killed_processes_are_deleted_when_they_are_old(
    store: Store, run: StoredRun, doctor: Doctor
) -> None:
    folder = store.run_folder(run.id)
    old, young = folder / ".report.json.a1b2", folder / "prompting" / ".begun_next.c3"
    old.write_text("half a rep")
    young.mkdir()
    (folder / "prompting" / "begun").mkdir()
    (store.home / "tries").mkdir()
    (store.home / "tries" / "0001").write_text("a run that was deleted")
    os.utime(old, (time.time() - 7200,) * 2)
    code, said = doctor("--repair")
    assert code == 0 and said.count("Deleted.") == 3
    assert not old.exists() and young.exists() and not (folder / "prompting" / "begun").exists()
    assert not list((store.home / "tries").iterdir()) and store.report(run.id) is not None


def test_nothing_is_repaired_while_a_run_or_the_worker_uses_the_files(
    store: Store, run: StoredRun, doctor: Doctor
) -> None:
    for name in ("worker.lock", "device.lock"):
        with FileLock(store.home / name):
            code, said = doctor("--repair")
            assert code == 2 and "uses the stored files now" in said
            assert doctor()[0] == 0


def test_a_home_that_does_not_exist_is_a_sentence_and_is_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, doctor: Doctor
) -> None:
    monkeypatch.setenv("THREEWAYS_HOME", str(tmp_path / "nowhere"))
    code, said = doctor()
    assert code == 2 and "There is no folder" in said and not (tmp_path / "nowhere").exists()
