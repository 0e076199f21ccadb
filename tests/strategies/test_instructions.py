"""The instructions that prompting tries: what they say is true of the training rows."""

from __future__ import annotations

from eval.task import Brief, Example, Kind
from strategies.instructions import instructions_for, named, short_instruction
from strategies.prompting import Prompting
from strategies.standing import standings

LABELLED = Brief("desk", Kind.CLASSIFICATION, "", ("billing", "delivery"))
ROWS = [
    Example("1", "the invoice is wrong", "billing"),
    Example("2", "why is my invoice so high this month, please explain every line of it", "billing"),
    Example("3", "where is the parcel", "delivery"),
    Example("4", "the parcel is late and nobody at the depot answers the telephone", "delivery"),
]


def texts(brief: Brief, rows: list[Example]) -> dict[str, str]:
    return {one.name: one.text for one in instructions_for(brief, rows, standings(rows, brief))}


def test_each_label_is_described_by_a_short_example_and_by_its_words() -> None:
    found = texts(LABELLED, ROWS)
    assert list(found) == [
        "drafted",
        "drafted, with an example each",
        "drafted, with frequent words and an example each",
        "drafted, with frequent words",
        "drafted, labels first",
    ]
    listed, asked = found["drafted, labels first"].split("\n")
    assert f"{asked}\n{listed}" == found["drafted"] and listed == "Categories: billing, delivery"
    assert "- billing: “the invoice is wrong”" in found["drafted, with an example each"]
    assert "- delivery: parcel" in found["drafted, with frequent words"]
    assert "the" not in found["drafted, with frequent words"].split("delivery: ")[1].split(", ")


def test_the_persons_own_instruction_is_the_first_and_always_among_them() -> None:
    found = texts(Brief("desk", Kind.CLASSIFICATION, "Which desk gets it?", LABELLED.labels), ROWS)
    assert list(found)[:2] == ["yours", "drafted"] and len(found) == Prompting.declaration.settings_tried
    assert found["yours"] == "Which desk gets it?"
    assert found["yours, with an example each"].startswith("Which desk gets it?\n")


def test_what_the_person_says_of_a_label_stays() -> None:
    brief = Brief("desk", Kind.CLASSIFICATION, "", LABELLED.labels, None, (("billing", "anything about money"),))
    for name, text in texts(brief, ROWS).items():
        assert "- billing: anything about money" in text, name
    assert "anything about money" in short_instruction(brief).text


def test_an_instruction_knows_the_rows_it_quotes() -> None:
    found = instructions_for(LABELLED, ROWS, standings(ROWS, LABELLED))
    assert [sorted(row.id for row in one.quoted) for one in found] == [
        [],
        ["1", "3"],
        ["1", "2", "3", "4"],
        ["1", "2", "3", "4"],
        [],
    ]


def test_fields_are_described_by_their_usual_values() -> None:
    rows = [
        Example(str(at), f"a table for {at} at seven", f'{{"people": {at}, "time": "seven"}}')
        for at in (2, 2, 2, 4, 5, 6)
    ]
    brief = Brief("tables", Kind.EXTRACTION, "")
    found = texts(brief, rows)
    people, time = found["drafted, with values"].splitlines()[-2:]
    assert people.startswith("- people: 2, ") and len(people.split(", ")) == 3
    assert time == '- time: "seven"'
    assert 'write: {"people": ' in found["drafted, with an example"]


def test_a_long_example_is_cut() -> None:
    rows = [Example(str(at), "word " * 300 + str(at), "billing" if at % 2 else "delivery") for at in range(4)]
    assert len(texts(LABELLED, rows)["drafted, with an example each"].split()) < 100


def test_letters_of_scripts_without_spaces_are_no_words() -> None:
    rows = [
        Example("1", "发票不对", "billing"), Example("2", "发票太贵", "billing"),
        Example("3", "包裹在哪里", "delivery"), Example("4", "包裹晚了", "delivery"),
    ]  # fmt: skip
    assert list(texts(LABELLED, rows)) == ["drafted", "drafted, with an example each", "drafted, labels first"]


def test_rows_without_any_text_get_the_plain_instruction() -> None:
    rows = [Example("1", "", "billing"), Example("2", " ", "delivery")]
    assert next(iter(texts(LABELLED, rows))) == "drafted"


def test_a_settled_instruction_is_found_again_and_else_the_first() -> None:
    found = instructions_for(LABELLED, ROWS, standings(ROWS, LABELLED))
    assert named(found, {"instruction": "drafted, labels first"}) is found[-1]
    assert named(found, {"instruction": "yours"}) is found[0]
