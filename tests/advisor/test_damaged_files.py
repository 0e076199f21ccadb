"""One damaged file harms only what it belongs to: the commands say so in a sentence and show the other runs."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from advisor.command_line.commands import main
from advisor.plan import Plan, Setup
from advisor.runs.experiment import run_experiment
from advisor.runs.order import StepOrder, fitted_problem
from advisor.runs.report_files import write_report_again
from advisor.storage.run_files import why_no_report
from advisor.storage.store import Store
from advisor.storage.task_file import read_task, task_to_json
from advisor.storage.trial_files import read_trial
from eval.task import BadInput
from strategies.served.budget import Limit
from tests.tiny_strategies import STEADY, tiny_task

TABLE = b"message,label\n" + b"".join(b"text %d,%s\n" % (row, (b"yes", b"no")[row % 2]) for row in range(30))
Damage = Callable[[Path], object]


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes() or b"nothing")
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def turn_into_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES: dict[str, Damage] = {"flipped": flip, "cut": cut, "gone": Path.unlink, "folder": turn_into_folder}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str, str]]:
    """A home with two finished runs, and their ids."""
    store = Store(tmp_path_factory.mktemp("made") / "home")
    runs = [finished(store, seed) for seed in (0, 1)]
    yield store.home, runs[0], runs[1]


def finished(store: Store, seed: int) -> str:
    dataset = store.add_dataset("tickets.csv", TABLE)
    plan = Plan(dataset.id, Setup("message", "label"), strategies=("prompting",), seed=seed, reuses=False)
    run_id = store.add_run(plan, task_to_json(*tiny_task())).id
    assert run_experiment(store, run_id, lambda _: None, lambda: False, STEADY) is not None
    return run_id


@pytest.fixture
def home(made: tuple[Path, str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(made[0], tmp_path / "home")
    monkeypatch.setenv("THREEWAYS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def files_of(folder: Path) -> list[Path]:
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("damage", DAMAGES)
def test_no_damaged_file_of_a_run_ends_a_command_or_hides_another_run(
    made: tuple[Path, str, str], home: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    _, spoiled, sound = made
    whole = Store(home).report(sound)
    assert whole is not None
    names = files_of(home / "runs" / spoiled)
    assert len(names) > 20
    for name in names:
        shutil.rmtree(home)
        shutil.copytree(made[0], home)
        DAMAGES[damage](home / "runs" / spoiled / name)
        for command in (
            ["runs"],
            ["try", spoiled, "message 3"],
            ["download", spoiled, "prompting", str(home / "fitted.zip")],
            ["pack", spoiled, str(home / "run.zip")],
        ):
            code = main(command, STEADY)
            said = capsys.readouterr()
            assert code in (0, 2) or (command[0], code) == ("try", 1), (name, command, said)
            assert "internal error" not in said.err and "Traceback" not in said.err, (name, command, said)
            if command == ["runs"]:
                assert code == 0 and sound in said.out, name
                assert whole.recommendation.headline.split()[0] in said.out, name


@pytest.mark.parametrize("seconds", [253402300799.0, 1e18, float("inf")])
def test_a_run_that_was_started_in_no_year_hides_no_other(
    made: tuple[Path, str, str],
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    seconds: float,
) -> None:
    with closing(sqlite3.connect(home / "threeways.sqlite")) as database, database:
        database.execute("UPDATE runs SET created_at = ? WHERE id = ?", (seconds, made[1]))
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        assert main(["runs"]) == 0
    finally:
        monkeypatch.undo()
        time.tzset()
    said = " ".join(capsys.readouterr().out.split())
    assert made[1] in said and made[2] in said and "unknown" in said
    assert write_report_again(Store(home), Store(home).run(made[1])).created_at[:4] in ("9999", "1970")


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_lost_report_is_named_and_written_again_as_it_was(
    made: tuple[Path, str, str], home: Path, damage: str
) -> None:
    store, run_id = Store(home), made[1]
    before = store.report(run_id)
    assert before is not None and before.versions
    DAMAGES[damage](store.run_folder(run_id) / "report.json")
    assert store.report(run_id) is None
    assert ("is gone" if damage == "gone" else "is damaged") in why_no_report(store.run_folder(run_id))
    if damage == "folder":
        (store.run_folder(run_id) / "report.json").rmdir()
    assert write_report_again(store, store.run(run_id)) == before == store.report(run_id)


def test_a_run_whose_folder_is_gone_says_so(
    made: tuple[Path, str, str], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(home / "runs" / made[1])
    assert main(["runs"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "of this run is gone" in said and made[2] in said
    with pytest.raises(BadInput, match="are gone from"):
        write_report_again(Store(home), Store(home).run(made[1]))


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_fitted_strategy_that_was_changed_does_not_answer(
    made: tuple[Path, str, str], home: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    fitted = home / "runs" / made[1] / "prompting" / "fitted"
    order = StepOrder(home / "runs" / made[1], "prompting", "quick", "embedded", 0, STEADY)
    assert fitted_problem(order) is None
    DAMAGES[damage](fitted / "answer.json")
    assert "Compare the strategies again." in (fitted_problem(order) or "")
    assert main(["try", made[1], "message 3"], STEADY) == 0  # the baselines answer
    assert "The fitted files of Prompting can't be used" in capsys.readouterr().out


def test_an_empty_list_of_hashes_lets_nothing_pass(made: tuple[Path, str, str], home: Path) -> None:
    (home / "runs" / made[1] / "prompting" / "fitted" / "SHA256SUMS").write_bytes(b"")
    order = StepOrder(home / "runs" / made[1], "prompting", "quick", "embedded", 0, STEADY)
    assert "SHA256SUMS is empty" in (fitted_problem(order) or "")


def test_a_task_of_which_one_letter_changed_is_not_used(made: tuple[Path, str, str], home: Path) -> None:
    folder = home / "runs" / made[1]
    content = (folder / "task.json").read_text()
    (folder / "task.json").write_text(content.replace("message 3", "message 4", 1))
    with pytest.raises(BadInput, match="The task of this run"):
        read_task(folder)


def test_a_run_that_goes_on_fits_again_what_was_damaged(made: tuple[Path, str, str], home: Path) -> None:
    store, run_id = Store(home), made[1]
    folder = store.run_folder(run_id)
    before = read_trial(folder / "prompting")
    flip(folder / "prompting" / "outcomes.jsonl")
    assert read_trial(folder / "prompting") is None
    store.end_run(run_id, "cancelled")
    store.continue_run(run_id, Limit())
    assert run_experiment(store, run_id, lambda _: None, lambda: False, STEADY) is not None
    again = read_trial(folder / "prompting")
    assert before is not None and again is not None
    assert [one.text for one in again.outcomes] == [one.text for one in before.outcomes]


def test_an_upload_that_is_gone_or_changed_is_said_to_be(made: tuple[Path, str, str], home: Path) -> None:
    store = Store(home)
    dataset = store.dataset(store.run(made[1]).dataset_id)
    folder = store.dataset_folder(dataset.id)
    before = store.read_upload(dataset.id)
    flip(folder / "parsed.jsonl")
    assert store.read_upload(dataset.id) == before  # read again from the upload
    (folder / "parsed.jsonl").unlink()
    flip(folder / "upload")
    with pytest.raises(BadInput, match="upload them again"):
        store.read_upload(dataset.id)
    shutil.rmtree(folder)
    with pytest.raises(BadInput, match="are gone from"):
        store.read_upload(dataset.id)
