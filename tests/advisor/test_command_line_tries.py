"""`try` and `download` on the command line, on a run whose strategies need no model."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from advisor.command_line.commands import main
from advisor.render.fitted_zip import can_download
from advisor.runs.trying import NOTHING_SAVED, tryable
from advisor.storage.store import Store
from advisor.storage.stored import StoredRun
from advisor.storage.tries import tries_of
from eval.task import BadInput
from tests.advisor.test_trying import finished
from tests.tiny_strategies import STEADY


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StoredRun:
    monkeypatch.setenv("THREEWAYS_HOME", str(tmp_path / "home"))
    return finished(Store(), "prompting")


def test_try_prints_the_answer_of_each_strategy_and_keeps_it(
    run: StoredRun, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["try", run.id, "my invoice"], STEADY) == 0
    said = capsys.readouterr().out
    assert said.index("Prompting") < said.index("Most common label") and said.count("  billing\n") == 2
    (kept,) = tries_of(Store(), run.id)
    assert kept.state == "done" and [answer.text for answer in kept.answers] == ["billing", "billing"]


def test_try_refuses_in_one_sentence(run: StoredRun, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["try", run.id, " "], STEADY) == 2
    assert capsys.readouterr().err == "The input is empty: write something to answer.\n"
    assert main(["try", "nothing", "hello"], STEADY) == 2
    assert "No run begins with 'nothing'" in capsys.readouterr().err


def test_an_adapter_that_is_not_there_cannot_be_switched_off(
    run: StoredRun, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["try", run.id, "my invoice", "--adapter-off"], STEADY) == 2
    assert capsys.readouterr().err == f"Run {run.id} trained no adapter, so there is none to switch off.\n"
    run = finished(Store(), "prompting", "full_finetuning")
    assert main(["try", run.id, "my invoice", "--adapter-off"], STEADY) == 2
    assert capsys.readouterr().err == (
        "Full fine-tuning changed the model's own weights, so it has no adapter to switch off.\n"
    )
    assert not tries_of(Store(), run.id)
    run = finished(Store(), "finetuning")
    assert main(["try", run.id, "my invoice", "--adapter-off"], STEADY) == 0  # its own answer, and a sentence
    said = capsys.readouterr().out
    assert "Adapter fine-tuning, adapter switched off\n  The finetuning of run" in said and "  billing\n" in said


def test_download_refuses_in_one_sentence_and_leaves_no_file(
    run: StoredRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = tmp_path / "there"
    there.mkdir()
    assert main(["download", run.id, "retrieval", str(there / "it.zip")]) == 2
    assert "has no fitted 'retrieval' to download" in capsys.readouterr().err
    assert main(["download", run.id, "prompting", str(there / "it.zip")]) == 2  # the files of another strategy
    assert "can't be read" in capsys.readouterr().err
    assert not list(there.iterdir())
    assert main(["download", run.id, "prompting", str(tmp_path / "nowhere" / "it.zip")]) == 2
    assert "can't be written" in capsys.readouterr().err
    os.mkfifo(there / "pipe")  # or a device, which root would replace for the whole machine
    assert main(["download", run.id, "prompting", str(there / "pipe")]) == 2
    assert "(Not a regular file); choose another file." in capsys.readouterr().err and (there / "pipe").is_fifo()


@pytest.mark.parametrize("command", ["try", "predict", "serve", "export", "download"])
def test_nothing_in_the_folder_of_a_run_from_elsewhere_answers(
    run: StoredRun,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
) -> None:
    """Somebody may have forged it, and it may send what it is asked to their server."""
    measured_elsewhere(Store())
    arguments = {
        "try": ["try", run.id, "my invoice"],
        "predict": ["predict", run.id, "--strategy", "prompting"],
        "serve": ["serve", run.id, "--strategy", "prompting", "--port", "0"],
        "export": ["export", run.id, "--strategy", "prompting", "--out", str(tmp_path / "out")],
        "download": ["download", run.id, "prompting", str(tmp_path / "it.zip")],
    }

    def load(*_: object) -> None:
        raise BadInput("It was loaded.")

    monkeypatch.setattr("advisor.serving.server.load_fitted", load)
    monkeypatch.setattr("advisor.command_line.commands.load_fitted", load)
    assert main(arguments[command], STEADY) == 2
    assert capsys.readouterr().err == f"{NOTHING_SAVED}\n"
    assert {path.name for path in tmp_path.iterdir()} == {"home"}


def test_a_run_from_elsewhere_offers_no_download(run: StoredRun) -> None:
    assert can_download(Store(), run, "prompting")
    measured_elsewhere(Store())
    assert not can_download(Store(), Store().run(run.id), "prompting") and not tryable(Store(), Store().run(run.id))


def measured_elsewhere(store: Store) -> None:
    """As if each run had come in a packed file that an earlier version took whole."""
    with closing(sqlite3.connect(store.home / "threeways.sqlite")) as database, database:
        database.execute("UPDATE runs SET origin = 'shared'")
