"""Columns guessed, kinds inferred, tasks built with nothing lost silently."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eval.mapping.build import build_task
from eval.mapping.columns import Columns, guess_columns
from eval.mapping.kinds import infer_kind
from eval.reading.documents import read_documents
from eval.reading.table import Table, read_table
from eval.task import BadInput, Document, Kind
from tests.scored import score

SHARED = Path(__file__).parents[3] / "shared" / "data"

TWO = Columns("input", "target")


def table(columns: str, *rows: tuple[str, ...]) -> Table:
    return Table(tuple(columns.split()), rows)


def labelled(count: int = 24, labels: int = 3) -> Table:
    return table("input target", *((f"message number {i}", f"label {i % labels}") for i in range(count)))


@pytest.mark.parametrize(
    ("columns", "row", "expected"),
    [
        ("split input output", ("train", "a", "b"), Columns("input", "output", split="split")),
        ("Answer Question", ("b", "a"), Columns("Question", "Answer")),
        ("prompt completion", ("a", "b"), Columns("prompt", "completion")),
        ("id ticket_text customer_id intent", ("1", "a", "c", "b"),
         Columns("ticket_text", "intent", group="customer_id")),
        ("question answer doc_id", ("a", "b", "d"), Columns("question", "answer", document="doc_id")),
        ("uuid x y", ("7", "the longest text of all", "b"), Columns("x", "y")),
        ("y x", ("b", "the longest text of all"), Columns("x", "y")),
        ("set text label", ("blue", "a", "b"), Columns("text", "label")),
        ("split label", ("train", "a"), Columns("split", "label")),
        ("question answer source", ("When?", "2024-05-01", "a text"), Columns("question", "answer")),
        ("text label created_at", ("a", "b", "2024-05-01T10:00:00Z"), Columns("text", "label")),
        ("body status url", ("a text", "open", "https://a.b/c"), Columns("body", "status")),
        ("userInput expectedOutput actualOutput", ("a", "b", "c"), Columns("userInput", "expectedOutput")),
        ("Anfrage Kategorie Datum", ("a text", "b", "01.05.2024"), Columns("Anfrage", "Kategorie")),
        ("Catégorie Texte", ("b", "a text"), Columns("Texte", "Catégorie")),
        ("質問 回答 日付", ("a text", "b", "2024年5月1日"), Columns("質問", "回答")),
        ("premise hypothesis label", ("a", "b", "c"), Columns("premise", "label", joined=("hypothesis",))),
        ("context question answer", ("a", "b", "c"), Columns("question", "answer", joined=("context",))),
        ("prompt chosen rejected", ("a", "b", "c"), Columns("prompt", "chosen", rejected="rejected")),
        ("text label is_test", ("a", "b", "true"), Columns("text", "label", split="is_test")),
    ],
)  # fmt: skip
def test_columns_are_guessed(columns: str, row: tuple[str, ...], expected: Columns) -> None:
    assert guess_columns(table(columns, row)) == expected


@pytest.mark.shared_data
@pytest.mark.skipif(not SHARED.is_dir(), reason="the public datasets are not beside this checkout")
@pytest.mark.parametrize(
    ("folder", "kind", "labels"),
    [
        ("banking77", Kind.CLASSIFICATION, 77),
        ("clinc_banking15", Kind.CLASSIFICATION, 15),
        ("xquad_en", Kind.ANSWERING, 0),
        ("covid_faq", Kind.WRITING, 0),
        ("restaurant8k", Kind.EXTRACTION, 0),
    ],
)
def test_the_public_datasets_are_understood_unaided(folder: str, kind: Kind, labels: int) -> None:
    content = read_table("task.csv", (SHARED / folder / "task.csv").read_bytes())
    docs = SHARED / folder / "docs.jsonl"
    documents = read_documents(docs.name, docs.read_bytes()).documents if docs.exists() else []
    columns = guess_columns(content)
    built = build_task(content, columns, kind=None, name=folder, documents=documents)
    assert columns == Columns("input", "output", split="split", document="doc_id" if documents else None)
    assert (built.task.kind, len(built.task.labels), built.left_out) == (kind, labels, ())
    assert len(built.task.examples) == len(content.rows)
    assert {example.split for example in built.task.examples} <= {"train", "dev", "test"}
    known = {document.id for document in documents}
    assert all(known.issuperset(example.document_ids) for example in built.task.examples)


def test_a_kind_comes_with_its_numbers() -> None:
    inputs = [f"message {i}" for i in range(60)]
    guess = infer_kind(inputs, [f"label {i % 3}" for i in range(60)], has_documents=False)
    assert guess.kind is Kind.CLASSIFICATION
    assert guess.reason == "The 60 rows have 3 different answers, each at least 20 times."
    assert infer_kind(inputs, ['{"a": 1}'] * 58 + ["{", "none"], has_documents=False).kind is Kind.EXTRACTION
    assert infer_kind(inputs, ["yes " * 40 + str(i) for i in range(60)], has_documents=False).kind is Kind.WRITING


def test_repeated_rows_do_not_make_labels() -> None:
    questions = [f"question {i % 10}" for i in range(60)]
    assert infer_kind(questions, [f"fact {i % 10}" for i in range(60)], has_documents=False).kind is Kind.ANSWERING


def replies(rows: int, different: int, words: int = 30) -> tuple[list[str], list[str]]:
    thanks = " ".join(["thank", "you", "for", "writing"] * (words // 4))
    return [f"message {i}" for i in range(rows)], [f"Reply {i % different}: {thanks}" for i in range(rows)]


def test_long_answers_are_labels_if_each_comes_back_often() -> None:
    guess = infer_kind(*replies(400, 30), has_documents=False)
    assert guess.kind is Kind.CLASSIFICATION
    assert "only 30 different answers, each at least 13 times. They are long, but repeat" in guess.reason
    assert infer_kind(*replies(300, 6, 16), has_documents=False).kind is Kind.CLASSIFICATION


def test_long_answers_that_come_back_a_little_are_written() -> None:
    assert infer_kind(*replies(400, 60), has_documents=False).kind is Kind.WRITING
    assert infer_kind(*replies(400, 30), has_documents=True).kind is Kind.WRITING
    assert infer_kind(*replies(400, 30, 80), has_documents=False).kind is Kind.WRITING  # too long to list in a prompt
    inputs, few = replies(400, 6)
    mixed = [f"{reply} {i}" if i % 4 == 0 else reply for i, reply in enumerate(few)]
    assert infer_kind(inputs, mixed, has_documents=False).kind is Kind.WRITING


def test_facts_that_repeat_a_little_are_no_labels_when_there_are_documents() -> None:
    inputs = [f"question {i}" for i in range(60)]
    facts = [f"{i % 20} days" for i in range(60)]
    assert infer_kind(inputs, facts, has_documents=True).kind is Kind.ANSWERING
    assert infer_kind(inputs, facts, has_documents=False).kind is Kind.CLASSIFICATION


def test_rows_with_a_gap_are_left_out_and_named() -> None:
    rows = [*labelled().rows, ("no answer", " "), ("", "label 1"), ("none", ""), ("nor here", "")]
    built = build_task(Table(("input", "target"), tuple(rows)), TWO, kind=None, name="t")
    assert len(built.task.examples) == 24
    assert (built.task.examples[0].id, built.task.examples[-1].id) == ("r2", "r25")
    assert built.left_out == (
        "Row 27 has no input and was left out.",
        "3 rows have no answer and were left out: rows 26, 28 and 29.",
    )


def test_an_extraction_leaves_out_answers_that_are_not_json() -> None:
    rows = [(f"order {i}", '{"item": "tea"}') for i in range(36)]
    rows += [
        ("a list", '["tea"]'),
        ("cut off", '{"item": '),
        ("only Python's", '{"item": "tea", "n": NaN}'),
        ("words", "tea"),
    ]
    built = build_task(table("input target", *rows), TWO, kind=None, name="t")
    assert built.task.kind is Kind.EXTRACTION
    assert built.left_out == (
        "1 answer held NaN or Infinity, which JSON lacks, so we wrote null instead.",
        "2 rows have no JSON as answer and were left out: rows 39 and 41.",
    )
    for example in built.task.examples:
        assert score(built.task.kind, "{}", example.target).value == 0


def test_a_table_of_labels_is_no_extraction() -> None:
    with pytest.raises(BadInput, match="Only 0 of 24 rows have JSON in column 'target'"):
        build_task(labelled(), TWO, kind=Kind.EXTRACTION, name="t")


def test_sides_groups_and_documents_are_read() -> None:
    rows = [
        (f"question {i}", f"label {i % 2}", side, f"g{i % 5}", ids)
        for i, (side, ids) in enumerate(
            [("Train", "a|b"), ("validation", '["a", "b;c"]'), ("TEST", "a; b"), ("", "b;c"), ("holdout", "")] * 5
        )
    ]
    built = build_task(
        table("q a side who docs", *rows),
        Columns("q", "a", group="who", split="side", document="docs"),
        kind=Kind.CLASSIFICATION,
        name="t",
        documents=[Document(identifier, identifier, "text") for identifier in ("a", "b", "b;c")],
    )
    first = built.task.examples[:5]
    assert [example.split for example in first] == ["train", "dev", "test", None, "test"]
    assert [example.document_ids for example in first] == [("a", "b"), ("a", "b;c"), ("a", "b"), ("b;c",), ()]
    assert first[0].group == "g0"
    assert built.task.labels == ("label 0", "label 1")


def test_document_ids_that_name_no_document_are_said() -> None:
    rows = [(f"question {i}", f"answer {i}", f"p{i}") for i in range(20)]
    built = build_task(
        table("q a doc", *rows),
        Columns("q", "a", document="doc"),
        kind=None,
        name="t",
        documents=[Document("x", "", "t")],
    )
    assert len(built.left_out) == 1
    assert "'doc' names none of the documents (it has 'p0', and a document is called 'x')" in built.left_out[0]


def test_the_instruction_given_wins_over_that_of_the_table() -> None:
    chat = Table(("input", "target"), labelled().rows, instruction="from the file")
    assert build_task(chat, TWO, kind=None, name="t").task.instruction == "from the file"
    assert build_task(chat, TWO, kind=None, name="t", instruction="mine").task.instruction == "mine"


@pytest.mark.parametrize(
    ("content", "columns", "fragment"),
    [
        (labelled(), Columns("text", "target"), "no column 'text': choose among input, target"),
        (labelled(), Columns("input", "input"), "both the input and the answer"),
        (labelled(labels=1), TWO, "Every row has the same answer ('label 0')"),
        (labelled(19), TWO, "Only 19 rows have both"),
        (table("input target", *labelled().rows, *[("", "x")] * 30), TWO, "30 of 54 rows have nothing"),
        (table("input target s", *((*row, ("train", *"abcd")[i % 5]) for i, row in enumerate(labelled().rows))),
         Columns("input", "target", split="s"), "column 's' that isn't train, dev or test ('a', 'b', 'c' and 1 more)"),
    ],
)  # fmt: skip
def test_what_makes_no_task_is_refused(content: Table, columns: Columns, fragment: str) -> None:
    with pytest.raises(BadInput) as refusal:
        build_task(content, columns, kind=Kind.CLASSIFICATION, name="t")
    assert fragment in str(refusal.value)


def test_documents_are_found_by_the_names_that_people_write() -> None:
    documents = [Document(identifier, "", "text") for identifier in ("d1", "d2.md", "7")]
    rows = [
        (f"question {i}", f"answer {i}", cell)
        for i, cell in enumerate(
            ["d1.md", "D2", "folder/d1.txt", "7.0", "['d1', 'd2']", '[["d1"], ["7"]]', "d1, d2", "d1;d2", "gone"] * 3
        )
    ]
    content = table("question answer place", *rows)
    columns = guess_columns(content, documents)
    assert columns == Columns("question", "answer", document="place")
    built = build_task(content, columns, kind=None, name="t", documents=documents)
    assert [example.document_ids for example in built.task.examples[:9]] == [
        ("d1",), ("d2.md",), ("d1",), ("7",), ("d1", "d2.md"), ("d1", "7"), ("d1", "d2.md"), ("d1", "d2.md"), ("gone",),
    ]  # fmt: skip


def test_a_side_without_answers_is_told() -> None:
    rows = [
        (f"message {i}", "" if i % 3 == 0 else f"label {i % 2}", "test" if i % 3 == 0 else "train") for i in range(60)
    ]
    content = table("text label split", *rows)
    built = build_task(content, guess_columns(content), kind=None, name="t")
    assert built.left_out[-1] == (
        "All 20 rows marked as test in column 'split' lack an answer, so the test rows are taken from the others."
    )


def test_an_instruction_that_all_rows_share_is_that_of_the_task() -> None:
    rows = [("Which desk?", f"message {i}", f"label {i % 2}") for i in range(24)]
    content = table("instruction input output", *rows)
    built = build_task(content, guess_columns(content), kind=None, name="t")
    assert (built.task.instruction, built.task.examples[0].input) == ("Which desk?", "message 0")


@pytest.mark.parametrize("answers", [("a", "b"), ("a", "a"), tuple(f"reply {i} of its own" for i in range(30))])
def test_a_constant_input_is_named_as_such(answers: tuple[str, ...]) -> None:
    table = Table(("text", "label"), tuple(("hello there", answers[i % len(answers)]) for i in range(30)))
    with pytest.raises(BadInput, match=r"Every row has the same input \('hello there'\) in column 'text', so nothing"):
        build_task(table, guess_columns(table), kind=None, name="t")
    table = Table(("text", "label"), tuple((f"hello {i}", "a") for i in range(30)))
    with pytest.raises(BadInput, match=r"Every row has the same answer \('a'\) in column 'label'"):
        build_task(table, guess_columns(table), kind=None, name="t")


@pytest.mark.parametrize(
    ("name", "answers", "first", "reason"),
    [
        ("Rating", [f"{'★' * (at % 5 + 1)}{'☆' * (4 - at % 5)}" for at in range(40)], "1", "ratings from 1 to 5"),
        ("stars", ["⭐️" * (at % 5 + 1) for at in range(40)], "1", "ratings from 1 to 5"),
        ("Share", [f"{at % 10 * 10}%" for at in range(40)], "0%", "percentages from 0 to 90"),
        ("growth", [f"{at * 2.5} %" for at in range(40)], "0.0 %", "percentages from 0 to 97.5"),
    ],
)
def test_stars_and_percentages_are_numbers(name: str, answers: list[str], first: str, reason: str) -> None:
    rows = tuple((f"What about case {at}?", answer) for at, answer in enumerate(answers))
    table = Table(("text", name), rows)
    built = build_task(table, guess_columns(table), kind=None, name="task")
    assert built.task.kind is Kind.NUMBER and reason in built.kind_guess.reason
    assert built.task.examples[0].target == first


@pytest.mark.parametrize(
    "record",
    [
        {"id": 1, "data": "TEXT", "annotations": [{"label": "LABEL", "user": 1}]},
        {
            "id": "resp_1",
            "input": "TEXT",
            "output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "LABEL"}]}],
        },
    ],
)
def test_labels_within_annotations_and_responses_are_the_answers(record: dict[str, object]) -> None:
    lines = [json.dumps(record).replace("TEXT", f"Case {at}").replace("LABEL", "ab"[at % 2]) for at in range(24)]
    table = read_table("tickets.jsonl", "\n".join(lines).encode())
    task = build_task(table, guess_columns(table), kind=None, name="task").task
    assert (task.kind, task.labels) == (Kind.CLASSIFICATION, ("a", "b"))
    assert task.examples[0].input == "Case 0"
