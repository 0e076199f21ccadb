"""Several right answers in one cell: any of them counts; a list of labels is no list of answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eval.mapping.accepted import accepted_answers
from eval.mapping.build import BuiltTask, build_task
from eval.mapping.columns import Columns, guess_columns
from eval.reading.table import Table, read_table
from eval.scoring import scorer_for
from eval.task import Kind


@pytest.mark.parametrize(
    ("cell", "answers"),
    [
        ('["3 coins", "3"]', ("3 coins", "3")),
        ("['3 coins', '3']", ("3 coins", "3")),
        ('["3 coins"]', ("3 coins",)),
        ("3 coins || 3 || about 3 coins", ("3 coins", "3", "about 3 coins")),
        ("3 coins || 3 || 3 coins", ("3 coins", "3")),
        ("[3, 4.5]", ("3", "4.5")),
    ],
)
def test_lists_and_parted_texts_are_read(cell: str, answers: tuple[str, ...]) -> None:
    assert accepted_answers([cell, cell]) == [answers, answers]


@pytest.mark.parametrize("cell", ["3 coins", "a|b", "[unfinished", '[{"a": 1}]', "[]", "[" * 5000, "[[0, 3, 'LOC']]"])
def test_anything_else_is_one_answer(cell: str) -> None:
    assert accepted_answers([cell] * 4) is None


def test_one_list_among_plain_answers_stays_as_it_is() -> None:
    assert accepted_answers(["Paris", "Rome", '["Oslo"]']) is None


def built(answers: list[str], kind: Kind | None = None) -> BuiltTask:
    rows = tuple((f"What does good number {at} cost?", answer) for at, answer in enumerate(answers))
    return build_task(Table(("question", "answer"), rows), Columns("question", "answer"), kind=kind, name="shop")


def test_the_best_of_the_answers_counts_and_the_first_is_learned_from() -> None:
    task = built([json.dumps([f"{at} silver coins", f"{at}"]) for at in range(3, 43)])
    (first, *_), scorer = task.task.examples, scorer_for(task.task)
    assert task.task.kind is Kind.ANSWERING and first.target == "3 silver coins" and first.also_right == ("3",)
    assert scorer.score("3", first).value == scorer.score("3 silver coins", first).value == 1
    assert scorer.score("4 silver coins", first).value < 0.5
    assert task.left_out == ("40 rows have several answers in column 'answer': any counts as right.",)


def test_a_list_of_labels_is_no_list_of_answers() -> None:
    task = built([str(["delivery", "urgent"]) if at % 2 else str(["billing"]) for at in range(40)]).task
    assert task.kind is Kind.MULTI_LABEL and not any(example.also_right for example in task.examples)


def case(name: str) -> BuiltTask:
    table = read_table(name, (Path(__file__).parents[1] / "fixtures" / "cases" / name).read_bytes())
    return build_task(table, guess_columns(table), kind=None, name=name)


def test_of_answers_parted_by_bars_any_is_right() -> None:
    task = case("answers_several_separated.csv").task
    scorer, row = scorer_for(task), task.examples[0]
    assert row.answers == ("3 coins", "3", "about 3 coins")
    assert all(scorer.score(answer, row).value == 1 for answer in row.answers)
    assert scorer.score("4 coins", row).value < 0.5


def test_the_text_inside_a_list_is_the_answer() -> None:
    task = case("ragas_ground_truths_list.jsonl").task
    assert task.kind is Kind.ANSWERING and {row.target for row in task.examples} >= {"3 coins", "4 coins"}


def test_a_number_with_its_point_elsewhere_is_wrong() -> None:
    task = case("answers_numbers_scored_as_digits.csv").task
    scorer = scorer_for(task)
    for row in task.examples:
        without_point = row.target.replace(".", "")
        assert scorer.score(row.target.replace(" €", " EUR"), row).value == 1
        assert scorer.score(without_point, row).value < 0.5 or float(row.target[:-2]) == float(without_point[:-2])
