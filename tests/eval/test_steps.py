"""Recorded changes apply in their order, are found by content where rows moved, and never empty the data."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eval.mapping.steps import (
    DropRow,
    EditRow,
    Fix,
    Row,
    apply_steps,
    edit_problem,
    rows_by_id,
    sentences_on,
    step_words,
)
from eval.task import BadInput, Example, Kind, Task, labels_of

PAIRS = [(f"question number {i} on {word}", word) for i in range(12) for word in ("ships", "trains")]


def task_of(pairs: list[tuple[str, str]], kind: Kind = Kind.CLASSIFICATION) -> Task:
    examples = tuple(Example(f"r{i}", source, target) for i, (source, target) in enumerate(pairs, start=2))
    return Task("t", kind, "", examples, labels=labels_of(examples) if kind is Kind.CLASSIFICATION else ())


def pairs_of(task: Task) -> list[tuple[str, str]]:
    return [(example.input, example.target) for example in task.examples]


def row(position: int, pairs: list[tuple[str, str]] = PAIRS, copy: int = 0) -> Row:
    return Row(*pairs[position], copy)


def test_a_row_is_relabelled_edited_and_dropped() -> None:
    steps = (EditRow(row(0), None, "planes"), EditRow(row(1), "  new words ", None), DropRow(row(2)))
    cleaned = apply_steps(task_of(PAIRS), steps)
    assert pairs_of(cleaned.task) == [(PAIRS[0][0], "planes"), ("new words", "trains"), *PAIRS[3:]]
    assert cleaned.task.labels == ("planes", "ships", "trains")
    assert cleaned.changed == (1, 1, 1)
    assert [example.id for example in cleaned.task.examples[:3]] == ["r2", "r3", "r5"]


def test_steps_follow_their_rows_into_a_changed_file() -> None:
    steps = (EditRow(row(0), None, "planes"), DropRow(row(1)), EditRow(row(2), "new words", None))
    moved = [("another question", "ships"), *reversed(PAIRS[1:])]
    cleaned = apply_steps(task_of(moved), steps)
    assert cleaned.changed == (None, 1, 1)
    assert ("new words", "ships") in pairs_of(cleaned.task) and PAIRS[1] not in pairs_of(cleaned.task)
    assert sentences_on(steps, cleaned.changed) == (
        "You changed the data: 1 dropped by hand, 1 edited by hand.",
        "1 of your changes has no effect, because its row is no longer in the data.",
    )


def test_rows_of_the_same_text_are_told_apart() -> None:
    twice = [*PAIRS, PAIRS[0]]
    assert rows_by_id(task_of(twice))["r26"] == row(0, copy=1)
    cleaned = apply_steps(task_of(twice), (EditRow(row(0, copy=1), None, "trains"),))
    assert pairs_of(cleaned.task) == [*PAIRS, (PAIRS[0][0], "trains")]


def test_each_step_can_be_undone_alone() -> None:
    """A row keeps its name however often it is edited, so no step depends on another."""
    steps = (EditRow(row(0), "first", None), EditRow(row(0), "second", "trains"), DropRow(row(1)))
    after = [pairs_of(apply_steps(task_of(PAIRS), steps[:i] + steps[i + 1 :]).task) for i in range(3)]
    assert after[0] == [("second", "trains"), *PAIRS[2:]]
    assert after[1] == [("first", "ships"), *PAIRS[2:]]
    assert after[2] == [("second", "trains"), *PAIRS[1:]]
    assert apply_steps(task_of(PAIRS), ()).task == task_of(PAIRS)


def test_a_fix_sees_what_earlier_steps_left() -> None:
    task = task_of([*PAIRS, PAIRS[0]])
    fixed = apply_steps(task, (Fix("duplicates"), EditRow(row(0, copy=1), None, "trains")))
    assert fixed.changed == (1, 0) and len(fixed.task.examples) == len(PAIRS)
    edited = apply_steps(task, (EditRow(row(0, copy=1), None, "trains"), Fix("duplicates"), Fix("conflicts")))
    assert edited.changed == (1, 0, 2) and pairs_of(edited.task) == PAIRS[1:]


@pytest.mark.parametrize(
    ("steps", "sentence"),
    [
        ((Fix("magic"),), "There is no fix called 'magic'"),
        (tuple(DropRow(row(i)) for i in range(20)), "Your changes would leave 4 rows, too little"),
        (
            tuple(EditRow(row(i), None, "ships") for i in range(1, 24, 2)),
            "Your changes would leave 24 rows of one label",
        ),
    ],
)
def test_no_step_empties_the_data(steps: tuple[DropRow, ...], sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        apply_steps(task_of(PAIRS), steps)


def test_several_right_answers_are_edited_as_one_text() -> None:
    task = task_of(PAIRS, Kind.ANSWERING)
    task = replace(task, examples=(replace(task.examples[0], also_right=("boats",)), *task.examples[1:]))
    named = rows_by_id(task)["r2"]
    assert named.answer == "ships || boats"
    edited = apply_steps(task, (EditRow(named, None, "ships || vessels || boats"),)).task.examples[0]
    assert edited.answers == ("ships", "vessels", "boats")
    assert apply_steps(task, (EditRow(named, "who?", None),)).task.examples[0].answers == ("ships", "boats")
    assert apply_steps(task, (EditRow(named, None, "rafts"),)).task.examples[0].answers == ("rafts",)


def test_an_edit_has_to_fit_the_kind_of_task() -> None:
    assert edit_problem(Kind.WRITING, " ", "text") and edit_problem(Kind.WRITING, "text", "")
    assert edit_problem(Kind.EXTRACTION, "text", "no JSON")
    assert edit_problem(Kind.EXTRACTION, "text", '{"a": 1}') is None
    pairs = [(f"text {i}", f'{{"count": {i}}}') for i in range(20)]
    steps = (EditRow(Row(*pairs[0]), None, "no JSON"),)  # recorded while the answers were texts
    cleaned = apply_steps(task_of(pairs, Kind.EXTRACTION), steps)
    assert cleaned.changed == (0,) and pairs_of(cleaned.task) == pairs


def test_several_labels_and_numbers_keep_their_form() -> None:
    pairs = [(f"text {i}", ("red; blue", "red", "green")[i % 3]) for i in range(24)]
    edited = apply_steps(task_of(pairs, Kind.MULTI_LABEL), (EditRow(Row(*pairs[1]), None, "red;  gold"),)).task
    assert edited.examples[1].target == "red; gold" and edited.labels == ("blue", "gold", "green", "red")
    assert edit_problem(Kind.NUMBER, "text", "many") and edit_problem(Kind.NUMBER, "text", "4") is None
    ratings = [(f"text {i}", str(i % 5 + 1)) for i in range(24)]
    assert apply_steps(task_of(ratings, Kind.NUMBER), (DropRow(Row(*ratings[0])),)).task.labels == tuple("12345")
    for written in ("4", "4.0", "4 stars", "4/5", "four"):
        rated = replace(task_of(ratings, Kind.NUMBER), labels=tuple("12345"))
        assert apply_steps(rated, (EditRow(Row(*ratings[0]), None, written),)).task.examples[0].target == "4"


def test_a_step_is_told_in_words() -> None:
    assert step_words(Fix("label-spelling")) == "Fix: label spelling"
    assert step_words(DropRow(Row("two\nlines " + "x" * 80, "a"))) == f"Drop “two lines {'x' * 49}…”"
    assert step_words(EditRow(Row("where?", "a"), None, "b")) == "Answer “b” instead of “a” to “where?”"
    assert step_words(EditRow(Row("where?", "a"), "who?", None)) == "Input “who?” instead of “where?”"
    assert "“who?” with the answer “b”" in step_words(EditRow(Row("where?", "a"), "who?", "b"))
