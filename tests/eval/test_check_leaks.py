"""What a person's own split leaks, and that the finding names the rows that a run leaves out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eval.checks import mend_task
from eval.checks.leaks import find_leaks
from eval.splitting.split import split_task
from eval.task import BadInput, Example, Task
from tests.checked_tasks import clean, findings, task_of


def sided(pairs: list[tuple[str, str, str, str | None]]) -> Task:
    task = task_of([pair[:2] for pair in pairs])
    rows = [replace(row, split=pair[2], group=pair[3]) for row, pair in zip(task.examples, pairs, strict=True)]
    return replace(task, examples=tuple(rows))


def leaking() -> Task:
    """Rows r2 to r81 train, r82 to r101 dev, r102 to r121 test; then one leak of each kind."""
    rows: list[tuple[str, str, str, str | None]] = [
        (text, label, "train" if at < 80 else "dev" if at < 100 else "test", "g" if at == 119 else None)
        for at, (text, label) in enumerate(clean())
    ]
    tested, tried = rows[110][0], rows[90][0]
    return sided([
        *rows,
        (tested.upper() + ".", "left", "train", None),  # the same as a test row
        (" ".join(reversed(tested.split())), "left", "dev", None),  # nearly the same as a test row
        (tried, "left", "train", None),  # the same as a dev row
        ("something else entirely", "left", "train", "g"),  # of a test row's group
    ])  # fmt: skip


def test_rows_on_both_sides_are_named_and_removed() -> None:
    task = leaking()
    found = findings(task)
    assert found["leaks"].rows == ("r122", "r123", "r124")
    assert found["group-leaks"].rows == ("r125",)
    assert found["leaks"].severity == found["group-leaks"].severity == "warning"
    mended = mend_task(mend_task(task, "leaks"), "group-leaks")
    assert len(mended.examples) == 120
    assert not {"leaks", "group-leaks"} & set(findings(mended))


def test_the_finding_names_the_rows_that_a_run_leaves_out() -> None:
    task, leaks = leaking(), find_leaks(leaking())
    split = split_task(task, seed=0)
    used = {row.id for row in (*split.train, *split.dev, *split.test)}
    assert {row.id for row in task.examples} - used == {*leaks.by_input, *leaks.by_group}


def test_without_a_split_of_ones_own_nothing_leaks() -> None:
    task = task_of([*clean(), (clean()[0][0], "left")])
    assert not {"leaks", "group-leaks"} & set(findings(task))


def test_no_fix_takes_all_training_rows() -> None:
    rows: list[tuple[str, str, str, str | None]] = [(*pair, "train", None) for pair in clean(40)]
    task = sided([*rows, *((*pair, "test", None) for pair in clean(40))])
    assert findings(task)["leaks"].mend is None
    with pytest.raises(BadInput, match="no training rows"):
        mend_task(task, "leaks")


def test_the_refused_button_is_not_offered() -> None:
    twice = [Example(f"r{at}", *pair) for at, pair in enumerate(clean(12) * 2)]
    assert findings(replace(task_of(clean(12)), examples=tuple(twice)))["duplicates"].mend is None
