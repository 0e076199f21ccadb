"""Files as other tools write them: the columns found, the chats read, and what is said of the answers."""

from __future__ import annotations

import json

import pytest

from eval.mapping.build import build_task
from eval.mapping.columns import Columns, guess_columns
from eval.reading.table import Table, read_table
from eval.task import BadInput, Kind

THINGS = ("lamp", "kettle", "router")
DESKS = ("billing", "broken", "delivery")
TEXTS = tuple(f"My {THINGS[i % 3]} of week {i} has a fault" for i in range(30))
LABELS = tuple(DESKS[i % 3] for i in range(30))


def table(**columns: object) -> Table:
    """Each column as 30 values, or as one value for all rows."""
    lists = [given if isinstance(given, list | tuple) else [given] * 30 for given in columns.values()]
    return Table(
        tuple(name.replace("_", " ") for name in columns),
        tuple(tuple(map(str, row)) for row in zip(*lists, strict=True)),
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (table(user_id="u1", input=TEXTS, output=LABELS), Columns("input", "output")),
        (table(Subject=[text[:9] + str(i) for i, text in enumerate(TEXTS)], Description=TEXTS, Group=LABELS),
         Columns("Description", "Group")),
        (table(Key=[f"SHOP-{i}" for i in range(30)], Summary=TEXTS, Component=LABELS), Columns("Summary", "Component")),
        (table(title=TEXTS, label=LABELS, user=[f"octocat{i}" for i in range(30)]), Columns("title", "label")),
        (table(Class_Index=[i % 3 for i in range(30)], Title=[text[:6] + str(i) for i, text in enumerate(TEXTS)],
               Description=TEXTS), Columns("Description", "Class Index")),
        (table(Kontext=[text * 2 for text in TEXTS], Frage=TEXTS, Antwort=[f"week {i}" for i in range(30)]),
         Columns("Frage", "Antwort", joined=("Kontext",))),
        (table(question=TEXTS, A=TEXTS[::-1], B=LABELS, C=THINGS * 10, D="none",
               answer=["ABCD"[i % 4] for i in range(30)]),
         Columns("question", "answer", joined=("A", "B", "C", "D"))),
        (table(用户问题=TEXTS, 标准答案=[text * 3 for text in TEXTS]), Columns("用户问题", "标准答案")),
        (table(text=TEXTS, annotator_1=LABELS, annotator_2=LABELS[::-1], majority=LABELS), Columns("text", "majority")),
    ],
)  # fmt: skip
def test_columns_of_other_tools_are_guessed(given: Table, expected: Columns) -> None:
    assert guess_columns(given) == expected


def test_chats_in_cells_of_a_table_are_read() -> None:
    chats = [json.dumps([{"role": "user", "content": a}, {"role": "assistant", "content": b}]) for a, b in
             zip(TEXTS, LABELS, strict=True)]  # fmt: skip
    lines = ["id,messages", *(f'{i},"{chat.replace(chr(34), chr(34) * 2)}"' for i, chat in enumerate(chats))]
    read = read_table("chats.csv", "\n".join(lines).encode())
    assert read.column("input") == TEXTS
    assert read.column("target") == LABELS


def test_messages_beside_an_ideal_answer_are_the_input() -> None:
    rows = [{"input": [{"role": "system", "content": "Route."}, {"role": "user", "content": a}], "ideal": b} for a, b in
            zip(TEXTS, LABELS, strict=True)]  # fmt: skip
    read = read_table("evals.jsonl", "\n".join(map(json.dumps, rows)).encode())
    assert (read.instruction, read.column("input"), read.column("target")) == ("Route.", TEXTS, LABELS)


def test_an_object_beside_a_text_stays_the_answer() -> None:
    rows = [{"text": text, "fields": {"name": THINGS[i % 3], "week": i}} for i, text in enumerate(TEXTS)]
    read = read_table("orders.jsonl", "\n".join(map(json.dumps, rows)).encode())
    assert build_task(read, guess_columns(read), kind=None, name="orders").task.kind is Kind.EXTRACTION


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        ([f"SELECT name FROM week{i}" for i in range(30)], Kind.WRITING),
        ([f"Select week {i} from the menu" for i in range(30)], Kind.ANSWERING),
        ([f"x = {i}" for i in range(30)], Kind.ANSWERING),
    ],
)
def test_code_is_written_text(answers: list[str], kind: Kind) -> None:
    assert build_task(table(question=TEXTS, answer=answers), Columns("question", "answer"), kind=None,
                      name="x").task.kind is kind  # fmt: skip


def test_several_labels_in_one_cell_are_said() -> None:
    tags = [f"{label};urgent" if i % 2 else label for i, label in enumerate(LABELS)]
    built = build_task(table(text=TEXTS, tags=tags), Columns("text", "tags"), kind=None, name="x")
    assert any("rows have several labels in column 'tags'" in said for said in built.left_out)
    commas = [("Hair, skin and nails", "Food, drink", "Home")[i % 3] for i in range(30)]
    built = build_task(table(text=TEXTS, label=commas), Columns("text", "label"), kind=None, name="x")
    assert built.task.kind is Kind.CLASSIFICATION


@pytest.mark.parametrize("content", [b"text,label\na,b\n", b"<html><table></table></html>"])
def test_another_file_named_xlsx_is_named_as_such(content: bytes) -> None:
    with pytest.raises(BadInput, match="no Excel workbook but another file"):
        read_table("export.xlsx", content)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (table(text=[f"a\n{i}" for i in range(30)], label="b\n\nc"), r"the same answer \('b c'\) in column 'label'"),
        (table(text="a\n\nb", label=LABELS), r"the same input \('a b'\) in column 'text'"),
    ],
)
def test_cells_of_several_lines_are_named_on_one(given: Table, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        build_task(given, Columns("text", "label"), kind=Kind.CLASSIFICATION, name="x")
