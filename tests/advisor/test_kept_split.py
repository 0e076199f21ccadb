"""Edited test rows change nothing that was learned from; anything else splits anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from advisor.plan import Plan, Setup
from advisor.runs.experiment import prepare
from advisor.storage.store import Store
from advisor.storage.task_file import read_task
from eval.task import Split
from tests.tiny_strategies import tiny_model

SUBJECTS = ("lamp", "parcel", "invoice", "door", "kettle", "garden", "radio", "ladder", "window", "stove")
ROWS = [
    (f"{SUBJECTS[at % 10]} {at * 7919 % 1009} {SUBJECTS[at * 3 % 10]} {at * 104729 % 997}", "ab"[at % 2])
    for at in range(120)
]


class Home:
    def __init__(self, folder: Path) -> None:
        self.store = Store(folder / "home")
        self._plan = Plan("", Setup("message", "label"), model=tiny_model(folder / "model"))

    def split(self, rows: list[tuple[str, str]], reuses: bool = True) -> Split:
        table = "message,label\n" + "".join(f"{message},{label}\n" for message, label in rows)
        dataset = self.store.add_dataset("tickets.csv", table.encode())
        run = prepare(self.store, replace(self._plan, dataset_id=dataset.id, reuses=reuses))
        self.store.end_run(run.id, "done")
        return read_task(self.store.run_folder(run.id))[1]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def contents(split: Split) -> tuple[list[str], list[str], list[str]]:
    train, dev, test = ([row.input for row in side] for side in (split.train, split.dev, split.test))
    return train, dev, test


def changed(
    rows: list[tuple[str, str]], inputs: list[str], change: tuple[str | None, str | None]
) -> list[tuple[str, str]]:
    message, label = change
    return [
        (f"{message} {at}" if message else old, label or its) if old in inputs else (old, its)
        for at, (old, its) in enumerate(rows)
    ]


def test_edited_and_relabelled_test_rows_stay_in_the_test_and_nothing_else_moves(home: Home) -> None:
    train, dev, test = contents(home.split(ROWS))
    edited = changed(ROWS, test[:3], ("quite another question about", None))
    edited = changed(edited, test[3:4], (None, "b"))
    now = home.split(edited)
    assert contents(now)[:2] == (train, dev)
    assert contents(now)[2][3:] == test[3:] and len(contents(now)[2]) == len(test)
    assert all(input.startswith("quite another question") for input in contents(now)[2][:3])
    assert any(note.startswith("We kept the split of run ") for note in now.notes)
    anew = home.split(edited, reuses=False)
    assert not any("We kept the split" in note for note in anew.notes)


def test_rows_that_are_taken_out_or_move_in_the_file_change_nothing_either(home: Home) -> None:
    train, dev, test = contents(home.split(ROWS))
    left = [row for row in ROWS[::-1] if row[0] not in test[:2]]
    assert contents(home.split(left)) == (train, dev, test[2:])


def test_a_test_row_that_becomes_like_a_training_row_is_left_out(home: Home) -> None:
    train, dev, test = contents(home.split(ROWS))
    copied = [(train[0], its) if old == test[0] else (old, its) for old, its in ROWS]
    now = home.split(copied)
    assert contents(now) == (train, dev, test[1:])
    assert any("We left out 1 test row like one of those." in note for note in now.notes)


@pytest.mark.parametrize("side", [0, 1])
def test_a_changed_row_that_was_learned_from_splits_anew(home: Home, side: int) -> None:
    learned = contents(home.split(ROWS))[side]
    edited = changed(ROWS, learned[:1], ("quite another question about", None))
    now, anew = home.split(edited), home.split(edited, reuses=False)
    assert contents(now) == contents(anew) and now.notes == anew.notes
    fewer = [row for row in ROWS if row[0] != learned[0]]
    assert contents(home.split(fewer)) == contents(home.split(fewer, reuses=False))


def test_added_rows_are_learned_from(home: Home) -> None:
    home.split(ROWS)
    added = [(f"something quite new number {at * 6007 % 1013} {SUBJECTS[at % 10]}", "a") for at in range(30)]
    now = home.split([*ROWS, *added])
    assert contents(now) == contents(home.split([*ROWS, *added], reuses=False))
    assert any(row.input.startswith("something quite new") for row in now.train)


def test_the_split_that_keeps_most_test_rows_is_taken(home: Home) -> None:
    first = home.split(ROWS)
    home.split(changed(ROWS, contents(first)[2][:3], ("quite another question about", None)))
    assert contents(home.split(ROWS)) == contents(first)
