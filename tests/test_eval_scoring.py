"""Scores of single answers, against values worked out by hand or by the published reference."""

import json

import pytest
from sacrebleu.metrics import CHRF

from eval.scoring import METRIC_MEANINGS, METRIC_NAMES, is_right, score
from eval.task import BadInput, Kind


def test_every_kind_has_a_metric_and_its_meaning():
    assert set(METRIC_NAMES) == set(METRIC_MEANINGS) == set(Kind)


@pytest.mark.parametrize(("text", "value"), [(" refund\n", 1), ("Refund", 0), ("refunds", 0), ("", 0)])
def test_a_label_is_exact_or_wrong(text, value):
    assert score(Kind.CLASSIFICATION, text, "refund").value == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": "Tea", "n": 2}', 1),
        ('{"n": 2.0, "a": " tea "}', 1),  # order, capitals, spaces, 2 and 2.0 do not count
        ('{"a": "tea"}', 2 / 3),  # one of two fields missing: precision 1, recall 1/2
        ('{"a": "tea", "n": 3}', 1 / 2),
        ('{"a": "tea", "n": "2"}', 1 / 2),  # a text is not a number
        ('{"a": "tea", "n": true}', 1 / 2),
        ('{"a": "tea", "n": 2, "x": 1}', 4 / 5),  # an invented field costs
        ('{"a": "tea", "n": 2, "x": null, "y": []}', 1),  # an empty one does not
        ("{}", 0),
        ("[]", 0),
        ("tea", 0),
        ('{"a": NaN}', 0),
        ("[" * 100_000, 0),
    ],
)
def test_fields_are_matched_by_value(text, value):
    assert score(Kind.EXTRACTION, text, '{"a": "tea", "n": 2}').value == pytest.approx(value)


def test_an_answer_that_is_not_json_is_marked_invalid():
    assert score(Kind.EXTRACTION, "tea", "{}").parts == {"valid": 0, "exact": 0}
    assert score(Kind.EXTRACTION, "{}", "{}").parts == {"valid": 1, "exact": 1}


def test_items_of_a_list_are_matched_whole_and_in_any_order():
    expected = json.dumps({"items": [{"name": "tea", "n": 2}, {"name": "mug", "n": 1}]})
    turned = json.dumps({"items": [{"name": "mug", "n": 1}, {"name": "tea", "n": 2}]})
    swapped = json.dumps({"items": [{"name": "tea", "n": 1}, {"name": "mug", "n": 2}]})
    assert score(Kind.EXTRACTION, turned, expected).parts["exact"] == 1
    assert score(Kind.EXTRACTION, swapped, expected).value == pytest.approx(1 / 2)
    assert score(Kind.EXTRACTION, '{"t": ["x", "x", "y"]}', '{"t": ["x", "y", "y"]}').value == pytest.approx(2 / 3)


def test_an_expected_answer_that_is_not_json_is_bad_input():
    with pytest.raises(BadInput, match="not JSON"):
        score(Kind.EXTRACTION, "{}", "tea")


@pytest.mark.parametrize(
    ("text", "value", "exact"),
    [
        ("Third floor!", 1, 1),
        ("on the third floor", 4 / 5, 0),  # 2 of 3 words found, 2 of 2 expected
        ("second floor", 1 / 2, 0),
        ("“third” floor", 1, 1),
        ("floor third", 1, 0),
        ("", 0, 0),
    ],
)
def test_an_answer_is_compared_word_by_word(text, value, exact):
    got = score(Kind.ANSWERING, text, "the third floor")
    assert (got.value, got.parts["exact"]) == (pytest.approx(value), exact)


def test_writing_is_scored_as_sacrebleu_does():
    text, target = "We are sorry about this delay.", "We are very sorry about the delay."
    assert score(Kind.WRITING, text, target).value == pytest.approx(CHRF().sentence_score(text, [target]).score / 100)
    assert score(Kind.WRITING, target, target).value == 1
    assert score(Kind.WRITING, "", target).value == 0


def test_right_and_wrong():
    assert is_right(Kind.CLASSIFICATION, 1.0, {}) is True
    assert is_right(Kind.EXTRACTION, 0.9, {"valid": 1.0, "exact": 0.0}) is False
    assert is_right(Kind.EXTRACTION, 0.0, {}) is False  # no answer at all
    assert is_right(Kind.ANSWERING, 0.5, {"exact": 0.0}) is True
    assert is_right(Kind.ANSWERING, 0.49, {"exact": 0.0}) is False
    assert is_right(Kind.WRITING, 0.9, {}) is None
