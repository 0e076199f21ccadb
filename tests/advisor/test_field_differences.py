"""Which fields of a wrong JSON answer differ from the expected ones."""

from __future__ import annotations

import json

import pytest

from advisor.sections.field_differences import field_differences
from eval.task import Example

ORDER = {"item": "apple pie", "quantity": 2, "notes": {"words": "Happy birthday"}, "extras": ["candles", "box"]}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (ORDER, ()),
        (ORDER | {"quantity": 2.0, "extras": ["box", "candles"]}, ()),
        (ORDER | {"quantity": 3}, ("quantity: 3 instead of 2",)),
        (ORDER | {"quantity": True}, ("quantity: true instead of 2",)),
        (ORDER | {"item": None}, ("item: “apple pie” is missing",)),
        (ORDER | {"size": "small"}, ("size: “small” shouldn't be there",)),
        (ORDER | {"notes": {"words": "Happy"}}, ("notes.words: “Happy” instead of “Happy birthday”",)),
        (
            ORDER | {"extras": ["box", "ribbon", "card"]},
            ("extras[]: “ribbon” instead of “candles”", "extras[]: “card” shouldn't be there"),
        ),
        ([ORDER], ("This isn't the JSON that was expected.",)),
    ],
)
def test_each_field_that_differs_has_a_line(given: object, said: tuple[str, ...]) -> None:
    assert field_differences(json.dumps(given), Example("r", "Order", json.dumps(ORDER))) == said


def test_a_broken_answer_and_one_with_many_differences_stay_short() -> None:
    many = {f"field {n}": n for n in range(20)}
    expected = Example("r", "Order", json.dumps(many))
    assert field_differences('{"item": "app', expected) == ("This isn't the JSON that was expected.",)
    lines = field_differences(json.dumps({"field 0": "x" * 500}), expected)
    assert len(lines) == 9 and lines[-1] == "12 more." and max(map(len, lines)) < 120


def test_of_several_right_answers_the_nearest_counts_and_texts_have_no_fields() -> None:
    either = Example("r", "Order", json.dumps(ORDER), also_right=(json.dumps(ORDER | {"quantity": 4, "item": "pie"}),))
    assert field_differences(json.dumps(ORDER | {"quantity": 4, "item": "pies"}), either) == (
        "item: “pies” instead of “pie”",
    )
    assert field_differences("{}", Example("r", "Where?", "Paris")) == ()
