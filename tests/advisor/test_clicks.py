"""Clicks on disk: whole, read back as they were, and taken over by the runs that follow."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from advisor.plan import Plan, Setup
from advisor.storage.clicks import clicks_in, read_clicks, write_clicks
from advisor.storage.store import Store
from advisor.storage.task_file import task_to_json
from eval.blind.pairs import Choice, Click
from eval.task import BadInput
from tests.tiny_strategies import tiny_task

FIRST = Click("Où?\nNow", "\u2028 left", "right \ud800", Choice.BOTH, "2025-01-31T12:00:00+00:00", "run")
SECOND = Click("Where?", "", "there", Choice.NEITHER, "2025-01-31T12:00:05+00:00", "data")


def test_clicks_are_read_back_as_they_were_made(tmp_path: Path) -> None:
    assert read_clicks(tmp_path) == ()
    write_clicks(tmp_path, [FIRST, SECOND])
    assert read_clicks(tmp_path) == (FIRST, SECOND)
    assert [path.name for path in tmp_path.iterdir()] == ["clicks.jsonl"]


@pytest.mark.parametrize("line", [
    "{", "[]", '"left"', "7", "{}", json.dumps({"choice": "left"}), "\xff",
    json.dumps({"input": "a", "left": 1, "right": "b", "choice": "left", "at": "", "asked_in": ""}),
    json.dumps({"input": "a", "left": "a", "right": "b", "choice": "up", "at": "", "asked_in": ""}),
])  # fmt: skip
def test_a_damaged_file_is_one_sentence_that_says_where(tmp_path: Path, line: str) -> None:
    write_clicks(tmp_path, [FIRST])
    path = tmp_path / "clicks.jsonl"
    path.write_bytes(path.read_bytes() + line.encode("latin-1") + b"\n")
    with pytest.raises(BadInput, match=r"can't be read.*clicks\.jsonl.*Move the file away to start over\.$"):
        read_clicks(tmp_path)


def test_a_file_that_was_cut_off_costs_only_its_last_line(tmp_path: Path) -> None:
    write_clicks(tmp_path, [FIRST, SECOND])
    path = tmp_path / "clicks.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    assert read_clicks(tmp_path) == (FIRST, SECOND), "only the line break is gone"
    path.write_bytes(whole[:-9])
    assert read_clicks(tmp_path) == (FIRST,)


def test_a_run_takes_over_the_clicks_on_its_data_and_on_the_run_it_follows(tmp_path: Path) -> None:
    store = Store(tmp_path)
    dataset = store.add_dataset("tickets.csv", b"message,label\nfirst,yes\nsecond,no\n")
    plan = Plan(dataset.id, Setup("message", "label"))
    first = store.add_run(plan, task_to_json(*tiny_task()))
    assert read_clicks(store.run_folder(first.id)) == ()
    write_clicks(store.run_folder(first.id), [replace(SECOND, asked_in=first.id)])
    write_clicks(store.dataset_folder(dataset.id), [FIRST])
    second = store.add_run(replace(plan, follows=first.id), task_to_json(*tiny_task()))
    assert read_clicks(store.run_folder(second.id)) == (FIRST, replace(SECOND, asked_in=first.id))
    third = store.add_run(replace(plan, follows=second.id), task_to_json(*tiny_task()))
    assert read_clicks(store.run_folder(third.id)) == read_clicks(store.run_folder(second.id))


def test_a_damaged_file_keeps_no_run_from_starting(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    (one / "clicks.jsonl").write_text("{\n")
    write_clicks(other, [SECOND, FIRST])
    assert clicks_in([one, other, tmp_path / "gone"]) == (FIRST, SECOND)
