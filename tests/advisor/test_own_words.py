"""The instruction and the meanings of labels from files: read as written, refused in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from advisor.command_line.commands import main
from advisor.command_line.own_words import instruction_from, meanings_from
from advisor.plan import Plan, Setup
from advisor.runs.experiment import draft_task
from advisor.storage.store import Store
from advisor.storage.task_file import read_task
from eval.reading.table import read_table
from eval.task import BadInput
from tests.bad_uploads import TABLE
from tests.tiny_strategies import SPEED, STEADY, tiny_model

LABELS = ("bill", "track")
MEANT = (("track", "a parcel, late or lost"),)


@pytest.mark.parametrize(
    "content",
    [
        'label,meaning\ntrack,"a parcel, late or lost"\nbill,\n',
        'track,"a parcel, late or lost"',
        "\ufeffLabel;Meaning\r\ntrack;a parcel, late or lost\r\n",
        '{"track": "a parcel, late  or\\nlost", "bill": ""}',
        '[{"label": "track", "meaning": "a parcel, late or lost"}]',
    ],
)
def test_meanings_are_read_from_csv_and_json(content: str) -> None:
    assert meanings_from(Path("labels"), content.encode(), LABELS) == MEANT


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "l.csv says of no label what it means; write lines such as 'bill,its meaning'."),
        (b"label,meaning\nbill,\n", "says of no label what it means"),
        (b"label,meaning\nbil,x\n", "l.csv has the label 'bil' (line 2), which no row has; use bill, track."),
        (b"bill,x\nbill,y\n", "names the label 'bill' twice (line 2); keep one of the two."),
        (b"bill,x,y\n", "has 3 cells in line 1 instead of a label and its meaning"),
        (b"bill\n", "has 1 cells in line 1"),
        (b"bill,caf\xe9\n", "l.csv is not UTF-8 (line 1); save it as UTF-8."),
        (b"bill," + b"x" * 301, "has 301 characters (line 1), and 300 fit; shorten it."),
        (b'{"bill": ', "l.csv is not complete JSON in line 1"),
        (b'{"bill": "\\ud800"}', "l.csv has half a character"),
        (b'{"bill": 3}', "has no label with a text as its meaning in entry 1"),
        (b'["bill"]', "has no label with a text as its meaning in entry 1"),
    ],
)
def test_bad_meanings_are_one_sentence(content: bytes, told: str) -> None:
    with pytest.raises(BadInput) as wrong:
        meanings_from(Path("l.csv"), content, LABELS)
    assert told in str(wrong.value) and "\n" not in str(wrong.value)


def test_meanings_need_labels() -> None:
    with pytest.raises(BadInput, match="This task has no labels"):
        meanings_from(Path("l.csv"), b"bill,x", ())


@pytest.mark.parametrize(
    ("content", "told"), [(b" \n", "i.txt is empty"), (b"ok\n\xff", r"i.txt is not UTF-8 \(line 2\)")]
)
def test_a_bad_instruction_is_one_sentence(content: bytes, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        instruction_from(Path("i.txt"), content)


@pytest.mark.parametrize("meanings", [(), MEANT])
def test_an_instruction_longer_than_the_context_is_refused(meanings: tuple[tuple[str, str], ...]) -> None:
    rows = "".join(f"message number {at},{LABELS[at % 2]}\n" for at in range(40))
    setup = Setup("text", "label", instruction="word " * 20_000, meanings=meanings)
    plan = Plan("d", setup)
    with pytest.raises(BadInput, match=r"tokens, and the model reads at most [\d,]+ with the input and the answer"):
        draft_task(plan, "t.csv", read_table("t.csv", f"text,label\n{rows}".encode()), [])


def test_both_files_reach_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("THREEWAYS_HOME", str(tmp_path / "home"))
    Path("task.csv").write_bytes(TABLE)
    Store().save_speed(tiny_model(tmp_path / "model"), SPEED)
    label = TABLE.decode().splitlines()[1].rpartition(",")[2]
    Path("i.txt").write_text("Sort it.\n")
    Path("l.json").write_text(f'{{"{label}": "what it means"}}')
    files = ("--instruction", "i.txt", "--labels", "l.json")
    assert main(["compare", "task.csv", *files, "--strategies", "prompting", "--model", "model"], STEADY) == 0
    store = Store()
    task, _ = read_task(store.run_folder(store.runs()[0].id))
    assert (task.instruction, task.meanings) == ("Sort it.", ((label, "what it means"),))
