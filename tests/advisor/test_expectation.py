"""What a page says to expect of a run before it has measured anything."""

from __future__ import annotations

from dataclasses import replace

import pytest

from advisor.advice.expectation import expectation_of
from advisor.plan import Plan, Priorities, Setup
from eval.task import Document, Kind, Metric, Split, Task
from tests.tiny_strategies import tiny_task

PLAN = Plan("", Setup("message", "label"), priorities=Priorities(monthly_volume=100))


def expected(plan: Plan, task: Task, split: Split) -> tuple[str, list[str]]:
    found = expectation_of(plan, task, split)
    return found.headline, [reason.fact for reason in found.reasons]


def test_many_labelled_rows_favour_training() -> None:
    assert expected(PLAN, *tiny_task(train=150)) == (
        "Rules of thumb favour adapter fine-tuning for this task.",
        ["150 examples of your own 2 categories favour fine-tuning."],
    )


def test_few_rows_speak_against_it() -> None:
    assert expected(PLAN, *tiny_task(train=24)) == (
        "Rules of thumb speak against fine-tuning for this task.",
        ["With only 24 training examples, fine-tuning probably won't help."],
    )


@pytest.mark.parametrize(
    ("strategies", "missing"),
    [(("prompting", "retrieval"), ""), (("prompting",), " This run doesn't include retrieval.")],
)
def test_documents_favour_retrieval_and_what_is_left_out_is_named(strategies: tuple[str, ...], missing: str) -> None:
    task, split = tiny_task(train=60)
    task = replace(task, kind=Kind.ANSWERING, labels=(), documents=(Document("d", "", "text"),), metric=Metric("facts"))
    assert expected(replace(PLAN, strategies=strategies), task, split) == (
        f"Rules of thumb favour retrieval for this task.{missing}",
        ["Answers that are in your own documents favour retrieval."],
    )


def test_the_volume_counts() -> None:
    often = replace(PLAN, priorities=Priorities(monthly_volume=50_000))
    task, split = tiny_task(train=60)
    assert expected(PLAN, task, split) == ("No rule of thumb favours a strategy for this task.", [])
    headline, facts = expected(often, task, split)
    assert headline == "Rules of thumb favour adapter fine-tuning for this task."
    assert facts == ["At 50,000 requests a month, training should pay for itself."]


def test_a_number_that_is_not_known_is_not_said() -> None:
    task, split = tiny_task(train=150)
    amounts = replace(task, kind=Kind.NUMBER, labels=())
    assert expected(PLAN, amounts, split)[1] == ["There are many labelled examples of your own categories."]
