"""Which label a written answer means, and which means none."""

from __future__ import annotations

import pytest

from eval.task import Kind
from strategies.label_matching import match_answer

LABELS = ("card", "card arrival", "top_up_failed", "e-mail", "Not sure")


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("card", "card"),
        ("  Card. ", "card"),
        ("**card arrival**", "card arrival"),
        ("Label: top up failed", "top_up_failed"),
        ("The answer is: “e-mail”", "e-mail"),
        ("card arrival\n\nThe customer asks when the card comes.", "card arrival"),
        ("This is about card arrival.", "card arrival"),
        ("I think this is top-up-failed, because the money is gone.", "top_up_failed"),
        ("not sure", "Not sure"),
        ("It is card or e-mail.", None),
        ("cards", None),
        ("refund", None),
        ("", None),
    ],
)
def test_a_label_is_found_in_an_answer_that_names_no_other(text: str, label: str | None) -> None:
    assert match_answer(text, LABELS, Kind.CLASSIFICATION) == label


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("refund; urgent", "refund; urgent"),
        ("Labels: Urgent, refund", "urgent; refund"),
        ("- refund\n- urgent", "refund; urgent"),
        ("refund; refund", "refund"),
        ("none", "none"),
        ("refund; angry", None),
        ("The customer wants the money back", None),
    ],
)
def test_several_labels_must_all_be_known(text: str, labels: str | None) -> None:
    assert match_answer(text, ("none", "refund", "urgent"), Kind.MULTI_LABEL) == labels


@pytest.mark.parametrize(
    ("text", "rating"), [("4", "4"), ("4.0 stars", "4"), ("Rating: 4 out of 5", "4"), ("good", None)]
)
def test_a_rating_is_a_number(text: str, rating: str | None) -> None:
    assert match_answer(text, ("1", "2", "3", "4", "5"), Kind.NUMBER) == rating


def test_labels_that_differ_in_case_alone_are_told_apart() -> None:
    assert match_answer("Yes", ("YES", "Yes"), Kind.CLASSIFICATION) == "Yes"
    assert match_answer("yes", ("YES", "Yes"), Kind.CLASSIFICATION) is None


@pytest.mark.parametrize(("text", "label"), [("", None), ("...", None), ("-", "-"), ("**-**", "-"), ("Label: +", "+")])
def test_no_answer_is_no_label_of_signs(text: str, label: str | None) -> None:
    assert match_answer(text, ("+", "-"), Kind.CLASSIFICATION) == label


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("b", "B"),
        ("The answer is B.", "B"),
        ("Option A, because the card is lost.", "A"),
        ("It is a complaint.", None),
        ("A complaint about the food.", None),
        ("I think it's about a card.", None),
    ],
)
def test_a_letter_is_a_label_only_where_it_is_no_word(text: str, label: str | None) -> None:
    assert match_answer(text, ("A", "B", "I"), Kind.CLASSIFICATION) == label
