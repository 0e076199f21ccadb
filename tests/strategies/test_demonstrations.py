"""The examples that a fixed prompt shows, and how training rows stand to their labels."""

from __future__ import annotations

from collections import Counter

import pytest

from eval.task import Brief, Example, Kind
from strategies.demonstrations import AT_RANDOM, BORDERLINE, TYPICAL, Draw, counts_for, draws_for, examples_for
from strategies.standing import standings
from tests.tiny_model import tiny_transformer

TOPICS = {
    "billing": "invoice payment charge",
    "delivery": "parcel courier address",
    "account": "password login username",
    "returns": "refund exchange receipt",
    "hours": "opening closing weekend",
    "jobs": "vacancy salary application",
}
BRIEF = Brief("desk", Kind.CLASSIFICATION, "", tuple(sorted(TOPICS)))


def rows(each: int = 6) -> list[Example]:
    return [
        Example(f"{label}-{at}", f"question {at} about {words} {words.split()[at % 3]}", label)
        for label, words in TOPICS.items()
        for at in range(each)
    ]


def test_a_row_among_those_of_another_label_contradicts_them() -> None:
    wrong = Example("wrong", "question 9 about invoice payment charge invoice", "jobs")
    judged = {one.row.id: one for one in standings([*rows(), wrong], BRIEF)}
    assert [id for id, one in judged.items() if one.contradicts] == ["wrong"]
    assert judged["wrong"].typical < min(one.typical for id, one in judged.items() if id != "wrong")


def test_standing_does_not_depend_on_the_order_of_the_rows() -> None:
    found = standings(rows(), BRIEF)
    assert found == standings(rows()[::-1], BRIEF)


def test_the_typicality_of_a_row_leaves_itself_out() -> None:
    lonely = Example("lonely", "completely different wording", "jobs")
    judged = {one.row.id: one for one in standings([*[row for row in rows() if row.target != "jobs"], lonely], BRIEF)}
    assert judged["lonely"].typical == 0.0 and not judged["lonely"].contradicts  # the only one of its label


@pytest.mark.parametrize("taken", [AT_RANDOM, TYPICAL, BORDERLINE])
def test_every_label_is_shown_once_before_any_twice(taken: str) -> None:
    judged, model = standings(rows(), BRIEF), tiny_transformer()
    for count in (4, 6, 9, 12, 17):
        shown = Counter(row.target for row in examples_for(Draw(count, taken), judged, 0, model))
        assert shown.total() == count and max(shown.values()) == -(-count // 6)
        assert len(shown) == min(count, 6)


def test_rows_that_contradict_others_are_shown_last() -> None:
    wrong = [Example(f"wrong-{at}", f"invoice payment charge {at}", "jobs") for at in range(2)]
    judged = standings([*rows(), *wrong], BRIEF)
    for draw in draws_for(BRIEF, read_once=True):
        shown = examples_for(draw, judged, 0, tiny_transformer())
        assert not {row.id for row in shown} & {row.id for row in wrong}


def test_counts_are_multiples_of_the_labels() -> None:
    assert counts_for(BRIEF, True) == counts_for(BRIEF, False) == [6, 12, 18]
    assert counts_for(Brief("many", Kind.CLASSIFICATION, "", tuple(map(str, range(77)))), True) == [77]
    assert counts_for(Brief("two", Kind.CLASSIFICATION, "", ("a", "b")), True) == [4, 8, 16]


def test_free_text_and_paid_requests_are_tried_with_fewer_examples_first() -> None:
    fields, text = Brief("fields", Kind.EXTRACTION, ""), Brief("text", Kind.ANSWERING, "")
    assert counts_for(fields, read_once=True)[0] > counts_for(fields, read_once=False)[0]
    assert counts_for(text, read_once=True)[0] == counts_for(text, read_once=False)[0] == 8


def test_draws_at_random_differ() -> None:
    judged, model = standings(rows(20), BRIEF), tiny_transformer()
    first, second = (examples_for(Draw(6, draw=draw), judged, 0, model) for draw in (0, 1))
    assert len({row.id for row in first} & {row.id for row in second}) < 6


def test_the_most_labels_are_shown_that_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("strategies.demonstrations.TOKENS_OF_EXAMPLES", 120)
    long = [Example(f"long-{label}", f"about {words} " * 20, label) for label, words in TOPICS.items()]
    model = tiny_transformer()
    shown = examples_for(Draw(6), standings([*rows(), *long], BRIEF), 0, model)
    assert sum(model.count_tokens([f"{row.input}\n{row.target}" for row in shown])) <= 120
    assert not any(row.id.startswith("long") for row in shown)


def test_of_answers_without_labels_the_first_are_shown_that_fit_not_the_shortest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("strategies.demonstrations.TOKENS_OF_EXAMPLES", 120)
    uneven = [Example(str(at), f"about the invoice {at}", "yes " * (1 + at % 9)) for at in range(40)]
    judged, model = standings(uneven, Brief("desk", Kind.WRITING, "")), tiny_transformer()
    many, few = (examples_for(Draw(count), judged, 0, model) for count in (32, 4))
    assert 4 < len(many) < 32 and many[:4] == few


def test_one_that_is_too_long_alone_is_shown_only_if_all_are() -> None:
    long = [Example(f"long-{at}", f"about {at} " + "the invoice " * 1_000, "billing") for at in range(5)]
    short, model = Example("short", "about the invoice", "billing"), tiny_transformer()
    brief = Brief("desk", Kind.WRITING, "")
    for draw in (Draw(4), Draw(4, draw=1), Draw(4, draw=2)):
        assert examples_for(draw, standings([*long, short], brief), 0, model) == [short]
        assert len(examples_for(draw, standings(long, brief), 0, model)) == 1


def test_labels_of_several_are_each_shown() -> None:
    brief = Brief("tags", Kind.MULTI_LABEL, "", ("late", "broken", "rude"))
    several = [
        Example(str(at), f"text {at}", answer) for at, answer in enumerate(["late", "late; broken", "rude", "none"] * 5)
    ]
    shown = examples_for(Draw(4), standings(several, brief), 0, tiny_transformer())
    assert {"late", "broken", "rude", "none"} <= {label for row in shown for label in row.target.split("; ")}
