"""`check` says what was read and found, writes the cleaned file, and looks for wrong labels with the real encoder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from advisor.command_line.commands import main
from advisor.data_check import DATA_CHECK, DataCheck, check_data
from advisor.plan import Setup
from advisor.runs.label_check import check_labels
from advisor.storage.store import Store
from eval.mapping.steps import Fix, Row
from eval.reading.table import read_table
from strategies.search.embedder import phrase_encoder
from tests.app import ROOT

ROWS = [f"please {verb} order {row},{verb}" for row in range(30) for verb in ("cancel", "repeat", "confirm")]
FAULTS = "\n".join(["text,label,note", *(f"{row},x" for row in ROWS), f"{ROWS[0]},x", "please cancel order 1,repeat,x"])
TASK = "\n".join(["text,label", *ROWS])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("THREEWAYS_HOME", str(tmp_path / "home"))
    (tmp_path / "task.csv").write_text(FAULTS)
    (tmp_path / "good.csv").write_text(TASK)
    return tmp_path


def test_a_check_says_what_was_read_and_what_was_found(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "task.csv"]) == 0
    said = capsys.readouterr().out
    for sentence in (
        "task.csv: 92 rows.",
        "Input: 'text'; answer: 'label'.",
        "Kind: one of several labels. The 92 rows have 3 different answers",
        "warning: 2 rows have the same input as another row and a different answer.",
        "  No strategy can be right on both",
        "  Rows: 5, 93.",
        "  Keep one of each: --fix duplicates",
    ):
        assert sentence in said
    assert Store().runs() == [] and not (folder / "home" / "datasets").exists()


def test_serious_findings_have_their_own_exit_code(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "task.csv").write_text(TASK.replace("order 1,cancel", "order 1,Cancel"))
    assert main(["check", "task.csv"]) == 3
    assert "serious: 1 label differs" in capsys.readouterr().out
    assert main(["check", "task.csv", "--fix", "label-spelling"]) == 0
    assert main(["check", "no.csv"]) == 2


def test_json_is_the_typed_document(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "task.csv", "--json", "--target", "label", "--fix", "duplicates"]) == 0
    checked: DataCheck = DATA_CHECK.read(capsys.readouterr().out)
    table = read_table("task.csv", FAULTS.encode())
    assert checked == check_data("task.csv", table, [], Setup("text", "label", steps=(Fix("duplicates"),)))
    assert (checked.rows, checked.examples, checked.notes[0]) == (92, 91, "You changed the data: 1 by fixes.")
    assert sum((checked.split.train, checked.split.dev, checked.split.test)) == 91
    found = {one.id: one for one in checked.findings}
    assert found["conflicts"].rows == (5, 93) and found["conflicts"].fix == "Remove all of them"


def test_the_cleaned_file_is_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fixes = ["--fix", "duplicates", "--fix", "conflicts"]
    assert main(["check", "task.csv", "--output", "clean.csv", *fixes]) == 0
    lines = (folder / "clean.csv").read_text("utf-8-sig").splitlines()
    assert lines == ["text,label,note", *(f"{row},x" for row in ROWS if row != "please cancel order 1,cancel")]
    assert main(["check", "task.csv", "--output", "task.csv"]) == 2
    assert main(["check", "task.csv", "--output", "no/folder.csv"]) == 2
    assert main(["check", "task.csv", "--fix", "magic"]) == 2
    assert "There is no fix called 'magic'" in capsys.readouterr().err
    assert (folder / "task.csv").read_text() == FAULTS


def test_every_sample_can_be_checked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for file in sorted((ROOT / "examples").glob("*.csv")):
        assert main(["check", str(file), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["file"] == file.name


@pytest.mark.slow
def test_wrong_labels_are_found_with_the_sentence_encoder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if phrase_encoder() is None:
        pytest.skip("the sentence encoder isn't installed")
    (folder / "good.csv").write_text(TASK.replace("please cancel order 7,cancel", "please cancel order 7,confirm"))
    assert main(["check", "good.csv", "--json", "--wrong-labels"]) == 0
    (found,) = [one for one in json.loads(capsys.readouterr().out)["findings"] if one["id"] == "wrong-labels"]
    assert found["suggested"] == [[23, "cancel"]]


def test_a_suspect_is_named_as_its_row_was_read() -> None:
    """By the first word, which is all that this encoder sees."""
    import numpy as np

    table = read_table(
        "good.csv", TASK.replace("please cancel order 7,cancel", "please cancel order 7,confirm").encode()
    )
    verbs = ("cancel", "repeat", "confirm")
    read = Setup("text", "label").read(table, "good.csv", []).task
    found = check_labels(read, read, lambda texts: np.array([[v in t for v in verbs] for t in texts], np.float32))
    (suspect,) = found.suspects
    assert suspect.row == Row("please cancel order 7", "confirm")
    assert (suspect.id, suspect.label, suspect.suggestion) == ("r23", "confirm", "cancel")
    assert found.finding is not None and found.finding.rows == ("r23",)
