"""The cleaned file has the columns of the upload, and reads as the task that the comparison uses."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest

from advisor.plan import PLAN, SETUP, Plan, Setup, read_plan
from advisor.render.cleaned import cleaned_csv
from eval.checks.private import PERSONAL, mask_example
from eval.mapping.steps import DropRow, EditRow, Fix, Row
from eval.reading.table import Table, read_table
from eval.task import Example, Kind, Turn

HEAD = "id,text,category,note"
LINES = [f"{i},message number {i} on {word},{word},n{i}" for i in range(12) for word in ("ships", "trains")]
TABLE = read_table("t.csv", "\n".join([HEAD, *LINES]).encode())
STEPS = (
    Fix("duplicates"),
    EditRow(Row("message number 0 on ships", "ships"), "who sails?", None),
    EditRow(Row("message number 0 on trains", "trains"), None, "ships"),
    DropRow(Row("message number 1 on ships", "ships")),
)


def cleaned(table: Table, setup: Setup) -> str:
    read = setup.read(table, "t.csv", []).task
    return cleaned_csv(table, setup, read, setup.clean(read).task)


def test_steps_are_kept_as_json() -> None:
    setup = Setup("text", "category", steps=STEPS)
    assert SETUP.read(SETUP.write(setup)) == setup
    assert read_plan(PLAN.write(Plan("d", setup))).setup == setup


def test_fixes_of_earlier_versions_are_steps() -> None:
    old = {"input": "text", "target": "category", "mends": ["duplicates", "rare-labels"]}
    setup = Setup("text", "category", steps=(Fix("duplicates"), Fix("rare-labels")))
    assert SETUP.read(json.dumps(old)) == setup
    assert read_plan(json.dumps({"dataset_id": "d", "setup": old})).setup == setup
    assert SETUP.read(json.dumps({**old, "mends": None})).steps == ()


def test_only_what_changed_differs_from_the_upload() -> None:
    lines = cleaned(TABLE, Setup("text", "category", steps=STEPS)).splitlines()
    kept = [line for i, line in enumerate(LINES) if i not in (0, 1, 2)]
    assert lines == [HEAD, "0,who sails?,ships,n0", "0,message number 0 on trains,ships,n0", *kept]


def test_the_cleaned_file_reads_as_the_cleaned_task() -> None:
    setup = Setup("text", "category", steps=STEPS)
    again = read_table("t.csv", cleaned(TABLE, setup).encode("utf-8-sig"))
    first, second = setup.build(TABLE, "t.csv", []).task, Setup("text", "category").build(again, "t.csv", []).task
    assert [(e.input, e.answers) for e in first.examples] == [(e.input, e.answers) for e in second.examples]


def test_a_joined_input_goes_back_into_its_columns() -> None:
    rows = [(f"context {i}\nsecond line", f"question {i}", f"answer {i} of some words") for i in range(20)]
    table = Table(("context", "question", "answer"), tuple(rows))
    setup = Setup("context", "answer", joined=("question",), kind=Kind.ANSWERING)
    row = Row("context: context 0\nsecond line\nquestion: question 0", rows[0][2])
    edited = replace(setup, steps=(EditRow(row, row.input.replace("question 0", "who?"), None),))
    assert list(csv.reader(io.StringIO(cleaned(table, edited))))[1] == ["context 0\nsecond line", "who?", rows[0][2]]
    without = replace(setup, steps=(EditRow(row, "all in one", None),))
    assert list(csv.reader(io.StringIO(cleaned(table, without))))[1] == ["all in one", "", rows[0][2]]


def test_several_labels_are_written_in_one_way_and_marks_in_their_columns() -> None:
    rows = tuple((f"text {i}", ("red|blue", "red", "blue|green")[i % 3]) for i in range(24))
    edit = EditRow(Row("text 1", "red"), None, "red; green")
    setup = Setup("text", "tags", kind=Kind.MULTI_LABEL, steps=(edit,))
    assert cleaned(Table(("text", "tags"), rows), setup).splitlines()[1:4] == [
        "text 0,red; blue",
        "text 1,red; green",
        "text 2,blue; green",
    ]
    marked = tuple((f"text {i}", *(("No", "Yes")[i % 3 == n or i % 2 == n] for n in range(3))) for i in range(24))
    table = Table(("text", "red", "blue", "green"), marked)
    setup = Setup("text", "red", marked=("red", "blue", "green"))
    target = setup.read(table, "t.csv", []).task.examples[0].target
    edited = cleaned(table, replace(setup, steps=(EditRow(Row("text 0", target), None, "green; blue"),)))
    assert edited.splitlines()[1] == "text 0,No,Yes,Yes"
    assert edited.splitlines()[2:] == [",".join(row) for row in marked[1:]]


def test_further_answers_stay_in_their_column() -> None:
    rows = tuple((f"who is {i}?", f"name {i} of many", f'["nickname {i}", "initials {i}"]') for i in range(20))
    table = Table(("question", "answer", "aliases"), rows)
    setup = Setup("question", "answer", also="aliases", kind=Kind.ANSWERING)
    row = Row("who is 0?", "name 0 of many || nickname 0 || initials 0")
    edited = replace(setup, steps=(EditRow(row, None, "name 0 of many || other 0"),))
    _, first, second, *_ = csv.reader(io.StringIO(cleaned(table, edited)))
    assert first == ["who is 0?", "name 0 of many", '["other 0"]'] and second == list(rows[1])


@pytest.mark.parametrize(("cell", "written"), [("=1+1", "'=1+1"), ("@cmd", "'@cmd"), ("-5", "-5"), ("+3.2", "+3.2")])
def test_formulas_are_made_inert_and_numbers_stay(cell: str, written: str) -> None:
    rows = tuple((f"text {i}" if i else cell, ("a", "b")[i % 2]) for i in range(20))
    _, first, *_ = csv.reader(io.StringIO(cleaned(Table(("text", "label"), rows), Setup("text", "label"))))
    assert first == [written, "a"]


def test_texts_with_an_apostrophe_before_a_sign_are_read_back_as_they_were() -> None:
    rows = tuple((f"@user{i} - isn't it", ("a", "-")[i % 2]) for i in range(20))
    again = read_table("t.csv", cleaned(Table(("text", "label"), rows), Setup("text", "label")).encode("utf-8-sig"))
    assert again.rows == rows
    assert read_table("t.csv", b"text,label\n'tis so,a\n'-1',b\n").rows == (("'tis so", "a"), ("'-1'", "b"))


TEXTS = ("=a", "'=a", "''=a", "-'x'", "'-1'", "'- said 'so'", "-5", "'-5", "\n'=b'", "@", "'", "it's", "'tis so'", "''")


def test_every_text_is_read_back_as_it_was() -> None:
    rows = tuple((f"{TEXTS[i % len(TEXTS)]}", f"row {i}") for i in range(3 * len(TEXTS)))
    table = Table(("=text", "label"), rows)
    written = cleaned(table, Setup("=text", "label", kind=Kind.ANSWERING))
    assert read_table("t.csv", written.encode("utf-8-sig")).rows == rows
    cells = [cell for row in csv.reader(io.StringIO(written)) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "@", "\n")) or (cell[:1] == "-" and cell != "-5")]


@pytest.mark.parametrize(
    ("cells", "edited"),
    [
        (("what is this?", "a log:\nquestion: who?\nend"), ("what was this?", "a log:\nquestion: who?\nend")),
        (("what?\ncontext: none", "question: twice"), ("what?\ncontext: none", "question: thrice")),
        (("what?", "a\nquestion: b\nquestion: c"), ("what?", "a\nquestion: c")),
        (("what?\ncontext: x", "y"), ("what?\ncontext: x", "")),
        (("what?", "y"), ("what?", "y\ncontext: z")),
    ],
)
def test_a_joined_cell_that_names_a_column_comes_back_whole(cells: tuple[str, str], edited: tuple[str, str]) -> None:
    table = Table(("question", "context", "answer"), ((*cells, "answer 0"), *((f"q {i}", "c", "a") for i in range(19))))
    setup = Setup("question", "answer", joined=("context",), kind=Kind.ANSWERING)
    row = setup.read(table, "t.csv", []).task.examples[0]
    text = f"question: {edited[0]}\ncontext: {edited[1]}"
    steps = (EditRow(Row(row.input, row.target), text, None),)
    assert list(csv.reader(io.StringIO(cleaned(table, replace(setup, steps=steps)))))[1] == [*edited, "answer 0"]


def test_a_mask_covers_the_columns_that_the_task_does_not_use() -> None:
    head = ("text", "label", "phone", "sender", "raw", "customer", "score")
    rows = tuple(
        (f"write to a{i}@x.org", "ab"[i % 2], "0170 1234567", f"Ann <ann{i}@x.org>", '{"to": "b@x.org"}',
         f"c{i % 5}@x.org", str(i))
        for i in range(24)
    )  # fmt: skip
    setup = Setup("text", "label", group="customer", steps=(Fix("personal-data"),))
    _, first, second, *_ = csv.reader(io.StringIO(cleaned(Table(head, rows), setup)))
    masks = ["[phone number]", "Ann <[e-mail]>", '{"to": "[e-mail]"}']
    assert first == ["write to [e-mail]", "a", *masks, "[e-mail] 1", "0"]
    assert second == ["write to [e-mail]", "b", *masks, "[e-mail] 2", "1"]
    _, first, *_ = csv.reader(io.StringIO(cleaned(Table(head, rows), replace(setup, steps=()))))
    assert first == [*rows[0]]


def test_a_mask_covers_the_turns_of_a_conversation() -> None:
    example = Example("r1", "user: a@x.org", "yes", turns=(Turn("user", "a@x.org"),))
    assert mask_example(example, PERSONAL).turns == (Turn("user", "[e-mail]"),)


def test_marks_keep_their_own_form() -> None:
    signs = [[("", yes)[n in (i % 3, i % 2)] for n, yes in enumerate("xX1")] for i in range(24)]
    rows = tuple((f"text {i}", *each) for i, each in enumerate(signs))
    table = Table(("text", "red", "blue", "green"), rows)
    setup = Setup("text", "red", marked=("red", "blue", "green"))
    edit = EditRow(Row("text 0", "red"), None, "green; red")
    assert cleaned(table, replace(setup, steps=(edit,))).splitlines()[1:] == ["text 0,x,,1", *map(",".join, rows[1:])]
