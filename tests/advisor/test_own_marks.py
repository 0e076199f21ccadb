"""A person's marks on single answers: on disk, and what they say about the score."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from advisor.plan import Plan, Setup
from advisor.storage.own_marks import OwnMark, add_mark, read_marks, readable_marks
from advisor.storage.store import Store
from advisor.storage.task_file import task_to_json
from eval.task import BadInput
from tests.tiny_strategies import tiny_task

FIRST = OwnMark("Où?\nNow", "\u2028 here \ud800", True, "", "2026-01-31T12:00:00+00:00", "run")
SECOND = OwnMark("When?", "", False, "It says nothing.\nNot even why.", "2026-01-31T12:00:05+00:00", "run")


def test_marks_are_read_back_as_they_were_made(tmp_path: Path) -> None:
    assert read_marks(tmp_path) == ()
    add_mark(tmp_path, FIRST)
    add_mark(tmp_path, SECOND)
    assert read_marks(tmp_path) == (FIRST, SECOND)
    assert [path.name for path in tmp_path.iterdir()] == ["marks.jsonl"]


def test_the_last_mark_on_an_answer_counts_and_can_be_taken_back(tmp_path: Path) -> None:
    for mark in (FIRST, SECOND, replace(FIRST, is_right=False, note="No."), replace(SECOND, is_right=None)):
        add_mark(tmp_path, mark)
    assert read_marks(tmp_path) == (replace(FIRST, is_right=False, note="No."),)
    assert len((tmp_path / "marks.jsonl").read_text().splitlines()) == 4, "nothing is written over"


def test_a_torn_last_line_costs_only_itself(tmp_path: Path) -> None:
    add_mark(tmp_path, FIRST)
    path = tmp_path / "marks.jsonl"
    path.write_bytes(path.read_bytes() + b'{"input": "Wh')
    assert read_marks(tmp_path) == (FIRST,)
    add_mark(tmp_path, SECOND)
    assert read_marks(tmp_path) == (FIRST, SECOND)


@pytest.mark.parametrize("line", [b"{", b"[]", b"{}", b"\xff", b'{"input": "a", "answer": "b", "is_right": "so"}'])
def test_a_damaged_file_is_one_sentence_that_says_where(tmp_path: Path, line: bytes) -> None:
    add_mark(tmp_path, FIRST)
    path = tmp_path / "marks.jsonl"
    path.write_bytes(path.read_bytes() + line + b"\n")
    with pytest.raises(BadInput, match=r"line 2 of .*marks\.jsonl is damaged\. Move the file away to start over\.$"):
        read_marks(tmp_path)
    assert readable_marks(tmp_path) == ()


def test_a_run_takes_over_the_marks_on_the_run_it_follows(tmp_path: Path) -> None:
    store = Store(tmp_path)
    dataset = store.add_dataset("tickets.csv", b"message,label\nfirst,yes\nsecond,no\n")
    plan = Plan(dataset.id, Setup("message", "label"))
    first = store.add_run(plan, task_to_json(*tiny_task()))
    add_mark(store.run_folder(first.id), FIRST)
    second = store.add_run(replace(plan, follows=first.id), task_to_json(*tiny_task()))
    other = store.add_run(plan, task_to_json(*tiny_task()))
    assert read_marks(store.run_folder(second.id)) == (FIRST,)
    assert read_marks(store.run_folder(other.id)) == ()
