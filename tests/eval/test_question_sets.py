"""Question sets and their several right answers: each is read, any of them counts, and none is dropped silently."""

from __future__ import annotations

import json
from typing import Any

import pytest

from eval.mapping.accepted import any_of
from eval.mapping.build import BuiltTask, build_task
from eval.mapping.columns import guess_columns
from eval.measuring.freshness import change_facts, take_out
from eval.reading.question_sets import distinct, parsed
from eval.reading.table import read_table
from eval.scoring import scorer_for
from eval.task import Document, Example, Kind, Task
from tests.eval.test_failures import failures_of, outcome, sorted_as

ROWS = 30


def built(name: str, content: str) -> BuiltTask:
    table = read_table(name, content.encode())
    return build_task(table, guess_columns(table), kind=None, name=name)


def jsonl(*rows: dict[str, Any]) -> str:
    return "\n".join(json.dumps(row) for row in rows)


def question(at: int) -> str:
    return f"When was bridge {at} of the town opened?"


def year(at: int) -> str:
    return str(1700 + 7 * at)


@pytest.mark.parametrize(
    "fields",
    [
        lambda year: {"answers": {"text": [year, f"in {year}", year], "answer_start": [3, 0, 3]}},
        lambda year: {"answers": [{"text": year, "answer_start": 3}, {"text": f"in {year}", "answer_start": 0}]},
        lambda year: {"answer": {"value": year, "aliases": [f"in {year}", year.upper()], "type": "Numerical"}},
        lambda year: {"Answer": {"Value": year, "Aliases": [f"in {year}"], "NormalizedValue": year}},
        lambda year: {"annotations": [{"short_answers": [{"text": year}, {"text": f"in {year}"}]}]},
        lambda year: {"annotations": {"short_answers": [{"text": [year, f"in {year}"], "start_token": [1, 2]}]}},
        lambda year: {"short_answers": [year, f"in {year}"]},
        lambda year: {"answers": [year, None, "", f"in {year}"]},
        lambda year: {"answer": year, "aliases": [f"in {year}"]},
        lambda year: {"answers": str({"text": [year, f"in {year}"], "answer_start": [3, 0]})},
    ],
)
def test_question_sets_are_read(fields: Any) -> None:
    task = built("q.jsonl", jsonl(*({"question": question(at), **fields(year(at))} for at in range(ROWS))))
    assert task.task.kind is Kind.ANSWERING and len(task.task.examples) == ROWS
    assert task.task.examples[0].answers == ("1700", "in 1700")
    assert any("30 rows have several answers" in sentence for sentence in task.left_out)


def test_answers_that_pandas_wrote_into_csv_are_read() -> None:
    cells = [
        f"\"{{'text': array(['{year(at)}', 'in {year(at)}'], dtype=object), 'answer_start': array([3], dtype=int32)}}\""
        for at in range(ROWS)
    ]
    lines = [f"{question(at)},{cell}" for at, cell in enumerate(cells)]
    task = built("q.csv", "\n".join(["question,answers", *lines])).task
    assert task.examples[0].answers == ("1700", "in 1700")
    assert parsed("['a' 'b c'\n 'd']") == ["a", "b c", "d"]


def test_unanswerable_questions_are_left_out_and_said() -> None:
    rows = (
        {"question": question(at), "answers": {"text": [year(at)] if at % 3 else [], "answer_start": []}}
        for at in range(ROWS)
    )
    task = built("q.jsonl", jsonl(*rows))
    assert len(task.task.examples) == 20
    assert any("10 rows have no answer and were left out" in sentence for sentence in task.left_out)
    task = built(
        "q.jsonl",
        jsonl(*({"question": question(at), "answers": [year(at), "x"] if at % 3 else []} for at in range(ROWS))),
    )
    assert any("10 rows have no answer (an empty list)" in sentence for sentence in task.left_out)


def test_what_is_to_be_extracted_is_no_list_of_answers() -> None:
    entities = [{"text": "lamp", "type": "thing"}, {"text": "kettle", "type": "thing"}]
    rows = ({"text": f"Order {at}: a lamp and a kettle", "entities": entities[: 1 + at % 2]} for at in range(ROWS))
    task = built("q.jsonl", jsonl(*rows)).task
    assert task.kind is Kind.EXTRACTION and json.loads(task.examples[1].target) == entities


def test_answers_that_differ_only_in_case_count_once() -> None:
    assert distinct(["Paris", " paris", "", "City of Paris"]) == ("Paris", "City of Paris")


def test_answers_are_named_or_counted() -> None:
    assert any_of(("a",)) == "a"
    assert any_of(("a", "b")) == "any of: a || b"
    assert any_of(tuple("abcdef")) == "any of: a || b || c (and 3 more)"


TOWN = Document("towns", "", "The United Kingdom (UK) signed first. The United Kingdom paid, and France paid, too.")
ASKED = Example("q1", "Which country signed first?", "United Kingdom", also_right=("UK", "Great Britain"))
OTHER = Example("q2", "Which country paid, too?", "New Zealand")


def test_a_wrong_answer_is_compared_with_every_right_one() -> None:
    task = Task("towns", Kind.ANSWERING, "", (ASKED, OTHER), (TOWN,))
    assert scorer_for(task).score("the UK", ASKED).value == 1
    rambling = "the UK or France or Spain or Italy or Norway or Denmark or Poland"
    assert sorted_as(task, rambling, ("towns",)) == "answer_form"
    assert failures_of(task, outcome(task, "France", ("towns",))).wrong == 1


def test_no_document_keeps_another_right_answer() -> None:
    facts, _ = change_facts([ASKED], [ASKED, OTHER], [TOWN], 0, 5)
    assert not facts  # it still says UK
    plain = Document("towns", "", "The United Kingdom signed first.")
    facts, [changed] = change_facts([ASKED], [ASKED, OTHER], [plain], 0, 5)
    assert [fact.new for fact in facts] == ["New Zealand"] and changed.text == "The New Zealand signed first."
    short, none = Document("short", "", "UK first."), Document("none", "", "Nothing.")
    [(rows, left)] = take_out([ASKED], [plain, short, none], 0, 5)
    assert rows == [ASKED] and left == [none]
