"""Lists of objects and nested objects: extraction from the file to the failures."""

from __future__ import annotations

import json
from typing import Any

import pytest

from eval.mapping.answers import refuse_images, refuse_spans
from eval.mapping.kinds import infer_kind
from eval.task import BadInput, Example, Kind, Task
from strategies.drafting import write_instruction
from tests.eval.test_failures import sorted_as
from tests.scored import score

LAMP, VASE = {"item": "lamp", "qty": 2}, {"item": "vase", "qty": 1}
NESTED = {"order": {"to": {"town": "Oslo"}, "items": [LAMP, VASE]}}


def kind_of(*answers: Any) -> tuple[Kind, str]:
    targets = [json.dumps(answers[at % len(answers)]) for at in range(40)]
    guess = infer_kind([f"order {at}" for at in range(40)], targets, has_documents=False)
    return guess.kind, guess.reason


@pytest.mark.parametrize(
    ("answers", "what"),
    [
        (([LAMP], [LAMP, VASE]), "40 of 40 answers are JSON lists of objects."),
        (([LAMP], [VASE], [VASE, LAMP], []), "40 of 40 answers are JSON lists of objects, 10 of them empty."),
        (([LAMP], [], [], []), "40 of 40 answers are JSON lists of objects, 30 of them empty."),
        ((LAMP, [LAMP, VASE]), "40 of 40 answers are JSON objects or lists of them."),
        (([["Oslo", "in", "Norway"]], [["Rome", "in", "Italy"]]), "40 of 40 answers are JSON lists of lists."),
        ((NESTED, {}), "40 of 40 answers are JSON objects."),
    ],
)
def test_lists_of_objects_are_extraction(answers: tuple[Any, ...], what: str) -> None:
    assert kind_of(*answers) == (Kind.EXTRACTION, what)


@pytest.mark.parametrize("answers", [(["lamp"], ["lamp", "vase"]), ([1, 2], [3]), ([], ["lamp"])])
def test_lists_of_texts_are_not(answers: tuple[Any, ...]) -> None:
    assert kind_of(*answers)[0] is not Kind.EXTRACTION


@pytest.mark.parametrize(
    ("given", "expected", "value"),
    [
        ([VASE, LAMP], [LAMP, VASE], 1),
        ([LAMP], [LAMP, VASE], 2 / 3),
        ([LAMP, VASE, {"item": "cup"}], [LAMP, VASE], 8 / 9),
        ([{"item": "lamp", "qty": 1}, {"item": "vase", "qty": 2}], [LAMP, VASE], 1 / 2),
        ([LAMP, LAMP], [LAMP, VASE], 1 / 2),
        ([], [LAMP], 0),
        ([], [], 1),
        (LAMP, [LAMP], 0),  # a program that reads the list would stop
        ({"order": {"to": {"town": "Oslo"}, "items": [VASE, LAMP]}}, NESTED, 1),
        ({"order": {"items": [LAMP, VASE]}}, NESTED, 8 / 9),
        ({"to": {"town": "Oslo"}, "items": [LAMP, VASE]}, NESTED, 0),
        ([["Mary", "saw", "John"]], [["Mary", "saw", "John"]], 1),
        ([["John", "saw", "Mary"]], [["Mary", "saw", "John"]], 1 / 3),  # places count in the rows of a table
        ([["b", "2"], ["a", "1"]], [["a", "1"], ["b", "2"]], 1),
        ({"tags": ["b", "a"]}, {"tags": ["a", "b"]}, 1),
    ],
)
def test_lists_are_compared_item_by_item_in_any_order(given: Any, expected: Any, value: float) -> None:
    assert score(Kind.EXTRACTION, json.dumps(given), json.dumps(expected)).value == pytest.approx(value)


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ((LAMP, {"item": "cup"}), "as one JSON object. Possible fields: item, qty (number). Leave out"),
        (
            (NESTED,),
            "object. Possible fields: order.items[].item, order.items[].qty (number), order.to.town. Leave",
        ),
        (([LAMP], [LAMP, VASE]), "as a JSON list of objects. Possible fields of each: item, qty (number). Leave out"),
        (([LAMP], [VASE], []), "Write [] if the message states none."),
        (([{"name": "f", "arguments": {"town": "Oslo"}}],), "Possible fields of each: arguments.town, name. Leave out"),
        (
            ([["Oslo", "in"]], [["Rome", "in"]]),
            'a JSON list of lists of 2 values, such as [["Oslo", "in"]]. Write',
        ),
    ],
)
def test_fields_are_asked_for_by_their_paths(answers: tuple[Any, ...], told: str) -> None:
    assert told in write_instruction(Kind.EXTRACTION, (), map(json.dumps, answers))


@pytest.mark.parametrize(
    ("given", "category"),
    [
        ([VASE, LAMP], None),
        ([LAMP], "missing_field"),
        ([LAMP, VASE, {"item": "lamp"}], "extra_field"),
        ([LAMP, {"item": "vase", "qty": 2}], "wrong_value"),
        ([LAMP, {"item": "vase", "qty": 7}], "invented_value"),
        ([{"item": "lamp", "qty": 1}, {"item": "vase", "qty": 2}], "wrong_value"),  # mixed up
        ([{"thing": "lamp", "number": 2}, {"thing": "vase", "number": 1}], "value_form"),
        ([LAMP, {"item": "sofa", "qty": 1}], "invented_value"),
        (LAMP, "not_json"),
    ],
)
def test_failures_in_lists_are_sorted(given: Any, category: str | None) -> None:
    rows = [Example("r0", "Two lamps and one vase: a lamp, a vase", json.dumps([LAMP, VASE]))]
    rows += [Example(f"r{at}", "One lamp", json.dumps([{"item": "lamp"}])) for at in range(1, 4)]
    assert sorted_as(Task("orders", Kind.EXTRACTION, "", tuple(rows)), json.dumps(given)) == category


def test_numbers_in_a_row_are_not_positions() -> None:
    source = "2 lamps for 30 each"
    refuse_spans("items", [source] * 20, ['[["lamp", 2, 30]]'] * 20)
    with pytest.raises(BadInput, match="positions in the text"):
        refuse_spans("items", [source] * 20, ['[[2, 7, "THING"]]'] * 20)
    with pytest.raises(BadInput, match="positions in the text"):
        refuse_spans("items", [source] * 20, ['[["lamps", 2, 7]]'] * 20)


def test_names_of_images_are_no_input() -> None:
    refuse_images("file", ["Why is logo.png so large?"] * 20)
    for name in ("img/0.png", "https://example.org/a/b.JPG?size=2"):
        with pytest.raises(BadInput, match="Column 'file' holds the names of images"):
            refuse_images("file", [name] * 20)
