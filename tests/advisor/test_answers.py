from __future__ import annotations

from collections.abc import Callable

from advisor.sections.answers import answered_rows, filters
from eval.outcomes import Trial
from eval.task import Kind, Split, Task


def test_every_test_row_has_the_answers_of_all(
    synthetic_task: Callable[..., Task],
    synthetic_split: Callable[[Task], Split],
    synthetic_trials: Callable[..., tuple[Trial, ...]],
) -> None:
    examples = synthetic_split(synthetic_task()).test
    rows = answered_rows(Kind.CLASSIFICATION, synthetic_trials(), examples)
    assert [row.example for row in rows] == list(examples)
    assert all(set(row.outcomes) == set(row.right) == {"prompting", "retrieval", "finetuning"} for row in rows)


def test_a_filter_holds_exactly_its_rows(
    synthetic_task: Callable[..., Task],
    synthetic_split: Callable[[Task], Split],
    synthetic_trials: Callable[..., tuple[Trial, ...]],
) -> None:
    rows = answered_rows(Kind.CLASSIFICATION, synthetic_trials(), synthetic_split(synthetic_task()).test)
    found = {one.label: one.rows for one in filters(rows)}
    assert found["All"] == tuple(rows)
    only = found["Only adapter fine-tuning right"]
    assert only and all(row.right == {"prompting": False, "retrieval": False, "finetuning": True} for row in only)
    assert all(not any(row.right.values()) for row in found["All wrong"])
    assert set(map(id, only)).isdisjoint(map(id, found["All right"]))


def test_written_answers_are_neither_right_nor_wrong(
    synthetic_task: Callable[..., Task],
    synthetic_split: Callable[[Task], Split],
    synthetic_trials: Callable[..., tuple[Trial, ...]],
) -> None:
    task = synthetic_task(Kind.WRITING)
    rows = answered_rows(Kind.WRITING, synthetic_trials(Kind.WRITING), synthetic_split(task).test)
    assert [one.label for one in filters(rows)] == ["All"]


def test_a_strategy_that_failed_has_no_answers(
    synthetic_task: Callable[..., Task],
    synthetic_split: Callable[[Task], Split],
    synthetic_trials: Callable[..., tuple[Trial, ...]],
) -> None:
    prompting, *_ = synthetic_trials()
    trials = (prompting, Trial("retrieval", "failed", reason="It stopped."))
    rows = answered_rows(Kind.CLASSIFICATION, trials, synthetic_split(synthetic_task()).test)
    assert all(set(row.outcomes) == {"prompting"} for row in rows)
