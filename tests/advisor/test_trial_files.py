from __future__ import annotations

import multiprocessing
from dataclasses import replace
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from time import sleep

import pytest

from advisor.storage.files import whole_folder, write_whole
from advisor.storage.task_file import read_task, task_to_json
from advisor.storage.trial_files import (
    read_prompts,
    read_replaced,
    read_trial,
    remove_replaced,
    replace_trial,
    write_trial,
)
from eval.outcomes import Effort, Outcome, Trial
from eval.sent import Part, Piece, SentPrompts
from eval.task import BadInput, Document
from tests.tiny_strategies import tiny_task


def _trial(rows: int) -> Trial:
    return Trial(
        "prompting",
        "done",
        outcomes=tuple(
            Outcome(f"r{row}", "prompting", "a\u2028b\nc", 0.5, {"exact": 0.0}, 7, 1, 0.25, ("d1", "d2"), True, None)
            for row in range(rows)
        ),
        fit_seconds=1.5,
        requests_per_second=3.0,
        peak_memory_bytes=10,
        settings={"rows": rows},
        choices=({"examples": 0, "score": 0.5},),
        effort=Effort(2, 40, 9.0),
        notes=("A note.",),
    )


def test_a_trial_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_trial(tmp_path, _trial(3))
    assert read_trial(tmp_path) == _trial(3)


INSTRUCTION = Piece(Part.INSTRUCTION, "Sort it.\u2028", (5, 6), (4, 5))


def _prompts(rows: int) -> SentPrompts:
    prompts = SentPrompts()
    for row in range(rows):
        prompts.add(f"r{row}", (INSTRUCTION, Piece(Part.INPUT, f"message {row} of a customer", (row, 70000), (9, 14))))
    return prompts


def test_prompts_are_read_as_they_were_written_and_the_manifest_names_them(tmp_path: Path) -> None:
    write_trial(tmp_path, replace(_trial(3), prompts=_prompts(3)))
    trial, prompts = read_trial(tmp_path), read_prompts(tmp_path)
    assert trial == _trial(3) and trial is not None and trial.prompts is None
    assert prompts == _prompts(3) and prompts is not None and prompts.instruction == "Sort it."
    assert prompts.of("r1") == (INSTRUCTION, Piece(Part.INPUT, "message 1 of a customer", (1, 70000), (9, 14)))
    assert prompts.of("never sent") is None
    (tmp_path / "prompts.jsonl").write_text("")
    assert read_trial(tmp_path) is None


def test_a_trial_of_an_earlier_version_has_no_prompts(tmp_path: Path) -> None:
    write_trial(tmp_path, _trial(3))
    assert read_prompts(tmp_path) is None


def test_the_prompts_of_10_000_rows_take_little_more_than_their_inputs(tmp_path: Path) -> None:
    write_trial(tmp_path, replace(_trial(3), prompts=_prompts(10_000)))
    content = (tmp_path / "prompts.jsonl").read_text()
    assert content.count("Sort it.") == 1
    assert len(content) < 150 * 10_000


def test_there_is_no_trial_before_its_manifest(tmp_path: Path) -> None:
    assert read_trial(tmp_path) is None
    write_trial(tmp_path, _trial(3))
    (tmp_path / "manifest.json").unlink()
    assert read_trial(tmp_path) is None


@pytest.mark.parametrize("name", ["trial.json", "outcomes.jsonl", "manifest.json"])
def test_a_trial_that_was_changed_is_not_there(tmp_path: Path, name: str) -> None:
    write_trial(tmp_path, _trial(3))
    changed = (tmp_path / name).read_bytes().replace(b"3", b"4").replace(b"r1", b"r9")
    assert changed != (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(changed)
    assert read_trial(tmp_path) is None


def _write_again_and_again(folder: Path, written: Connection) -> None:
    for rows in count(1):
        write_trial(folder, _trial(50 + rows))
        written.send(rows)


def test_a_writer_killed_at_any_moment_leaves_a_whole_trial_or_none(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    for rounds in range(4):
        received, written = context.Pipe(duplex=False)
        writer = context.Process(target=_write_again_and_again, args=(tmp_path, written))
        writer.start()
        for _ in range(3 + 2 * rounds):
            received.recv()
        writer.kill()
        writer.join()
        trial = read_trial(tmp_path)
        assert trial is None or trial == _trial(trial.settings["rows"])


def _replace_again_and_again(folder: Path, written: Connection) -> None:
    for rows in count(1):
        replace_trial(folder, _trial(50 + rows))
        written.send(rows)


def test_a_trial_that_is_replaced_is_never_lost(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    folder = tmp_path / "begun"
    for rounds in range(6):
        received, written = context.Pipe(duplex=False)
        writer = context.Process(target=_replace_again_and_again, args=(folder, written))
        writer.start()
        for rows in range(1, 3 + rounds):
            assert received.recv() == rows
        sleep(rounds * 0.003)  # so that it is killed at another moment
        writer.kill()
        writer.join()
        trial = read_replaced(folder)
        assert trial is not None and trial == _trial(trial.settings["rows"])
        assert trial.settings["rows"] >= 50 + 2 + rounds
    remove_replaced(folder)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("is_older_there", [True, False])
def test_a_replacement_that_was_interrupted_is_finished_by_the_next_process(
    tmp_path: Path, is_older_there: bool
) -> None:
    replace_trial(tmp_path / "begun", _trial(3))
    (tmp_path / "begun").rename(tmp_path / "begun_next")
    if is_older_there:  # or half of it
        (tmp_path / "begun").mkdir()
        write_trial(tmp_path / "begun", _trial(2))
        (tmp_path / "begun" / "outcomes.jsonl").unlink()
    assert read_replaced(tmp_path / "begun") == _trial(3)
    assert [path.name for path in tmp_path.iterdir()] == ["begun"]


def _stop_inside_a_folder(path: Path, filled: Connection) -> None:
    with whole_folder(path) as unnamed:
        write_whole(unnamed / "upload", b"half of it")
        filled.send(True)
        filled.recv()  # never comes


def test_a_folder_has_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    received, filled = context.Pipe()
    writer = context.Process(target=_stop_inside_a_folder, args=(tmp_path / "dataset", filled))
    writer.start()
    received.recv()
    writer.kill()
    writer.join()
    assert not (tmp_path / "dataset").exists()
    with whole_folder(tmp_path / "dataset") as unnamed:
        write_whole(unnamed / "upload", b"all of it")
    assert (tmp_path / "dataset" / "upload").read_bytes() == b"all of it"


def test_a_block_that_fails_leaves_no_folder_and_no_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput), whole_folder(tmp_path / "dataset"):
        raise BadInput("It cannot be used.")
    assert list(tmp_path.iterdir()) == []


def test_a_task_is_read_as_it_was_written(tmp_path: Path) -> None:
    task, split = tiny_task()
    odd = replace(task.examples[0], input="a lone \ud800 surrogate", document_ids=("d1",), group="g", split="train")
    unused = replace(task.examples[0], id="never asked")
    task = replace(
        task,
        examples=(odd, *task.examples[1:], unused),
        documents=(Document("d1", "Title", "Text"),),
    )
    split = replace(split, train=(odd, *split.train[1:]))
    write_whole(tmp_path / "task.json", task_to_json(task, split))
    assert read_task(tmp_path) == (task, split)


def test_a_task_of_another_version_is_refused_in_a_sentence(tmp_path: Path) -> None:
    write_whole(tmp_path / "task.json", '{"title": "old"}')
    with pytest.raises(BadInput, match="start the comparison again"):
        read_task(tmp_path)
