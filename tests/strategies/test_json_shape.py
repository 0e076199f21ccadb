"""The schema of training answers: everything they hold fits it, and services accept its form."""

from __future__ import annotations

import json

import jsonschema
import pytest

from strategies.json_shape import schema_of

ANSWERS = (
    {"item": "tea", "count": 2, "gift": True, "price": 3, "tags": ["a"], "to": {"city": "Oslo"}},
    {"item": "mug", "count": 1, "gift": False, "price": 2.5, "tags": [], "to": {"city": None, "zip": "0150"}},
    {"item": None, "price": 4.0, "tags": ["b", "c"], "to": "shop"},
)


def test_every_answer_fits_once_its_absent_fields_are_null() -> None:
    schema = schema_of(map(json.dumps, ANSWERS))
    assert schema is not None
    fields = schema["properties"]
    assert fields["count"] == {"type": ["integer", "null"]} and fields["price"] == {"type": "number"}
    assert fields["item"] == {"type": ["string", "null"]} and fields["gift"] == {"type": ["boolean", "null"]}
    for answer in ANSWERS:
        to = answer["to"]
        whole = {**dict.fromkeys(fields), **answer, "to": {"zip": None, **to} if isinstance(to, dict) else to}
        jsonschema.validate(whole, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**dict.fromkeys(fields), "item": "tea", "price": 1, "tags": [1], "to": "shop"}, schema)


def test_services_want_all_fields_and_no_others() -> None:
    schema = schema_of(map(json.dumps, ANSWERS))
    assert schema is not None
    inner = schema["properties"]["to"]["anyOf"][0]
    for each in (schema, inner):
        assert each["required"] == list(each["properties"]) and each["additionalProperties"] is False


@pytest.mark.parametrize("answers", [["[1, 2]"], ['{"a": 1}', "tea"], ["{}"], []])
def test_answers_that_are_no_objects_have_no_schema(answers: list[str]) -> None:
    assert schema_of(answers) is None
